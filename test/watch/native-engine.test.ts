import t from 'tap'
import { milliseconds, seconds } from '../../src/time.js'
import { createNativeEngine } from '../../src/watch/native-engine.js'
import { countdownEngineContract } from '../contract/countdown-engine.js'
import { guardByHand, nativeAddon } from '../support/native.js'

const { addon, skip } = nativeAddon()

if (addon === undefined) t.pass('the native engine', { skip: `skipped: ${skip}` })
else {
  countdownEngineContract(t, 'native engine', () => {
    const { guard, time } = guardByHand(addon)
    return { engine: createNativeEngine(guard), time }
  })

  t.test('a beat that comes before the notice of the end was read calls it off', async (t) => {
    const { guard, time } = guardByHand(addon)
    t.teardown(() => guard.close())
    const calls: string[] = []
    const countdown = createNativeEngine(guard).create({
      warningElapsed: () => calls.push('warning'),
      limitElapsed: () => calls.push('limit'),
    })
    countdown.arm(milliseconds(1000), 0.5)
    await time.stall(1000)
    for (let turn = 0; turn < 5; turn++) {
      await time.stall(250)
      guard.native.handTurn()
    }
    t.equal(guard.native.countdownReading(countdown.id)?.state, 3, 'the guard has found it expired')
    t.ok(countdown.reset() >= 1000)
    guard.deliver()
    t.same(calls, [])
    t.equal(countdown.armed, true)
    await time.pass(1000)
    t.same(calls, ['warning', 'limit'], 'and it goes on counting')
  })

  t.test('the longest limit is counted without overflow', async (t) => {
    const { guard, time } = guardByHand(addon)
    t.teardown(() => guard.close())
    const countdown = createNativeEngine(guard).create({ warningElapsed() {}, limitElapsed() {} })
    countdown.arm(seconds(0xffffffff), 0.5)
    await time.pass(10_000)
    t.equal(countdown.remaining(), 0xffffffff * 1000 - 10_000)
  })

  t.test('a disposed countdown makes room for another, and is armed no more', async (t) => {
    const { guard } = guardByHand(addon)
    t.teardown(() => guard.close())
    const engine = createNativeEngine(guard)
    const nothing = { warningElapsed() {}, limitElapsed() {} }
    const all = Array.from({ length: 4096 }, () => engine.create(nothing))
    t.throws(() => engine.create(nothing), { code: 'unavailable' })
    all[0]?.dispose()
    all[0]?.dispose()
    all[0]?.arm(seconds(1), 0.5)
    t.equal(all[0]?.armed, false)
    const next = engine.create(nothing)
    next.arm(seconds(1), 0.5)
    t.not(next.id, all[0]?.id)
    t.equal(next.armed, true)
  })

  t.test('with nothing armed the guard never wakes', async (t) => {
    const { guard } = guardByHand(addon)
    t.teardown(() => guard.close())
    const countdown = createNativeEngine(guard).create({ warningElapsed() {}, limitElapsed() {} })
    countdown.arm(seconds(6), 0.5)
    t.ok(guard.native.handNext() < 10_000)
    countdown.disarm()
    guard.native.handTurn()
    t.ok(guard.native.handNext() > 1e12)
  })
}
