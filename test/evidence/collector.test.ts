import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { createEvidenceCollector } from '../../src/evidence/collector.js'
import { toRecord } from '../../src/evidence/protocol-channel.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import {
  captureInTime,
  contentOf,
  fixture,
  type HungService,
  listeningPorts,
  makeFifo,
  readStartTime,
  realClock,
  recordingSignaller,
  requestFor,
  startHung,
  stateOf,
  until,
} from '../fixtures/evidence/hung-service.js'
import { hasTool } from '../fixtures/evidence/program.js'

/** Wide, so that a loaded machine cuts nothing off that the tests look at. */
const wideBudgetMs = 8000

function collector() {
  return createEvidenceCollector({ clock: realClock, platform: recordingSignaller() })
}

const randomPort = ['--import', fixture('random-inspector-port.mjs')]

t.test('a busy loop is named by its function and line, and the service goes on afterwards', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-loop.mjs'), '6000'])
  const exhibits = await captureInTime(collector(), requestFor(service, wideBudgetMs), 'javascript-stack')
  const frames = contentOf(exhibits, 'javascript-stack').frames
  t.match(frames, [{ function: 'spin', url: /busy-loop\.mjs$/, line: Number }])
  t.notOk(
    exhibits.some(({ name }) => name === 'native-stack'),
    'no native debugger runs as well',
  )
  t.match(
    describeCause({ kind: 'busy-loop', cpuPercent: 99 }, exhibits),
    /^busy loop in spin \(busy-loop.mjs:\d+\), process on CPU 99 %, so at 3 looks in \d+ ms$/,
  )
  await until(() => service.lines.includes('went on'), 'the service to go on')
  await until(() => listeningPorts(service.pid) === 0, 'the inspector to be closed')
  t.equal(service.child.exitCode, null)
})

t.test('a second capture of the same service works as the first did', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-loop.mjs'), '600000'])
  const evidence = collector()
  for (const turn of ['first', 'second']) {
    const exhibits = await captureInTime(evidence, requestFor(service, wideBudgetMs), 'javascript-stack')
    // The runner listens to all signals, and may be met on its way.
    t.match(JSON.stringify(contentOf(exhibits, 'javascript-stack')), /"function":"spin"/, turn)
  }
})

t.test('Atomics.wait on the main thread is named with its caller', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('atomics-wait.mjs')])
  const exhibits = await collector().capture(requestFor(service, wideBudgetMs))
  t.match(
    describeCause({ kind: 'waiting', waitChannel: 'futex_wait_queue' }, exhibits),
    /^main thread waits in Atomics\.wait called from waitForEver \(atomics-wait.mjs:\d+\)$/,
  )
})

t.test('a main thread blocked in opening a FIFO is named by call and path, with a native stack instead', async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, process.execPath, [...randomPort, fixture('fifo-open.mjs'), fifo])
  const exhibits = await collector().capture(requestFor(service, wideBudgetMs))
  t.match(find(exhibits, 'javascript-stack'), { kind: 'missing', reason: /blocked in native code/ })
  const cause = describeCause({ kind: 'waiting', waitChannel: 'wait_for_partner' }, exhibits)
  t.match(cause, /^waiting in open(at)?\(\) on FIFO /)
  t.ok(cause.endsWith(`${fifo}, which no process has open for writing`), cause)
  if (hasTool('gdb')) t.match(contentOf(exhibits, 'native-stack'), { tool: 'gdb' })
  t.equal(service.child.signalCode, null)
})

t.test('a Python service blocked in a read is named by the file, and never gets SIGUSR1', async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, 'python3', [fixture('fifo-read.py'), fifo])
  const platform = recordingSignaller()
  const evidence = createEvidenceCollector({ clock: realClock, platform })
  const exhibits = await evidence.capture(requestFor(service, wideBudgetMs))
  t.strictSame(platform.sent, [])
  t.notOk(find(exhibits, 'javascript-stack'))
  const cause = describeCause({ kind: 'waiting', waitChannel: 'pipe_read' }, exhibits)
  t.ok(cause.startsWith(`waiting in read() on FIFO ${fifo}`), cause)
  t.match(find(exhibits, 'output'), { kind: 'captured', content: ['hung'] })
  t.match(contentOf(exhibits, 'process'), { commandLine: ['python3', /fifo-read/, fifo], openFiles: { count: Number } })
  t.equal(service.child.exitCode, null)
})

t.test('a native program that sleeps keeps running, and its call is named', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const platform = recordingSignaller()
  const exhibits = await createEvidenceCollector({ clock: realClock, platform }).capture(
    requestFor(service, wideBudgetMs),
  )
  t.match(describeCause({ kind: 'waiting', waitChannel: '' }, exhibits), /^waiting in (clock_)?nanosleep\(\)$/)
  t.strictSame(platform.sent, [])
  t.equal(service.child.exitCode, null)
  t.equal(service.child.signalCode, null)
})

