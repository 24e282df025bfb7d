import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { takeExhibit } from '../../src/evidence/exhibit.js'
import { listenQueueCollector } from '../../src/evidence/listen-queue.js'
import { createProcessCollector } from '../../src/evidence/process.js'
import { readWaits } from '../../src/evidence/wait.js'
import { createWaitCollector } from '../../src/evidence/wait-collector.js'
import { milliseconds } from '../../src/time.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import type { Hang } from '../../src/watch/verdict.js'
import {
  fixture,
  type HungService,
  makeFifo,
  realClock,
  requestFor,
  startHung,
  stateOf,
  until,
} from '../fixtures/evidence/hung-service.js'

const limit = milliseconds(8000)
const waiting: Hang = { kind: 'waiting', waitChannel: 'unknown' }
const isRoot = process.getuid?.() === 0

/** A Python service that hangs in the call of that name. */
function hangIn(t: Test, name: string, ...more: readonly string[]): Promise<HungService> {
  return startHung(t, 'python3', [fixture('waits.py'), name, ...more], { settleMs: 300 })
}

async function look(service: HungService): Promise<readonly Exhibit[]> {
  const request = requestFor(service, limit)
  const reading = takeExhibit(realClock, createProcessCollector('full'), request, limit)
  const others = [createWaitCollector(reading), listenQueueCollector].map((collector) =>
    takeExhibit(realClock, collector, request, limit),
  )
  return (await Promise.all([reading, ...others])).filter((exhibit) => exhibit !== undefined)
}

/** Looks again while the sentence is another one: on a busy machine not everything is found within the limits, and TCP takes its time. */
async function expectCause(t: Test, service: HungService, expected: string | RegExp, hang = waiting): Promise<void> {
  const fits = (cause: string): boolean => (typeof expected === 'string' ? cause === expected : expected.test(cause))
  const end = Date.now() + 20_000
  let cause = describeCause(hang, await look(service))
  while (!fits(cause) && Date.now() < end) {
    await delay(100)
    cause = describeCause(hang, await look(service))
  }
  if (typeof expected === 'string') t.equal(cause, expected)
  else t.match(cause, expected)
}

/** The process that the fixture started and that is to be named. */
function childOf({ lines }: HungService): string {
  return `process ${lines.find((line) => line.startsWith('child '))?.slice('child '.length)} (python3)`
}

function makeFile(t: Test, name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hangdog-waits-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  if (name !== 'socket') writeFileSync(path, '')
  return path
}

t.test('the holder of a file lock is named', async (t) => {
  const path = makeFile(t, 'x.lock')
  const service = await hangIn(t, 'flock', path)
  await expectCause(t, service, `waiting in flock(LOCK_EX) on ${path}, held by ${childOf(service)}`)
})

t.test('the holder of a record lock is named', async (t) => {
  const path = makeFile(t, 'x.lock')
  const service = await hangIn(t, 'lockf', path)
  await expectCause(t, service, `waiting in fcntl(F_SETLKW) on ${path}, held by ${childOf(service)}`)
  const found = (await look(service)).find(({ name }) => name === 'waits')
  const [wait] = readWaits(found?.kind === 'captured' ? found.content : undefined)
  t.match(wait, { arguments: { type: 'F_WRLCK', start: 0, length: 0 }, target: { lock: { mode: 'write' } } })
})

t.test('who does not read a full pipe is named', async (t) => {
  const service = await hangIn(t, 'full_pipe')
  const reader = `which is full and which ${childOf(service)} does not read`
  await expectCause(t, service, endingWith(`^waiting in write\\(\\) to pipe:\\[\\d+\\], `, reader))
})

t.test('who could write into an empty pipe is named, also when the pipe is polled', async (t) => {
  for (const [name, call] of [
    ['empty_pipe', 'read'],
    ['select_pipe', 'p?select6?'],
  ] as const) {
    const service = await hangIn(t, name)
    const writer = `, into which ${childOf(service)} writes nothing`
    await expectCause(t, service, endingWith(`^waiting in ${call}\\(\\) on pipe:\\[\\d+\\]`, writer))
  }
})

t.test('a reader that is stopped is said to be', async (t) => {
  const service = await hangIn(t, 'full_pipe')
  const child = Number(/\d+/.exec(childOf(service))?.[0])
  process.kill(child, 'SIGSTOP')
  await until(() => stateOf(child) === 'T', 'the reader to stop')
  await expectCause(t, service, new RegExp(`which process ${child} \\(python3, stopped\\) does not read`))
})

t.test('a FIFO that nobody writes to', async (t) => {
  const fifo = makeFifo(t)
  const reading = await startHung(t, 'python3', [fixture('fifo-read.py'), fifo])
  await expectCause(t, reading, `waiting in read() on FIFO ${fifo}, which no other process has open for writing`)
  const other = makeFifo(t)
  const opening = await hangIn(t, 'open_path', other)
  await expectCause(t, opening, `waiting in openat() on FIFO ${other}, which no process has open for writing`)
})

const hasSs = has('ss')

