import t from 'tap'
import { milliseconds as ms } from '../../src/time.js'
import { settle } from '../support/fake-clock.js'
import { alive } from '../support/scripted-platform.js'
import { testPolicy, type Watched, watched } from '../support/watched.js'

async function armed(...args: Parameters<typeof watched>): Promise<Watched> {
  const w = watched(...args)
  await w.start()
  w.service.beat()
  return w
}

t.test(
  'the last verdict is explained with its rule, inputs, holds and clocks, also when the service is well again',
  async (t) => {
    const w = await armed({ action: 'log' })
    w.platform.reading = alive('running', { cpuTime: ms(100) })
    await w.clock.run(500)
    w.platform.reading = alive('running', { cpuTime: ms(590) })
    await w.clock.run(600)
    w.service.beat()
    await settle()
    const { state, last, now } = w.supervisor.explain('web')
    t.equal(state, 'armed')
    t.match(last, {
      rule: 'cpu-share',
      reason: /98 % of a CPU/,
      verdict: { kind: 'hung', hang: { kind: 'busy-loop' } },
      cpuPercent: 98,
      beats: 1,
      readingAtWarning: { cpuTime: 100 },
      readingAtExpiry: { cpuTime: 590 },
      clocks: {
        limitMs: 1000,
        silentMs: 1000,
        sinceWarning: { ownMs: 500, monotonicMs: 500, wallMs: 500, stallMs: 0 },
      },
    })
    t.match(
      last?.holds.find(({ reason }) => reason === 'stopped'),
      { usedMs: 0, limitMs: Number, leftMs: Number },
    )
    t.match(now.channels, [{ channel: 'main', armed: true, beats: 2, silentMs: 0, limitMs: 1000 }])
  },
)

t.test('a hold that is used up is a verdict of its own', async (t) => {
  const w = await armed({ holds: { ...watched().service.policy.holds, stopped: ms(2000) } })
  w.platform.reading = alive('stopped')
  await w.clock.run(1100)
  t.match(w.supervisor.explain('web').last, { rule: 'hold-stopped', verdict: { kind: 'held' } })
  t.match(w.supervisor.explain('web').now.holds, [{ reason: 'stopped', limitMs: 2000 }])
  await w.clock.run(2500)
  t.match(w.opened.at(-1), {
    hang: { kind: 'held-too-long' },
    judgement: { rule: 'hold-used-up', heldSoFarMs: { stopped: Number } },
  })
})

t.test('time in which hangdog did not run is told apart, and a stepped wall clock shows', async (t) => {
  const w = await armed()
  await w.clock.run(600)
  w.clock.stepWall(3_600_000)
  await w.clock.run(600)
  t.match(w.opened.at(-1)?.judgement?.clocks.sinceWarning, { ownMs: 500, monotonicMs: 500, wallMs: 3_600_500 })
})

t.test('the record of a hang has the judgement of its own silence only', async (t) => {
  const w = await armed()
  await w.clock.run(1100)
  t.match(w.opened.at(-1)?.judgement, { rule: String, channel: 'main' })
  w.service.beat()
  await settle()
  w.service.signOfLife({ kind: 'trigger' })
  await settle()
  t.match(w.opened.at(-1)?.judgement, { rule: 'triggered' })
})

t.test('what was done, and what was held, is counted by kind', async (t) => {
  const w = await armed({ restart: { ...testPolicy.restart, mode: 'on-failure' } })
  w.platform.reading = alive('stopped')
  await w.clock.run(1100)
  w.platform.reading = alive('sleeping')
  await w.clock.run(2500)
  t.match(w.supervisor.status(), [{ holdsByReason: { stopped: 1 }, actions: { log: 0, terminate: 1, bugcheck: 0 } }])
  const reported = await armed({ action: 'log' })
  await reported.clock.run(2500)
  t.match(reported.supervisor.status(), [{ actions: { log: 1, terminate: 0, bugcheck: 0 }, hangs: 1 }])
})