t.test('an idle event loop is told apart from a blocked one', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('idle-loop.mjs')])
  const exhibits = await createEvidenceCollector({
    clock: realClock,
    platform: recordingSignaller(),
    nativeStack: false,
  }).capture(requestFor(service, wideBudgetMs))
  t.match(contentOf(exhibits, 'javascript-stack'), { loop: 'idle', frames: [], runtime: { resources: Object } })
  t.match(
    describeCause({ kind: 'waiting', waitChannel: 'ep_poll' }, exhibits),
    /^event loop is idle: only timers are pending in it/,
  )
})

t.test('two Node services captured at once each show their own stack', async (t) => {
  const [busy, waiting] = await Promise.all([
    startHung(t, process.execPath, [...randomPort, fixture('busy-loop.mjs'), '600000']),
    startHung(t, process.execPath, [...randomPort, fixture('atomics-wait.mjs')]),
  ])
  const evidence = collector()
  const [first, second] = await Promise.all([
    evidence.capture(requestFor(busy, wideBudgetMs)),
    evidence.capture(requestFor(waiting, wideBudgetMs)),
  ])
  t.match(contentOf(first, 'javascript-stack'), { frames: [{ function: 'spin' }] })
  t.match(contentOf(second, 'javascript-stack'), { frames: [{ function: 'waitForEver' }] })
})

t.test('two Node services that want the same inspector port are captured one after the other', async (t) => {
  const port = `--inspect-port=${20_000 + (process.pid % 10_000)}`
  const services = [
    await startHung(t, process.execPath, [port, fixture('busy-loop.mjs'), '600000']),
    await startHung(t, process.execPath, [port, fixture('atomics-wait.mjs')]),
  ]
  const evidence = collector()
  const [first = [], second = []] = await Promise.all(
    services.map((service) => evidence.capture(requestFor(service, wideBudgetMs))),
  )
  t.match(contentOf(first, 'javascript-stack'), { frames: [{ function: 'spin' }] })
  t.match(contentOf(second, 'javascript-stack'), { frames: [{ function: 'waitForEver' }] })
})

t.test('a service started with its inspector open is read through it, which stays open', async (t) => {
  const service = await startHung(t, process.execPath, ['--inspect=127.0.0.1:0', fixture('busy-loop.mjs'), '600000'])
  const platform = recordingSignaller()
  const exhibits = await createEvidenceCollector({ clock: realClock, platform }).capture(
    requestFor(service, wideBudgetMs),
  )
  t.match(contentOf(exhibits, 'javascript-stack'), { frames: [{ function: 'spin' }] })
  t.strictSame(platform.sent, [])
  await delay(300)
  t.equal(listeningPorts(service.pid), 1)
})

t.test('a process that ends during the capture leaves exhibits and no failure', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const capture = collector().capture(requestFor(service, 3000))
  service.child.kill('SIGKILL')
  const exhibits = await capture
  t.ok(find(exhibits, 'process'))
  const later = await collector().capture(requestFor(service, 3000))
  t.match(find(later, 'process'), { kind: 'missing', reason: /no longer exists/ })
})

t.test(
  'a collector that never settles is cut off at the budget; one that throws is missing with its reason',
  async (t) => {
    const service = await startHung(t, 'sleep', ['600'], { silent: true })
    const evidence = createEvidenceCollector({
      clock: realClock,
      platform: recordingSignaller(),
      nativeStack: false,
      more: [
        { name: 'endless', collect: () => new Promise(() => {}) },
        {
          name: 'broken',
          collect: () => {
            throw new Error('it broke')
          },
        },
      ],
    })
    const exhibits = await evidence.capture(requestFor(service, 700))
    t.match(find(exhibits, 'endless'), { kind: 'missing', reason: 'not finished within 630 ms' })
    t.match(find(exhibits, 'broken'), { kind: 'missing', reason: 'it broke' })
    t.equal(find(exhibits, 'process')?.kind, 'captured')
  },
)

t.test(
  'a service with very many threads and descriptors is read in part, and nothing else is late for it',
  async (t) => {
    const service = await startHung(t, 'python3', [fixture('many.py'), '2000', '15000'])
    const evidence = createEvidenceCollector({ clock: realClock, platform: recordingSignaller(), nativeStack: false })
    const exhibits = await captureInTime(evidence, requestFor(service, wideBudgetMs), 'process')
    for (const name of ['process', 'waits', 'strain', 'pressure']) t.equal(find(exhibits, name)?.kind, 'captured', name)
    t.match(contentOf(exhibits, 'process'), { threads: { count: 2001 } })
    const { threads } = toRecord(contentOf(exhibits, 'process').threads)
    t.ok(Array.isArray(threads) && threads.length < 200, 'some of the threads are shown')
    t.match(describeCause({ kind: 'waiting', waitChannel: 'pipe_read' }, exhibits), /^waiting in read\(\) on pipe:/)
  },
)

