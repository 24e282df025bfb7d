import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import { Guard, openGuard } from '../../src/platform/guard.js'
import { type GuardOptions, openNative } from '../../src/platform/guard-opening.js'
import { readStat } from '../../src/platform/linux-proc.js'
import { milliseconds } from '../../src/time.js'
import { createNativeEngine } from '../../src/watch/native-engine.js'
import { makeFolder, until } from '../heartbeat/stream-fixture.js'
import { nativeAddon } from '../support/native.js'

const { addon, skip } = nativeAddon()

function open(t: Test, options: GuardOptions = {}): Guard {
  if (addon === undefined) throw new Error('unreachable')
  const guard = openGuard(addon, { countdowns: 256, processes: 16, ...options })
  t.teardown(() => guard.close())
  return guard
}

function startSleeper(t: Test): { readonly child: ChildProcess; readonly pid: number } {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  if (child.pid === undefined) throw new Error('sleep does not start')
  return { child, pid: child.pid }
}

/** Nothing of JavaScript runs here for a while. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

t.test('the guard', { skip: skip && `skipped: ${skip}` }, async (t) => {
  t.test('says what it got of what makes it strong', async (t) => {
    t.same(open(t, { realtime: false, lockMemory: false }).strength, {
      realtime: 'not asked for',
      memoryLocked: 'not asked for',
    })
    const { realtime, memoryLocked } = open(t).strength
    t.ok(realtime === true || realtime === 'EPERM', String(realtime))
    t.ok(memoryLocked === true || memoryLocked === 'ENOMEM' || memoryLocked === 'EPERM', String(memoryLocked))
  })

  t.test('wakes JavaScript at the warning and at the limit, not before', async (t) => {
    const engine = createNativeEngine(open(t))
    const at: number[] = []
    const countdown = engine.create({
      warningElapsed: () => at.push(performance.now()),
      limitElapsed: () => at.push(performance.now()),
    })
    const start = performance.now()
    countdown.arm(milliseconds(200), 0.5)
    await until('the limit has passed', () => at.length === 2)
    t.ok((at[0] ?? 0) - start >= 100)
    t.ok((at[1] ?? 0) - start >= 200)
    t.equal(countdown.armed, false)
  })

  t.test('ends a process on time while JavaScript is blocked', async (t) => {
    const guard = open(t)
    const engine = createNativeEngine(guard)
    const acted: number[] = []
    const ended: number[] = []
    let limits = 0
    guard.listen({
      guardActed: (_countdown, process, error) => acted.push(process, error),
      processEnded: (process) => ended.push(process),
    })
    const { child, pid } = startSleeper(t)
    const exit = new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal)))
    const process = guard.watchProcess({ pid, startTime: readStat(pid)?.startTime ?? 'unknown' })
    const countdown = engine.create({ warningElapsed() {}, limitElapsed: () => limits++ })
    guard.bind(process, countdown.id)
    guard.countdownFallback(countdown.id, process, 'SIGKILL', milliseconds(50))
    countdown.arm(milliseconds(100), 0.5)
    // The guard's own view, as no event is delivered here.
    for (let waited = 0; waited < 20_000 && !guard.hasEnded(process); waited += 100) block(100)
    t.equal(guard.hasEnded(process), true)
    t.same(acted, [], 'JavaScript has not been told yet')
    t.equal(await exit, 'SIGKILL')
    await until('it was told', () => ended.length === 1)
    t.same(acted, [process, 0])
    t.equal(limits, 1)
    t.equal(guard.signal(process, 'SIGKILL'), false)
  })

  t.test('does not act on what JavaScript has answered', async (t) => {
    const guard = open(t)
    const engine = createNativeEngine(guard)
    const { child, pid } = startSleeper(t)
    const process = guard.watchProcess({ pid, startTime: 'unknown' })
    let limits = 0
    const countdown = engine.create({ warningElapsed() {}, limitElapsed: () => limits++ })
    guard.countdownFallback(countdown.id, process, 'SIGKILL', milliseconds(5000))
    countdown.arm(milliseconds(50), 0.5)
    await until('the limit has passed', () => limits === 1)
    t.equal(guard.native.countdownReading(countdown.id)?.state, 0, 'the claim has disarmed it')
    t.equal(child.exitCode, null)
  })

  t.test('watches only the process that is meant', async (t) => {
    const guard = open(t)
    const { pid } = startSleeper(t)
    t.throws(() => guard.watchProcess({ pid, startTime: '1' }), { code: 'unavailable', message: /ESRCH/ })
    t.throws(() => guard.watchProcess({ pid: 2 ** 30, startTime: 'unknown' }), { code: 'unavailable' })
    const process = guard.watchProcess({ pid, startTime: readStat(pid)?.startTime ?? 'unknown' })
    t.equal(guard.watchProcess({ pid, startTime: 'unknown' }), process, 'whoever else watches it shares the watch')
    guard.forgetProcess(process)
    t.equal(guard.hasEnded(process), false)
    const ended = new Promise<number>((resolve) => guard.listen({ processEnded: resolve }))
    guard.hold(true)
    t.equal(guard.signal(process, 'SIGKILL'), true)
    t.equal(await ended, process)
    guard.forgetProcess(process)
    t.equal(guard.signal(process, 'SIGKILL'), false)
    t.throws(() => guard.bind(process, 0), { code: 'unavailable' })
  })

  t.test('who writes and writes does not keep JavaScript from its other work', async (t) => {
    if (addon === undefined) throw new Error('unreachable')
    let heard = 0
    let wake = (): void => {}
    const native = openNative(addon, { byHand: true, countdowns: 16, processes: 16 }, () => {})
    if (typeof native === 'number') throw new Error('cannot open the guard')
    const record = { kind: 6, countdown: 0, process: 0, arming: 0, pid: 1, uid: 0, text: 'STATUS=x' }
    const read = () => (heard < 200_000 ? Array.from({ length: 256 }, () => ({ ...record })) : [])
    const guard = new Guard((woken) => {
      wake = woken
      return { ...native, read, close: () => native.close() }
    })
    t.teardown(() => guard.close())
    guard.listen({ messageReceived: () => heard++ })
    wake()
    t.equal(heard, 4096, 'one turn has an end')
    await until('the rest was handed on', () => heard >= 200_000)
  })

  t.test('a second notify socket, and one that cannot be made, are refused', async (t) => {
    const guard = open(t)
    const folder = makeFolder(t)
    writeFileSync(`${folder}/taken`, '')
    t.throws(() => guard.openNotify(`${folder}/taken`, 0o600), { code: 'create', message: /taken.*EADDRINUSE/ })
    t.throws(() => guard.openNotify(`${folder}/${'x'.repeat(120)}`, 0o600), { code: 'create', message: /ENAMETOOLONG/ })
    guard.openNotify(`${folder}/notify`, 0o600)
    t.throws(() => guard.openNotify(`${folder}/other`, 0o600), { code: 'create', message: /EBUSY/ })
    guard.closeNotify()
    guard.openNotify(`${folder}/other`, 0o600)
  })
})
