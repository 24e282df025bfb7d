import t from 'tap'
import { HangdogError } from '../src/errors.js'
import type { Emitted } from '../src/event/event.js'
import { checkOwnWatch, OwnKernelWatch, startOwnWatch } from '../src/own-kernel-watch.js'
import type { OwnWatchAction } from '../src/own-kernel-watch-settings.js'
import { type KernelEvent, type KernelOrder, kernelEvents } from '../src/platform/kernel-module.js'
import { thisProcess } from '../src/process-identity.js'
import { seconds } from '../src/time.js'
import type { BugCheckPermit } from '../src/watch/surroundings.js'

// The kernel itself is tried in a virtual machine: test/vm/module-watch.test.ts. Here are its answers that need another machine's rights.

const notRunning = -61

/** A kernel that answers as the test says. */
class ScriptedCountdown {
  readonly orders: KernelOrder[] = []
  readonly events: KernelEvent[] = []
  refuse: (action: string) => string | undefined = () => undefined
  spent = 5
  beats = 0
  closed = 0

  arm(order: KernelOrder): number {
    const refused = this.refuse(order.action)
    if (refused !== undefined) throw new HangdogError('permission', `cannot have the kernel watch: ${refused}`)
    this.spent = 5
    return this.orders.push(order)
  }

  beatSpent(): number {
    this.beats++
    return this.spent
  }

  event(): KernelEvent | undefined {
    return this.events.shift()
  }

  close(): void {
    this.closed++
  }
}

function watched(action: OwnWatchAction, countdown = new ScriptedCountdown()) {
  const emitted: Emitted[] = []
  const gate = { answer: { kind: 'granted' } as BugCheckPermit, permit: () => gate.answer }
  const settings = { timeout: seconds(16), action }
  const watch = new OwnKernelWatch({
    countdown,
    settings,
    bugCheckGate: gate,
    emit: (event) => void emitted.push(event),
  })
  const actions = () => countdown.orders.map((order) => order.action)
  return { watch, countdown, gate, emitted, actions, names: () => emitted.map(({ name }) => name) }
}

t.test('the kernel watches this process, and hears of each round', async (t) => {
  const { watch, countdown, emitted } = watched('terminate')
  t.equal(watch.interval, 2000)
  t.match(countdown.orders, [{ timeout: 16_000, warning: 0, action: 'terminate', process: { pid: thisProcess().pid } }])
  t.match(emitted, [{ name: 'own-watch-armed', parameters: { limit: '16s', interval: '2s', action: 'kills hangdog' } }])
  t.equal(countdown.beats, 0)
  for (let round = 0; round < 3; round++) watch.roundCompleted()
  t.equal(countdown.beats, 3)
  t.equal(countdown.orders.length, 1)
  t.equal(emitted.length, 1)
  watch.close()
  t.equal(countdown.closed, 1)
})

t.test('the kernel may panic while this machine consents, and no longer', async (t) => {
  const { watch, gate, actions, emitted } = watched('bugcheck')
  t.same(actions(), ['bugcheck'])
  gate.answer = { kind: 'refused', reason: 'no consent' }
  watch.roundCompleted()
  watch.roundCompleted()
  t.same(actions(), ['bugcheck', 'terminate'])
  t.match(emitted.at(-1)?.parameters, { action: 'kills hangdog, and does not panic (no consent)' })
  gate.answer = { kind: 'granted' }
  watch.roundCompleted()
  t.same(actions(), ['bugcheck', 'terminate', 'bugcheck'])
  t.match(emitted.at(-1)?.parameters, { action: 'panics' })
})

t.test('consent does not matter to what is no bugcheck', async (t) => {
  const { watch, gate, actions } = watched('log')
  gate.answer = { kind: 'refused', reason: 'no consent' }
  watch.roundCompleted()
  t.same(actions(), ['log'])
})