t.test('the light capture reads threads and pressure, and touches nothing', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('atomics-wait.mjs')])
  const platform = recordingSignaller()
  const exhibits = await createEvidenceCollector({ clock: realClock, platform }).captureLight(requestFor(service, 3000))
  t.strictSame(
    exhibits.map(({ name, kind }) => `${name} ${kind}`),
    ['process captured', 'pressure captured'],
  )
  t.match(contentOf(exhibits, 'process'), { threads: { threads: [{ tid: service.pid, syscall: 'futex()' }] } })
  t.strictSame(platform.sent, [])
})

t.test('what is captured is about the silent process, also when that is a child of the service', async (t) => {
  const parent = fixture('starts-hung-child.mjs')
  const service = await startHung(t, process.execPath, [...randomPort, parent, fixture('busy-loop.mjs')])
  const pid = Number(service.lines.find((line) => line.startsWith('child '))?.slice('child '.length))
  t.teardown(() => process.kill(pid, 'SIGKILL'))
  const platform = recordingSignaller()
  const evidence = createEvidenceCollector({ clock: realClock, platform })
  const request = { ...requestFor(service, wideBudgetMs), subject: { pid, startTime: readStartTime(pid) } }
  const exhibits = await evidence.capture(request)
  t.match(contentOf(exhibits, 'javascript-stack'), { frames: [{ function: 'spin', url: /busy-loop\.mjs$/ }] })
  t.match(contentOf(exhibits, 'process'), { pid, threads: { threads: [{ tid: pid }] } })
  t.match(find(exhibits, 'output'), { kind: 'captured', content: [`child ${pid}`, 'hung'] })
  t.strictSame(platform.sent, [{ pid, signal: 'SIGUSR1' }])
  const light = await evidence.captureLight(request)
  t.match(contentOf(light, 'process'), { pid })
})

const listsChildren = existsSync(`/proc/self/task/${process.pid}/children`)

t.test('the children of a process are listed with their state', { skip: !listsChildren }, async (t) => {
  const service = await startHung(t, 'sh', ['-c', 'sleep 600 & echo hung; wait'])
  const evidence = createEvidenceCollector({ clock: realClock, platform: recordingSignaller(), nativeStack: false })
  const [child = 0] = readChildPids(service.pid)
  t.teardown(() => process.kill(child, 'SIGKILL'))
  process.kill(child, 'SIGSTOP')
  await until(() => stateOf(child) === 'T', 'the child to stop')
  const exhibits = await evidence.capture(requestFor(service, wideBudgetMs))
  t.match(contentOf(exhibits, 'process'), { children: [{ pid: child, name: 'sleep', state: 'T' }] })
  t.match(
    describeCause({ kind: 'waiting', waitChannel: 'do_wait' }, exhibits),
    new RegExp(`^waiting in .*; its child sleep \\(pid ${child}\\) is stopped \\(T\\)$`),
  )
})

t.test('execSync is told apart from an idle event loop by the native stack', { skip: !hasTool('gdb') }, async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('exec-sync.mjs')])
  t.teardown(() => {
    for (const pid of readChildPids(service.pid)) process.kill(pid, 'SIGKILL')
  })
  const exhibits = await collector().capture(requestFor(service, wideBudgetMs))
  t.match(
    describeCause({ kind: 'waiting', waitChannel: 'do_epoll_wait' }, exhibits),
    /^main thread waits for a child process that it runs synchronously \(spawnSync, execSync\)(; its only child is s\w+ \(pid \d+\))?$/,
  )
})

t.test(
  'a user without rights gets a sentence for all that is not permitted',
  { skip: process.getuid?.() !== 0 },
  async (t) => {
    const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-loop.mjs'), '600000'])
    const exhibits: Exhibit[] = JSON.parse(await captureAsNobody(service))
    t.match(find(exhibits, 'javascript-stack'), { kind: 'missing', reason: /not permitted/ })
    t.match(find(exhibits, 'native-stack'), { kind: 'missing', reason: /permitted/ })
    t.match(contentOf(exhibits, 'process'), { executable: /not permitted/, openFiles: /not permitted/ })
    t.match(contentOf(exhibits, 'process'), { threads: { threads: [{ state: 'R', syscall: /not permitted/ }] } })
    t.match(find(exhibits, 'cause'), { content: 'unknown: busy, process on CPU 99 %, and no stack could be taken' })
    t.equal(service.child.exitCode, null)
  },
)

async function captureAsNobody(service: HungService): Promise<string> {
  const request = JSON.stringify({ ...requestFor(service, wideBudgetMs), hang: { kind: 'busy-loop', cpuPercent: 99 } })
  const { NODE_OPTIONS: _tapLoaders, ...env } = process.env
  for (let attempt = 1; ; attempt++) {
    const { stdout } = await promisify(execFile)(process.execPath, [fixture('capture-as-nobody.mjs'), request], { env })
    // A busy machine may be late for a reading; then all of it is taken again, a few times.
    if (attempt === 6 || !/did not answer within|not finished within/.test(stdout)) return stdout
  }
}

function readChildPids(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function find(exhibits: readonly Exhibit[], name: string): Exhibit | undefined {
  return exhibits.find((exhibit) => exhibit.name === name)
}
