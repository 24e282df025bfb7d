import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { createEvidenceCollector } from '../../src/evidence/collector.js'
import { createJavaScriptStackCollector } from '../../src/evidence/javascript-stack.js'
import { milliseconds } from '../../src/time.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import type { Hang } from '../../src/watch/verdict.js'
import {
  contentOf,
  fixture,
  type HungService,
  listeningPorts,
  makeFifo,
  realClock,
  recordingSignaller,
  requestFor,
  startHung,
  until,
} from '../fixtures/evidence/hung-service.js'

/** Wide, so that a loaded machine cuts nothing off that the tests look at. */
const budgetMs = 8000

const randomPort = ['--inspect-port=0']
const busy: Hang = { kind: 'busy-loop', cpuPercent: 99 }
const polling: Hang = { kind: 'waiting', waitChannel: 'ep_poll' }
const silent = milliseconds(12_400)

/** On a busy machine a capture may be cut off at its limit, which says so; then it is taken again. */
async function capture(service: HungService, create = createEvidenceCollector): Promise<readonly Exhibit[]> {
  const evidence = create({ clock: realClock, platform: recordingSignaller(), nativeStack: false })
  for (let attempt = 1; ; attempt++) {
    const exhibits = await evidence.capture(requestFor(service, budgetMs))
    const isLate = (exhibit: Exhibit) =>
      exhibit.kind === 'missing' && /not finished|in time|did not answer/.test(exhibit.reason)
    if (attempt === 8 || !exhibits.some((each) => isLate(each) || /cannot be used/.test(JSON.stringify(each))))
      return exhibits
  }
}

/** The line of a fixture that has this text; 1 is the first. */
function lineOf(name: string, text: string): number {
  const lines = readFileSync(fixture(name), 'utf8').split('\n')
  return lines.findIndex((line) => line.includes(text)) + 1
}

t.test('a regular expression without end is named, with its call and its line', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('slow-regexp.mjs')])
  const exhibits = await capture(service)
  t.match(contentOf(exhibits, 'javascript-stack'), { builtIn: 'RegExp.exec', samples: { count: 3, samePlace: true } })
  const line = lineOf('slow-regexp.mjs', 'pattern.exec')
  t.match(
    describeCause(busy, exhibits, silent),
    new RegExp(
      `^main thread has been inside RegExp\\.exec, called by search \\(slow-regexp\\.mjs:${line}\\), process on CPU 99 %, so at 3 looks in \\d+ ms, silent for 12\\.4 s$`,
    ),
  )
})

t.test('a worker that spins while the main thread is well is named by its function and line', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-worker.mjs')])
  const exhibits = await capture(service)
  t.match(contentOf(exhibits, 'javascript-stack'), {
    workers: [{ title: /^\[worker \d+\] cruncher$/, samples: { steady: 0 } }],
  })
  const line = lineOf('busy-worker.mjs', 'for (;;)')
  t.match(
    describeCause(busy, exhibits),
    new RegExp(
      `^worker thread \\[worker \\d+\\] cruncher is busy in crunch \\(busy-worker\\.mjs:${line}\\), process on CPU 99 %, so at 2 looks in \\d+ ms; the main thread's event loop turns$`,
    ),
  )
  await until(() => listeningPorts(service.pid) === 0, 'the inspector to be closed')
  t.equal(service.child.exitCode, null)
})

t.test('the workers of a main thread in native code are said to be out of reach', async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-worker.mjs'), 'blocked', fifo])
  const missing = (await capture(service)).find(({ name }) => name === 'javascript-stack')
  t.match(missing, { kind: 'missing', reason: /blocked in native code.*workers are reached through the main thread/ })
})

t.test('a worker that waits in Atomics.wait is named beside the idle loop', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('waiting-worker.mjs')])
  t.match(
    describeCause(polling, await capture(service)),
    /^event loop is idle: .*; worker thread \[worker \d+\] taker is inside Atomics\.wait, called by takeJob \(waiting-worker\.mjs:\d+\)$/,
  )
})

t.test('a pool without a free thread is named with what its threads are blocked in', async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, process.execPath, [...randomPort, fixture('many-operations.mjs'), fifo], {
    environment: { UV_THREADPOOL_SIZE: '4' },
  })
  const cause = describeCause(polling, await capture(service), silent)
  t.match(cause, /^event loop is idle: 6 operations are pending on libuv's pool of 4 threads \(6 FSReqCallback\)/)
  t.match(cause, /4 threads of the process are blocked: 4 in open(at)?\(\) on FIFO \//)
  t.match(cause, /silent for 12\.4 s$/)
})