t.test('the other end of a Unix socket is named', { skip: hasSs ? false : 'ss is not installed' }, async (t) => {
  const service = await hangIn(t, 'unix_receive')
  await expectCause(
    t,
    service,
    `waiting in recvfrom() on a Unix socket (descriptor 3), whose other end is ${childOf(service)}, which sends nothing`,
  )
})

t.test('who does not accept on a Unix socket is named', async (t) => {
  const path = makeFile(t, 'socket')
  const service = await hangIn(t, 'unix_connect', path)
  await expectCause(
    t,
    service,
    `waiting in connect() to Unix socket ${path}: ${childOf(service)} listens there and does not accept`,
  )
})

t.test('the other end of a connection within the machine is named', async (t) => {
  const service = await hangIn(t, 'receive')
  const port = service.lines.find((line) => line.startsWith('port '))?.slice('port '.length)
  await expectCause(
    t,
    service,
    `waiting in recvfrom() from 127.0.0.1:${port} (TCP, ESTABLISHED); the other end is ${childOf(service)}`,
  )
})

t.test('a receiver that takes no more data is told apart from a dead one', async (t) => {
  const service = await hangIn(t, 'send_to_full')
  const cause =
    /^waiting in sendto\(\) to 127\.0\.0\.1:\d+ \(TCP, ESTABLISHED, the other side takes no more data, \d+ bytes wait\)/
  await expectCause(t, service, cause)
})

/** A network of its own, in which packets vanish. */
const vanishing =
  'ip link set lo up && ip addr add 10.9.9.1/32 dev lo && ip route add 10.9.9.2 dev lo && exec python3 "$@"'
const noNetwork = isRoot && has('ip') && has('unshare') ? false : 'it takes root, ip and unshare'

function hangInVanishing(t: Test, name: string): Promise<HungService> {
  return startHung(t, 'unshare', ['-n', 'sh', '-c', vanishing, 'sh', fixture('waits.py'), name])
}

t.test('a dead TCP peer is told by what it has not acknowledged', { skip: noNetwork }, async (t) => {
  const service = await hangInVanishing(t, 'dead_peer')
  const cause =
    /^waiting in recvfrom\(\) from 10\.9\.9\.2:80 \(TCP, ESTABLISHED, 42 bytes unacknowledged, \d+ retransmits?\)$/
  await expectCause(t, service, cause)
})

t.test('a connection that is never answered', { skip: noNetwork }, async (t) => {
  const service = await hangInVanishing(t, 'connect')
  const cause = /^waiting in connect\(\) to 10\.9\.9\.2:80 \(TCP, SYN_SENT, no answer to [2-9] attempts\)$/
  await expectCause(t, service, cause)
  await expectCause(t, service, /^no sign of life since its start: waiting in connect\(\)/, { kind: 'never-started' })
})

t.test('a child that is waited for is named', async (t) => {
  const service = await hangIn(t, 'wait_child')
  await expectCause(t, service, `waiting in wait4() for ${childOf(service)} to end`)
})

t.test('a full listen queue is named', { skip: hasSs ? false : 'ss is not installed' }, async (t) => {
  const service = await hangIn(t, 'listen_queue')
  await expectCause(
    t,
    service,
    /^listen queue full: 4 of 3 connections wait to be accepted on 127\.0\.0\.1:\d+; main thread is in epoll_wait\(\)/,
  )
})

const noFuse = isRoot && existsSync('/dev/fuse') ? false : 'it takes root and /dev/fuse'

t.test('a file system in user space is named with its server, and not looked at', { skip: noFuse }, async (t) => {
  const point = makeFile(t, 'x').replace(/x$/, 'mount')
  mkdirSync(point)
  t.teardown(() => execFileSync('umount', ['-l', point]))
  const server = await startHung(t, 'python3', [fixture('fuse-server.py'), point])
  const service = await hangIn(t, 'open_path', join(point, 'x'))
  server.child.kill('SIGSTOP')
  await until(() => stateOf(server.pid) === 'T', 'the server to stop')
  const cause = `openat() on ${point}/x (fuse mount of hangdog-test at ${point}; its server is process ${server.pid} (python3, stopped))`
  await expectCause(t, service, `waiting in ${cause}`)
  await expectCause(t, service, `blocked in the kernel, state D, in ${cause}`, {
    kind: 'blocked-in-kernel',
    waitChannel: 'x',
  })
})

t.test('a process that has ended, and one that may not be read, leave no wait', async (t) => {
  const service = await hangIn(t, 'empty_pipe')
  const gone = new Promise((resolve) => service.child.once('exit', resolve))
  service.child.kill('SIGKILL')
  await gone
  const exhibits = await look(service)
  t.notOk(exhibits.some(({ name, kind }) => name === 'waits' && kind === 'captured'))
})

/** A pattern, and after it words that stand for themselves. */
function endingWith(pattern: string, words: string): RegExp {
  return new RegExp(`${pattern}.*${words.replace(/[()[\]]/g, '\\$&')}$`)
}

function has(name: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${name}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
