import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { createEvidenceCollector } from '../../src/evidence/collector.js'
import { findCycle, lockCycleCollector, readOwner } from '../../src/evidence/lock-cycle.js'
import { milliseconds } from '../../src/time.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import {
  contentOf,
  fixture,
  readStartTime,
  realClock,
  recordingSignaller,
  requestFor,
  startHung,
} from '../fixtures/evidence/hung-service.js'
import { buildC, makeFolder, needs } from '../fixtures/evidence/program.js'

const limit = milliseconds(5000)
const never = new AbortController().signal
const waiting = { kind: 'waiting', waitChannel: 'futex_wait_queue' } as const
const skip = needs('gcc')

t.test('two C threads that wait for each other are a deadlock, named without a debugger', { skip }, async (t) => {
  const service = await startHung(t, buildC(makeFolder(t), 'two-locks'), [])
  const platform = recordingSignaller()
  const evidence = createEvidenceCollector({ clock: realClock, platform, nativeStack: false })
  const cause = describeCause(waiting, await evidence.capture(requestFor(service, 5000)))
  const side = (here: string, there: string) =>
    `thread \\d+ \\(${here}\\) waits for the mutex at 0x[0-9a-f]+, which thread \\d+ \\(${there}\\) holds`
  t.match(cause, new RegExp(`^deadlock: ${side('two-locks', 'worker-b')}; ${side('worker-b', 'two-locks')}$`))
  t.strictSame(platform.sent, [])
  t.equal(service.child.exitCode, null)
})

t.test('with a debugger the functions and lines are named too', { skip: needs('gcc', 'gdb') }, async (t) => {
  const service = await startHung(t, buildC(makeFolder(t), 'two-locks'), [])
  const evidence = createEvidenceCollector({ clock: realClock, platform: recordingSignaller() })
  let exhibits = await evidence.capture(requestFor(service, 10_000))
  // On a loaded machine gdb may come before the second look, which then counts for nothing.
  for (let left = 5; left > 0 && !describeCause(waiting, exhibits).startsWith('deadlock'); left--) {
    exhibits = await evidence.capture(requestFor(service, 10_000))
  }
  t.match(
    describeCause(waiting, exhibits),
    new RegExp(
      `^deadlock: thread ${service.pid} \\(two-locks\\) waits in transfer\\(\\) \\(two-locks\\.c:15\\) for the mutex at .*; thread \\d+ \\(worker-b\\) waits in transfer\\(\\) \\(two-locks\\.c:15\\)`,
    ),
  )
})

t.test('a holder that waits for something else is followed to what it waits for', { skip }, async (t) => {
  const service = await startHung(t, buildC(makeFolder(t), 'lock-holder'), [])
  const evidence = createEvidenceCollector({ clock: realClock, platform: recordingSignaller(), nativeStack: false })
  let exhibits = await evidence.capture(requestFor(service, 5000))
  // On a loaded machine a reading may not come back in time; then the call of that thread is not known.
  for (let left = 5; left > 0 && !describeCause(waiting, exhibits).includes('read()'); left--) {
    exhibits = await evidence.capture(requestFor(service, 5000))
  }
  t.match(contentOf(exhibits, 'lock-cycle'), { waits: [{ holderName: 'loader' }], cycle: [] })
  t.match(
    describeCause(waiting, exhibits),
    /^thread \d+ \(lock-holder\) waits for the mutex at 0x[0-9a-f]+, which thread \d+ \(loader\) holds; that thread is in read\(\) on pipe:\[\d+\]$/,
  )
})

t.test('a program that waits for a condition, or for nothing, has no exhibit', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  t.strictSame(await lockCycleCollector.collect(requestFor(service, 5000), limit, never), { kind: 'not-applicable' })
  const python = await startHung(t, 'python3', [
    '-c',
    'import threading; print("hung", flush=True); threading.Event().wait()',
  ])
  t.strictSame(await lockCycleCollector.collect(requestFor(python, 5000), limit, never), { kind: 'not-applicable' })
})

t.test('owners are found in a pid namespace of its own', { skip: skip || needsRoot() }, async (t) => {
  const program = buildC(makeFolder(t), 'two-locks')
  const parent = await startHung(t, 'unshare', ['-p', '-f', '--kill-child', program])
  const [pid = 0] = readFileSync(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .map(Number)
  const request = { ...requestFor(parent, 5000), subject: { pid, startTime: readStartTime(pid) } }
  const finding = await lockCycleCollector.collect(request, limit, never)
  t.match(finding, { kind: 'found', content: { waits: [{ tid: pid }, { holder: pid }], cycle: [pid, Number] } })
})

t.test('who may not trace the process is told so', { skip: skip || needsRoot() }, async (t) => {
  const service = await startHung(t, buildC(makeFolder(t), 'two-locks'), [])
  const { NODE_OPTIONS: _tapLoaders, ...env } = process.env
  const args = [fixture('capture-as-nobody.mjs'), JSON.stringify({ ...requestFor(service, 8000), hang: waiting })]
  const { stdout } = await promisify(execFile)(process.execPath, args, { env })
  const exhibits: Exhibit[] = JSON.parse(stdout)
  const find = (name: string) => exhibits.find((exhibit) => exhibit.name === name)
  t.match(find('lock-cycle'), { kind: 'missing', reason: /^not permitted/ })
  t.match(find('native-stack'), { kind: 'missing', reason: /permitted/ })
  t.match(find('cause'), { content: /futex/ })
  t.equal(service.child.exitCode, null)
})

function needsRoot(): string | false {
  return process.getuid?.() === 0 ? needs('unshare') : 'it needs root'
}

t.test('a process that is gone leaves a sentence', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const exited = new Promise((resolve) => service.child.once('exit', resolve))
  service.child.kill('SIGKILL')
  await exited
  const finding = await lockCycleCollector.collect(requestFor(service, 5000), limit, never)
  t.match(finding, { kind: 'missing', reason: 'it no longer exists' })
})

t.test('only the bytes of a held mutex name an owner', (t) => {
  const mutex = (...words: readonly number[]) => Buffer.from(Uint32Array.from(words).buffer)
  const cases: readonly (readonly [Buffer, boolean, number | undefined])[] = [
    [mutex(2, 0, 77, 1, 0), false, 77],
    [mutex(2, 3, 77, 1, 1), false, 77],
    [mutex(2, 0, 77, 1, 128 + 2), false, 77],
    // Held, but nobody is known to wait: the word is 1.
    [mutex(1, 0, 77, 1, 0), false, undefined],
    [mutex(2, 0, 0, 1, 0), false, undefined],
    [mutex(2, 0, 77, 0, 0), false, undefined],
    [mutex(2, 0, 77, 1, 4), false, undefined],
    [mutex(2, 0, 77, 1), false, undefined],
    [mutex(0x8000004d, 0, 77, 1, 32), true, 77],
    [mutex(0x8000004e, 0, 77, 1, 32), true, undefined],
  ]
  for (const [bytes, inherits, owner] of cases) t.equal(readOwner(bytes, inherits), owner)
  t.end()
})

t.test('a ring is found behind those who only wait for it', (t) => {
  const waits = (...pairs: readonly (readonly [number, number])[]) => pairs.map(([tid, holder]) => ({ tid, holder }))
  t.strictSame(findCycle(waits([1, 2], [2, 3], [3, 2])), [2, 3])
  t.strictSame(findCycle(waits([1, 1])), [1])
  t.strictSame(findCycle(waits([1, 2], [2, 3])), [])
  t.strictSame(findCycle([]), [])
  t.end()
})