t.test('a pool that is larger than what is blocked is not blamed', async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, process.execPath, [...randomPort, fixture('many-operations.mjs'), fifo], {
    environment: { UV_THREADPOOL_SIZE: '8' },
  })
  const cause = describeCause(polling, await capture(service))
  t.match(
    cause,
    /^event loop is idle: pending in it: 6 FSReqCallback.*; other threads are in 6 in open(at)?\(\) on FIFO \//,
  )
})

t.test('a promise that nothing settles leaves nothing but timers pending', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('promise-for-ever.mjs')])
  t.match(describeCause(polling, await capture(service)), /^event loop is idle: only timers are pending in it/)
})

t.test('the peers of an idle loop are named', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('connected.mjs')])
  const port = service.lines.find((line) => line.startsWith('port '))?.slice(5)
  t.match(
    describeCause(polling, await capture(service)),
    new RegExp(`^event loop is idle: pending in it: .*2 TCPSocketWrap.* \\(connected to .*127\\.0\\.0\\.1:${port}`),
  )
})

t.test('of a stack of nine thousand calls, those that tell are shown', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('deep-recursion.mjs')])
  const found = await createJavaScriptStackCollector(recordingSignaller()).collect(
    requestFor(service, 20_000),
    milliseconds(20_000),
    new AbortController().signal,
  )
  const content = found.kind === 'found' ? found.content : {}
  const exhibits: Exhibit[] = [{ kind: 'captured', name: 'javascript-stack', tookMs: 1, content }]
  const { frames, omitted } = contentOf(exhibits, 'javascript-stack')
  t.match(frames, [{ function: 'descend' }])
  t.ok(Array.isArray(frames) && frames.length <= 50)
  t.ok(Number(omitted) > 8900, String(omitted))
  t.match(describeCause(busy, exhibits), /^busy loop in descend \(deep-recursion\.mjs:\d+\), process on CPU 99 %/)
})

t.test('the environment of a service is in no exhibit', async (t) => {
  const secret = 'hunter2-in-the-environment'
  const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-loop.mjs'), '600000'], {
    environment: { DATABASE_PASSWORD: secret },
  })
  const exhibits = await capture(service)
  contentOf(exhibits, 'javascript-stack')
  t.notOk(JSON.stringify(exhibits).includes(secret))
})

/** unshare needs rights that not every machine gives. */
function canUnshare(): boolean {
  return spawnSync('unshare', ['--net', 'true']).status === 0
}

t.test('a service in a network of its own is not asked, and not signalled', { skip: !canUnshare() }, async (t) => {
  const args = ['--net', process.execPath, ...randomPort, fixture('busy-loop.mjs'), '600000']
  const service = await startHung(t, 'unshare', args)
  const platform = recordingSignaller()
  const evidence = createEvidenceCollector({ clock: realClock, platform, nativeStack: false })
  const exhibits = await evidence.capture(requestFor(service, budgetMs))
  const missing = exhibits.find(({ name }) => name === 'javascript-stack')
  t.match(missing, { kind: 'missing', reason: 'the service has a network namespace of its own' })
  t.strictSame(platform.sent, [])
})

t.test(
  'a map is read where the service sees it, in a mount namespace of its own',
  { skip: !canUnshare() },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'hangdog-mount-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    // The folder is covered by another one that only the service has.
    const script = `mount -t tmpfs none ${folder} && cp ${fixture('mapped/spin.mjs')} ${fixture('mapped/spin.mjs.map')} ${folder} && exec "$0" "$@"`
    const node = [process.execPath, ...randomPort, join(folder, 'spin.mjs')]
    const service = await startHung(t, 'unshare', ['--mount', 'sh', '-c', script, ...node])
    t.match(describeCause(busy, await captureBuilt(service)), /^busy loop in spin \(original\.ts:9\)/)
  },
)

/** Maps are read by a worker thread, which needs the built code. */
async function captureBuilt(service: HungService): Promise<readonly Exhibit[]> {
  const built: typeof import('../../src/evidence/collector.js') = await import(
    new URL('../../dist/evidence/collector.js', import.meta.url).href
  )
  return capture(service, built.createEvidenceCollector)
}
