import t, { type Test } from 'tap'
import { milliseconds as ms, seconds } from '../../src/time.js'
import type { CountdownEngine } from '../../src/watch/countdown.js'
import { DecisionRounds } from '../../src/watch/decision-rounds.js'
import { createJavaScriptEngine } from '../../src/watch/javascript-engine.js'
import { createNativeEngine } from '../../src/watch/native-engine.js'
import type { OpenDecision } from '../../src/watch/open-decision.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { guardByHand, nativeAddon } from '../support/native.js'
import { watched } from '../support/watched.js'

interface Scene {
  readonly said: string[]
  readonly open: OpenDecision[]
  drain: () => Promise<void>
  readonly rounds: DecisionRounds
}

/** Rounds of one second. */
function begin(t: Test, ...engines: CountdownEngine[]): Scene {
  const said: string[] = []
  const open: OpenDecision[] = []
  const parts = { engines, drain: () => scene.drain(), decisions: () => open }
  const rounds = new DecisionRounds(parts, seconds(1), {
    roundCompleted: () => said.push('round'),
    decisionOverdue: ({ service, kind }) => said.push(`${kind} of ${service} overdue`),
    overdueDone: ({ service, kind }) => said.push(`${kind} of ${service} done`),
  })
  const scene: Scene = { said, open, drain: async () => {}, rounds }
  t.teardown(() => rounds.close())
  return scene
}

const decision = (budget: number): OpenDecision => ({ key: {}, service: 'web', kind: 'recovery', budget: ms(budget) })

t.test('a round is completed when a countdown ended and beats were drained', async (t) => {
  const clock = new FakeClock()
  const scene = begin(t, createJavaScriptEngine(clock))
  await clock.run(999)
  t.same(scene.said, [])
  await clock.run(1)
  t.same(scene.said, ['round'])
  await clock.run(3000)
  t.same(scene.said, ['round', 'round', 'round', 'round'])
})

t.test('a round is completed when a countdown of each engine has ended', async (t) => {
  const clocks = [new FakeClock(), new FakeClock()] as const
  const scene = begin(t, createJavaScriptEngine(clocks[0]), createJavaScriptEngine(clocks[1]))
  await clocks[0].run(5000)
  t.same(scene.said, [], 'the other engine does not tick')
  await clocks[1].run(1000)
  t.same(scene.said, ['round'])
  await clocks[0].run(1000)
  await clocks[1].run(1000)
  t.same(scene.said, ['round', 'round'])
})

t.test('a drain that never ends stops the rounds', async (t) => {
  const clock = new FakeClock()
  const scene = begin(t, createJavaScriptEngine(clock))
  scene.drain = () => new Promise(() => {})
  await clock.run(60_000)
  t.same(scene.said, [])
})

t.test('an engine that does not tick stops the rounds', async (t) => {
  const clock = new FakeClock()
  const engine = createJavaScriptEngine(clock)
  const scene = begin(t, engine)
  engine.close()
  await clock.run(60_000)
  t.same(scene.said, [])
})

t.test('a closed one says nothing, also when its drain ends later', async (t) => {
  const clock = new FakeClock()
  const scene = begin(t, createJavaScriptEngine(clock))
  let drained = (): void => {}
  scene.drain = () =>
    new Promise((resolve) => {
      drained = resolve
    })
  await clock.run(1000)
  scene.rounds.close()
  drained()
  await clock.run(5000)
  t.same(scene.said, [])
  t.equal(clock.pending, 0, 'no timer is left')
})

t.test('a decision within its budget holds up nothing; one beyond it stops the rounds until it is done', async (t) => {
  const clock = new FakeClock()
  const scene = begin(t, createJavaScriptEngine(clock))
  scene.open.push(decision(3000))
  await clock.run(4000)
  t.same(scene.said, ['round', 'round', 'round', 'round'])
  await clock.run(3000)
  t.same(scene.said.slice(4), ['recovery of web overdue'], 'said once, and no round')
  scene.open.length = 0
  await clock.run(1000)
  t.same(scene.said.slice(5), ['recovery of web done', 'round'])
})

t.test('another decision of the same service starts anew', async (t) => {
  const clock = new FakeClock()
  const scene = begin(t, createJavaScriptEngine(clock))
  for (let count = 0; count < 5; count++) {
    scene.open[0] = decision(2500)
    await clock.run(2000)
  }
  t.notOk(scene.said.includes('recovery of web overdue'))
})

t.test('time in which hangdog does not run makes no decision overdue', async (t) => {
  const clock = new FakeClock()
  const scene = begin(t, createJavaScriptEngine(clock))
  scene.open.push(decision(3000))
  await clock.run(1000)
  clock.jump(3_600_000)
  await clock.run(2000)
  t.notOk(scene.said.includes('recovery of web overdue'))
  t.ok(scene.said.filter((line) => line === 'round').length >= 2)
})

const { addon, skip } = nativeAddon()

t.test('rounds go by the native engine as well', { skip: skip && `skipped: ${skip}` }, async (t) => {
  if (addon === undefined) return
  const { guard, time } = guardByHand(addon)
  t.teardown(() => guard.close())
  const scene = begin(t, createNativeEngine(guard))
  for (let second = 0; second < 3; second++) {
    await time.pass(1000)
    await settle()
  }
  t.same(scene.said, ['round', 'round', 'round'])
})

t.test('a recovery that goes on beyond all its limits is overdue; one within them is not', async (t) => {
  const w = watched({ action: 'bugcheck', evidenceTimeout: ms(500) })
  w.permit = { kind: 'granted' }
  w.platform.method = { kind: 'reboot', method: 'scripted' }
  const said: string[] = []
  let completed = 0
  const rounds = new DecisionRounds(
    { engines: [w.service.parts.engine], drain: w.service.parts.drain, decisions: () => w.supervisor.decisions() },
    seconds(1),
    {
      roundCompleted: () => completed++,
      decisionOverdue: ({ service, kind }) => said.push(`${kind} of ${service}`),
      overdueDone: () => said.push('done'),
    },
  )
  t.teardown(() => rounds.close())
  // As a kernel that takes the request and neither stops nor answers.
  w.platform.bugCheck = () => new Promise(() => {})
  await w.start()
  w.service.beat()
  await w.clock.run(2000)
  t.equal(w.service.state.kind, 'recovering')
  const [open] = w.supervisor.decisions()
  t.match(open, { service: 'web', kind: 'recovery' })
  await w.clock.run((open?.budget ?? 0) - 2000)
  t.same(said, [], 'not before its budget is spent')
  await w.clock.run(5000)
  t.same(said, ['recovery of web'])
  const before = completed
  await w.clock.run(20_000)
  t.equal(completed, before, 'no round is completed any more')
})

t.test('a verdict that never comes is overdue', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  const parts = w.service.parts
  Object.defineProperty(parts, 'drain', { value: () => new Promise(() => {}) })
  await w.clock.run(1500)
  t.equal(w.service.state.kind, 'expired')
  t.match([...w.supervisor.decisions()], [{ service: 'web', kind: 'verdict', budget: 10_000 }])
})
