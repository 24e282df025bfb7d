import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Emitted } from '../../src/event/event.js'
import { NotifyServer } from '../../src/heartbeat/notify-server.js'
import { NotifySource } from '../../src/heartbeat/notify-source.js'
import { openGuard } from '../../src/platform/guard.js'
import { systemClock } from '../../src/system-clock.js'
import { milliseconds } from '../../src/time.js'
import { nativeAddon } from '../support/native.js'
import { RecordingReceiver } from './recording-receiver.js'
import { makeFolder, until } from './stream-fixture.js'

const { addon, skip } = nativeAddon()

/** Sends each line of its standard input as a datagram; `\n` in it stands for a newline. */
const speaker = `
import os, socket, sys
client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
client.connect(os.environ['NOTIFY_SOCKET'])
for line in sys.stdin:
    client.send(line.rstrip('\\n').replace('\\\\n', '\\n').encode())
`

function setUp(t: Test, options: { admits?: (pid: number) => boolean; offered?: boolean } = {}) {
  if (addon === undefined) throw new Error('unreachable')
  const guard = openGuard(addon, { countdowns: 16, processes: 16, realtime: false, lockMemory: false })
  const events: Emitted[] = []
  const path = join(makeFolder(t), 'notify.sock')
  const server = new NotifyServer(guard, { path, clock: systemClock, emit: (event) => events.push(event) })
  const receiver = new RecordingReceiver()
  const surroundings = { clock: systemClock, emit: (event: Emitted) => events.push(event) }
  const source = new NotifySource(server, receiver, { ...surroundings, limit: () => milliseconds(2500), ...options })
  // Waiting for datagrams does not keep a process alive by itself.
  guard.hold(true)
  t.teardown(() => {
    server.close()
    guard.close()
  })
  const speak = (): ChildProcess => {
    const child = spawn('python3', ['-c', speaker], {
      env: { ...process.env, ...source.environment() },
      stdio: ['pipe', 'inherit', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    return child
  }
  const start = (child: ChildProcess): void => {
    source.serviceStarted({ pid: child.pid ?? 0, startTime: 'unknown', startedAt: new Date() })
  }
  return { guard, server, source, receiver, events, speak, start }
}

t.test('the notify source', { skip: skip && `skipped: ${skip}` }, async (t) => {
  t.test('tells the service where and how often to beat', async (t) => {
    const { source, server } = setUp(t)
    t.same(source.environment(), { NOTIFY_SOCKET: server.path, WATCHDOG_USEC: '2500000' })
  })

  t.test('hands on the vocabulary of sd_notify from the process of the service', async (t) => {
    const { receiver, speak, start, source } = setUp(t)
    const child = speak()
    start(child)
    child.stdin?.write('READY=1\\nSTATUS=up and running\\nMAINPID=12\\nERRNO=2\\nX_OTHER=1\n')
    child.stdin?.write('WATCHDOG=1\nWATCHDOG=1\nWATCHDOG_USEC=100000\nEXTEND_TIMEOUT_USEC=5000\nRELOADING=1\n')
    child.stdin?.write('WATCHDOG=trigger\nHEARTBEAT=worker:7\nWATCHDOG_USEC=never\nBARRIER=1\nSTOPPING=1\n')
    await until('all is there', () => receiver.signs.some(({ kind }) => kind === 'stopping'))
    t.same(
      receiver.signs.map(({ kind }) => kind),
      ['ready', 'status', 'main-process', 'limit', 'extend', 'reloading', 'trigger', 'stopping'],
    )
    t.equal(receiver.beats, 2)
    t.equal(receiver.contacts, 1)
    t.same(receiver.channelBeats, [{ channel: 'worker', progress: 7 }])
    t.same(source.counters(), { 'bad-value': 1 })
  })

  t.test('takes READY and STOPPING for no promise to beat where the socket was only offered', async (t) => {
    const { receiver, speak, start } = setUp(t, { offered: true })
    const child = speak()
    start(child)
    child.stdin?.write('READY=1\\nSTATUS=up\nSTOPPING=1\nEXTEND_TIMEOUT_USEC=5000\nWATCHDOG_USEC=100000\n')
    await until('the last is there', () => receiver.signs.length === 2)
    t.same(
      receiver.signs.map(({ kind }) => kind),
      ['status', 'limit'],
    )
    t.equal(receiver.contacts, 0)
    child.stdin?.write('WATCHDOG=1\nREADY=1\n')
    await until('it beats', () => receiver.signs.length === 3)
    t.match(receiver, { contacts: 1, beats: 1, signs: [{}, {}, { kind: 'ready' }] })
  })

  t.test('keeps what the service says before its start is known', async (t) => {
    const { receiver, speak, start, guard } = setUp(t)
    const child = speak()
    child.stdin?.write('READY=1\n')
    await until('it came', () => (guard.counters().messages ?? 0) === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.same(receiver.signs, [])
    start(child)
    t.same(receiver.signs, [{ kind: 'ready' }])
  })

  t.test('hears a service that has ended before its start is known', async (t) => {
    const { receiver, speak, start, guard } = setUp(t)
    const child = speak()
    child.stdin?.end('READY=1\n')
    await new Promise((resolve) => child.once('exit', resolve))
    await until('it came', () => (guard.counters().messages ?? 0) === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    start(child)
    t.same(receiver.signs, [{ kind: 'ready' }])
  })

  t.test('hands on what the guard took before the start and we read after it', async (t) => {
    const { receiver, speak, start, guard } = setUp(t)
    const child = speak()
    child.stdin?.write('READY=1\n')
    // No turn of the event loop from here to the start.
    const cell = new Int32Array(new SharedArrayBuffer(4))
    for (let waited = 0; guard.counters().messages === 0 && waited < 20_000; waited += 20) Atomics.wait(cell, 0, 0, 20)
    start(child)
    t.same(receiver.signs, [])
    await until('it is heard', () => receiver.signs.length === 1)
  })

  t.test('keeps it although another floods the socket before and after it', async (t) => {
    const { receiver, speak, start, guard } = setUp(t)
    const [child, other] = [speak(), speak()]
    other.stdin?.write('STATUS=foreign\n'.repeat(1000))
    await until('it was heard', () => (guard.counters().datagrams ?? 0) >= 1000)
    child.stdin?.write('READY=1\n')
    other.stdin?.write('STATUS=foreign\n'.repeat(1000))
    await until('all is there', () => (guard.counters().datagrams ?? 0) === 2001)
    start(child)
    await until('it is ready', () => receiver.signs.length === 1)
    t.same(receiver.signs, [{ kind: 'ready' }])
  })

  t.test('takes nothing from another process, unless it is admitted', async (t) => {
    const { receiver, speak, start } = setUp(t)
    start(speak())
    const other = speak()
    other.stdin?.end('WATCHDOG=1\nSTOPPING=1\n')
    await new Promise((resolve) => other.once('exit', resolve))
    await new Promise((resolve) => setTimeout(resolve, 100))
    t.equal(receiver.beats, 0)
    t.same(receiver.signs, [])
    const open = setUp(t, { admits: () => true })
    open.start(open.speak())
    open.speak().stdin?.write('WATCHDOG=1\n')
    await until('the beat of the other counts', () => open.receiver.beats === 1)
  })

  t.test('asks once about a stranger, not for each of its messages', async (t) => {
    let asked = 0
    const { speak, start, guard } = setUp(t, { admits: () => ++asked === 0 })
    start(speak())
    const stranger = speak()
    stranger.stdin?.write('STATUS=x\n'.repeat(14))
    await until('all came', () => guard.counters().messages === 14)
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.ok(asked > 0 && asked < 5, String(asked))
  })

  t.test('counts what the socket did not take', async (t) => {
    const { speak, start, source } = setUp(t)
    const child = speak()
    start(child)
    child.stdin?.write('no key\nno key\n')
    await until('it was dropped', () => source.counters()['socket-dropped-malformed'] === 2)
    t.same(source.counters(), { 'socket-dropped-malformed': 2 })
  })

  t.test('takes nothing any more when the service has ended, and all of the next run', async (t) => {
    const { receiver, speak, start, source, guard } = setUp(t)
    const first = speak()
    start(first)
    first.stdin?.write('READY=1\n')
    await until('the first speaks', () => receiver.signs.length === 1)
    source.serviceEnded()
    first.stdin?.write('STATUS=still here\n')
    await until('it came', () => guard.counters().messages === 2)
    await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal(receiver.signs.length, 1)
    const second = speak()
    start(second)
    second.stdin?.write('READY=1\n')
    await until('the second speaks', () => receiver.signs.length === 2)
    t.equal(receiver.contacts, 2)
  })

  const redis = '/usr/bin/redis-server'
  t.test(
    'hears redis-server as systemd would',
    { skip: existsSync(redis) ? false : `skipped: there is no ${redis}` },
    async (t) => {
      const { receiver, start, source } = setUp(t)
      const folder = makeFolder(t)
      const listening = ['--port', '0', '--unixsocket', join(folder, 'redis.sock')]
      const args = ['--supervised', 'systemd', ...listening, '--save', '', '--dir', folder]
      const child = spawn(redis, args, { env: { ...process.env, ...source.environment() }, stdio: 'ignore' })
      t.teardown(() => child.kill('SIGKILL'))
      start(child)
      await until('it is ready', () => receiver.signs.some(({ kind }) => kind === 'ready'))
      child.kill('SIGTERM')
      await until('it says that it stops', () => receiver.signs.some(({ kind }) => kind === 'stopping'))
      t.ok(receiver.signs.some(({ kind }) => kind === 'status'))
    },
  )

  const systemdNotify = '/usr/bin/systemd-notify'
  t.test(
    'does not keep systemd-notify waiting for its descriptor to be closed',
    { skip: existsSync(systemdNotify) ? false : `skipped: there is no ${systemdNotify}` },
    async (t) => {
      const { receiver, speak, start, source } = setUp(t, { admits: () => true })
      start(speak())
      const began = Date.now()
      const child = spawn(systemdNotify, ['--ready', '--status=by hand'], {
        env: { ...process.env, ...source.environment() },
        stdio: ['ignore', 'inherit', 'pipe'],
      })
      let complaint = ''
      child.stderr?.on('data', (chunk) => {
        complaint += chunk
      })
      const code = await new Promise((resolve) => child.once('exit', resolve))
      t.equal(code, 0)
      t.equal(complaint, '')
      t.ok(Date.now() - began < 4500, 'it gives up after five seconds')
      await until('it was heard', () => receiver.signs.length === 2)
      t.same(receiver.signs, [{ kind: 'ready' }, { kind: 'status', text: 'by hand' }])
    },
  )
})
