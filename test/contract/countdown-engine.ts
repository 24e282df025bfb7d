import type { Test } from 'tap'
import { type Clock, milliseconds } from '../../src/time.js'
import type { Countdown, CountdownEngine } from '../../src/watch/countdown.js'

/** Time as the engine under test sees it. For an engine of its own thread these are real waits. */
export interface EngineTime {
  readonly clock: Clock
  /** Lets this much time pass while the engine runs. */
  pass(ms: number): Promise<void>
  /** Lets this much time pass while the engine does not run. */
  stall(ms: number): Promise<void>
  /** How much earlier or later than its point a call may come. */
  readonly tolerance: number
}

export interface EngineUnderTest {
  readonly engine: CountdownEngine
  readonly time: EngineTime
}

interface Probe {
  readonly countdown: Countdown
  readonly calls: string[]
}

function probe(engine: CountdownEngine): Probe {
  const calls: string[] = []
  const countdown = engine.create({
    warningElapsed: () => calls.push('warning'),
    limitElapsed: () => calls.push('limit'),
  })
  return { countdown, calls }
}

const ms = milliseconds

/** What every countdown engine must do. `make` gives a fresh engine with its time for each test. */
export function countdownEngineContract(
  t: Test,
  name: string,
  make: (t: Test) => EngineUnderTest | Promise<EngineUnderTest>,
): void {
  const check = (title: string, body: (t: Test, engine: CountdownEngine, time: EngineTime) => Promise<void>): void => {
    t.test(`${name}: ${title}`, async (t) => {
      const { engine, time } = await make(t)
      t.teardown(() => engine.close())
      await body(t, engine, time)
    })
  }

  check('a countdown is disarmed until it is armed', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    countdown.reset()
    await time.pass(5000)
    t.equal(countdown.armed, false)
    t.equal(countdown.remaining(), 0)
    t.same(calls, [])
  })

  check('it warns at its share and ends at its limit, not before', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    countdown.arm(ms(1000), 0.5)
    await time.pass(499 - time.tolerance)
    t.same(calls, [])
    await time.pass(1 + 2 * time.tolerance)
    t.same(calls, ['warning'])
    await time.pass(499 - 2 * time.tolerance)
    t.same(calls, ['warning'])
    await time.pass(1 + 2 * time.tolerance)
    t.same(calls, ['warning', 'limit'])
    t.equal(countdown.armed, false, 'and is disarmed then')
    await time.pass(3000)
    t.same(calls, ['warning', 'limit'], 'once')
  })

  check('each reset starts it over', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    countdown.arm(ms(1000), 0.9)
    for (let beat = 0; beat < 10; beat++) {
      await time.pass(400)
      countdown.reset()
    }
    t.same(calls, [])
    await time.pass(1000 + time.tolerance)
    t.same(calls, ['warning', 'limit'])
  })

  check('a reset tells what was spent before it', async (t, engine, time) => {
    const { countdown } = probe(engine)
    t.equal(countdown.reset(), 0, 'nothing while disarmed')
    countdown.arm(ms(1000), 0.5)
    for (const wait of [300, 700, 0]) {
      await time.pass(wait)
      const spent = countdown.reset()
      t.ok(Math.abs(spent - wait) <= time.tolerance + 5, `${spent} of ${wait}`)
    }
    countdown.extend(ms(500))
    await time.pass(200)
    t.equal(countdown.reset(), 0, 'nothing while what was added is not used up')
  })

  check('a reset after the warning brings the warning back for the next silence', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    countdown.arm(ms(1000), 0.3)
    await time.pass(500)
    t.same(calls, ['warning'])
    countdown.reset()
    await time.pass(500)
    t.same(calls, ['warning', 'warning'])
  })

  check('disarming stops it, and arming again gives the whole limit', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    countdown.arm(ms(1000), 0.9)
    await time.pass(600)
    countdown.disarm()
    await time.pass(2000)
    t.same(calls, [])
    countdown.arm(ms(1000), 0.9)
    await time.pass(850)
    t.same(calls, [])
    await time.pass(150 + time.tolerance)
    t.same(calls, ['warning', 'limit'])
  })

  check('extending moves the end away', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    countdown.arm(ms(1000), 0.9)
    countdown.extend(ms(2000))
    await time.pass(2500)
    t.same(calls, [])
    await time.pass(500 + time.tolerance)
    t.same(calls, ['warning', 'limit'])
  })

  check('remaining and spent tell where it stands', async (t, engine, time) => {
    const { countdown } = probe(engine)
    countdown.arm(ms(1000), 0.9)
    await time.pass(300)
    t.ok(Math.abs(countdown.remaining() - 700) <= time.tolerance + 5)
    t.ok(Math.abs(countdown.spent() - 300) <= time.tolerance + 5)
  })

  check('many countdowns end each at its own time, in order', async (t, engine, time) => {
    const order: number[] = []
    for (let index = 0; index < 200; index++) {
      const limit = 100 + ((index * 37) % 200) * 5
      const countdown = engine.create({ warningElapsed: () => {}, limitElapsed: () => order.push(limit) })
      countdown.arm(ms(limit), 0.5)
    }
    await time.pass(1100 + time.tolerance)
    t.equal(order.length, 200)
    const allowed = time.tolerance
    t.ok(order.every((limit, index) => index === 0 || limit >= (order[index - 1] ?? 0) - allowed))
  })

  check(
    'two that end at once both end, also when the first disarms, arms or disposes of others',
    async (t, engine, time) => {
      const calls: string[] = []
      const listener = (name: string, then: () => void) => ({
        warningElapsed: () => {},
        limitElapsed: () => {
          calls.push(name)
          then()
        },
      })
      const bystander = probe(engine)
      const doomed = probe(engine)
      const first = engine.create(
        listener('first', () => {
          bystander.countdown.disarm()
          doomed.countdown.dispose()
          first.arm(ms(500), 0.5)
        }),
      )
      const second = engine.create(listener('second', () => {}))
      for (const countdown of [first, second, bystander.countdown, doomed.countdown]) countdown.arm(ms(500), 0.5)
      await time.pass(500 + time.tolerance)
      t.same([...calls].sort(), ['first', 'second'])
      await time.pass(500 + time.tolerance)
      t.equal(calls.filter((name) => name === 'first').length, 2)
      doomed.countdown.arm(ms(100), 0.5)
      await time.pass(500)
      t.notOk(doomed.calls.includes('limit'))
    },
  )

  check('a beat during the warning is a beat', async (t, engine, time) => {
    const calls: string[] = []
    const countdown: Countdown = engine.create({
      warningElapsed: () => {
        calls.push('warning')
        countdown.reset()
      },
      limitElapsed: () => calls.push('limit'),
    })
    countdown.arm(ms(200), 0.5)
    await time.pass(950)
    t.notOk(calls.includes('limit'))
  })

  check('time in which the engine did not run is not spent, and is reported', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    const stalls: number[] = []
    engine.onStall(({ lost }) => stalls.push(lost))
    countdown.arm(ms(1000), 0.99)
    await time.pass(300)
    await time.stall(10_000)
    await time.pass(400 - time.tolerance)
    t.notOk(calls.includes('limit'), 'at most a quarter of the limit was spent by the stall')
    t.ok(stalls.length >= 1)
    t.ok(stalls.reduce((sum, lost) => sum + lost, 0) >= 9000)
    await time.pass(400 + time.tolerance)
    t.ok(calls.includes('limit'), 'and a silent service still ends')
  })

  check('an engine with nothing to count has no stall', async (t, engine, time) => {
    const stalls: number[] = []
    engine.onStall(({ lost }) => stalls.push(lost))
    await time.stall(60_000)
    const { countdown, calls } = probe(engine)
    countdown.arm(ms(1000), 0.5)
    await time.pass(1000 + time.tolerance)
    t.same(calls, ['warning', 'limit'])
    t.same(stalls, [])
  })

  check('after close nothing is called', async (t, engine, time) => {
    const { countdown, calls } = probe(engine)
    countdown.arm(ms(100), 0.5)
    engine.close()
    await time.pass(1000)
    t.same(calls, [])
  })
}
