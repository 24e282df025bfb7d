import t from 'tap'
import { milliseconds, seconds } from '../../src/time.js'
import { createJavaScriptEngine } from '../../src/watch/javascript-engine.js'
import { countdownEngineContract } from '../contract/countdown-engine.js'
import { FakeClock } from '../support/fake-clock.js'

countdownEngineContract(t, 'JavaScript engine', () => {
  const clock = new FakeClock()
  return {
    engine: createJavaScriptEngine(clock),
    time: {
      clock,
      tolerance: 0,
      pass: async (ms) => clock.advance(ms),
      stall: async (ms) => clock.jump(ms),
    },
  }
})

t.test('a beat touches no timer', async (t) => {
  const clock = new FakeClock()
  const engine = createJavaScriptEngine(clock)
  const countdowns = Array.from({ length: 1000 }, () => engine.create({ warningElapsed() {}, limitElapsed() {} }))
  for (const countdown of countdowns) countdown.arm(seconds(60), 0.5)
  const before = clock.scheduledCount
  for (let round = 0; round < 100; round++) for (const countdown of countdowns) countdown.reset()
  t.equal(clock.scheduledCount, before)
  t.equal(clock.pending, 1, 'one timer serves them all')
})

t.test('an idle engine with one service of the default limit wakes once a second at most', async (t) => {
  const clock = new FakeClock()
  const engine = createJavaScriptEngine(clock)
  const countdown = engine.create({ warningElapsed() {}, limitElapsed() {} })
  countdown.arm(seconds(60), 0.5)
  const before = clock.scheduledCount
  for (let second = 0; second < 60; second++) {
    clock.advance(1000)
    countdown.reset()
  }
  t.ok(clock.scheduledCount - before <= 62)
})

t.test('with nothing armed there is no timer at all', async (t) => {
  const clock = new FakeClock()
  const engine = createJavaScriptEngine(clock)
  const countdown = engine.create({ warningElapsed() {}, limitElapsed() {} })
  countdown.arm(seconds(6), 0.5)
  countdown.disarm()
  t.equal(clock.pending, 0)
})

t.test('a short limit beside long ones is not late', async (t) => {
  const clock = new FakeClock()
  const engine = createJavaScriptEngine(clock)
  const ended: number[] = []
  const long = engine.create({ warningElapsed() {}, limitElapsed() {} })
  long.arm(seconds(3600), 0.5)
  clock.advance(700)
  const short = engine.create({ warningElapsed() {}, limitElapsed: () => ended.push(clock.now()) })
  const armedAt = clock.now()
  short.arm(milliseconds(100), 0.5)
  clock.advance(200)
  t.equal((ended[0] ?? 0) - armedAt, 100)
})

t.test('repeated short stops do not add up to a verdict', async (t) => {
  const clock = new FakeClock()
  const engine = createJavaScriptEngine(clock)
  let ended = false
  const countdown = engine.create({
    warningElapsed() {},
    limitElapsed() {
      ended = true
    },
  })
  countdown.arm(milliseconds(1000), 0.5)
  for (let round = 0; round < 3; round++) {
    clock.jump(30_000)
    clock.advance(1)
  }
  t.notOk(ended, 'three pauses of half a minute spend less than the limit of one second')
})

t.test('the longest limit is counted without overflow', async (t) => {
  const clock = new FakeClock()
  const engine = createJavaScriptEngine(clock)
  const countdown = engine.create({ warningElapsed() {}, limitElapsed() {} })
  countdown.arm(seconds(0xffffffff), 0.5)
  clock.advance(10_000)
  t.equal(countdown.remaining(), 0xffffffff * 1000 - 10_000)
})