t.test('a module that refuses a bugcheck has hangdog killed; it is asked again and said once', async (t) => {
  const countdown = new ScriptedCountdown()
  countdown.refuse = (action) => (action === 'bugcheck' ? 'EACCES' : undefined)
  const { watch, names, actions, emitted } = watched('bugcheck', countdown)
  t.same(names(), ['own-watch-failed', 'own-watch-armed'])
  t.match(emitted.at(-1)?.parameters, { action: /kills hangdog, and does not panic \(the kernel module refuses/ })
  for (let round = 0; round < 3; round++) watch.roundCompleted()
  t.equal(names().length, 2)
  countdown.refuse = () => undefined
  watch.roundCompleted()
  t.same(actions(), ['terminate', 'bugcheck'])
})

t.test('a kernel that does not let go of a bugcheck goes on hearing of rounds', async (t) => {
  const { watch, countdown, gate, names } = watched('bugcheck')
  gate.answer = { kind: 'refused', reason: 'no consent' }
  countdown.refuse = () => 'EPERM'
  for (let round = 0; round < 3; round++) watch.roundCompleted()
  t.equal(countdown.beats, 3)
  t.same(names(), ['own-watch-armed', 'own-watch-failed'])
})

t.test('a hang that the kernel only logged is said afterwards, and hangdog is watched anew', async (t) => {
  const { watch, countdown, names, emitted, actions } = watched('log')
  countdown.spent = notRunning
  countdown.events.push({ kind: kernelEvents.stall, arming: 1, span: 1, error: 0 })
  countdown.events.push({ kind: kernelEvents.expired, arming: 1, span: 16_000.4, error: 0 })
  watch.roundCompleted()
  t.same(names(), ['own-watch-armed', 'own-watch-expired', 'own-watch-armed'])
  t.match(emitted[1]?.parameters, { silence: '16s', error: 0 })
  t.same(actions(), ['log', 'log'])
})

t.test('a kernel that cannot be told is said once, until it can', async (t) => {
  const { watch, countdown, names } = watched('terminate')
  const fail = () => {
    countdown.spent = notRunning
    countdown.refuse = () => 'ESRCH'
    watch.roundCompleted()
  }
  fail()
  fail()
  t.same(names(), ['own-watch-armed', 'own-watch-failed'])
  countdown.refuse = () => undefined
  watch.roundCompleted()
  watch.roundCompleted()
  fail()
  t.same(names().slice(2), ['own-watch-armed', 'own-watch-failed'])
})

t.test('a kernel that refuses from the start is an error', async (t) => {
  const countdown = new ScriptedCountdown()
  countdown.refuse = () => 'EPERM'
  t.throws(() => watched('terminate', countdown), { code: 'permission' })
  t.throws(() => watched('bugcheck', countdown), { code: 'permission' })
})

t.test('without the native part it is refused ahead, and not in a dry run', async (t) => {
  const addon = { kind: 'absent', reason: 'no compiler' } as const
  const settings = { timeout: seconds(5), action: 'log' } as const
  const error = { code: 'unavailable', message: 'cannot have the kernel watch hangdog itself: no compiler' }
  t.throws(() => checkOwnWatch(settings, addon, false), error)
  checkOwnWatch(settings, addon, true)
  checkOwnWatch(undefined, addon, false)
  const emitted: Emitted[] = []
  const bugCheckGate = { permit: (): BugCheckPermit => ({ kind: 'granted' }) }
  const parts = { addon, bugCheckGate, emit: (event: Emitted) => void emitted.push(event) }
  t.equal(startOwnWatch({ ...parts, watchHangdog: undefined, dryRun: false }), undefined)
  t.equal(startOwnWatch({ ...parts, watchHangdog: settings, dryRun: true }), undefined)
  t.match(emitted, [{ name: 'dry-run', parameters: { action: /with 5s and the action log/ } }])
  t.throws(() => startOwnWatch({ ...parts, watchHangdog: settings, dryRun: false }), { code: 'unavailable' })
})
