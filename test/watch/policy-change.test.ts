import t from 'tap'
import { type Milliseconds, milliseconds as ms, seconds } from '../../src/time.js'
import { explainService } from '../../src/watch/explain.js'
import { bearableLimit } from '../../src/watch/policy-change.js'
import { describeState, serviceStatus } from '../../src/watch/service-status.js'
import { alive } from '../support/scripted-platform.js'
import { beatFor, testPolicy, watched } from '../support/watched.js'

t.test('a limit that is lowered below the pace of the service does not kill it', async (t) => {
  const w = watched({ heartbeatTimeout: seconds(60) })
  await w.start()
  w.service.beat()
  await beatFor(w, 90_000, 30_000)
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: seconds(10) })
  t.match(w.events.at(-1), { name: 'limit-deferred', parameters: { asked: '10s', limit: '1m' } })
  await beatFor(w, 300_000, 30_000)
  t.same(w.platform.calls, ['spawn'], 'it goes on beating as it was told when it was started')
  await w.clock.run(60_100)
  t.ok(w.platform.calls.includes('SIGTERM'), 'its hang is found')
})

for (const beats of [0, 1]) {
  t.test(
    `a limit that is lowered after ${beats} beats does not end a service that was told a longer one`,
    async (t) => {
      const w = watched({ heartbeatTimeout: seconds(60), startTimeout: seconds(60) })
      await w.start()
      if (beats > 0) w.service.beat()
      w.service.changePolicy({ ...testPolicy, startTimeout: seconds(60), heartbeatTimeout: seconds(10) })
      t.match(w.events.at(-1), { name: 'limit-deferred', parameters: { asked: '10s', limit: '1m' } })
      t.match(serviceStatus(w.service, w.clock), { limitMs: 60_000, deferredLimitMs: 10_000 })
      await beatFor(w, 300_000, 30_000)
      t.same(w.platform.calls, ['spawn'])
      t.match(describeState(w.service), 'alive; held to 1m, not yet to 10s')
      t.match(explainService(w.service, w.service.parts).next.join(), /The limit is 1m: 10s was asked for/)
      await beatFor(w, 200_000, 2000)
      t.equal(describeState(w.service), 'alive', 'once it is seen to beat faster the limit counts')
      await w.clock.run(10_100)
      t.ok(w.platform.calls.includes('SIGTERM'))
    },
  )
}

t.test('where it is known how slowly a service beats at most, a limit with room for that counts at once', async (t) => {
  const companion = { environment: () => ({}), serviceStarted() {}, serviceEnded() {}, counters: () => ({}) }
  const limitWith = async (...paces: (Milliseconds | 'as-told')[]) => {
    const w = watched({ heartbeatTimeout: seconds(60) })
    for (const slowestPace of paces) w.service.accompany({ ...companion, slowestPace })
    await w.start()
    w.service.beat()
    w.service.changePolicy({ ...testPolicy, heartbeatTimeout: seconds(10) })
    return w.service.policy.heartbeatTimeout
  }
  t.equal(await limitWith(ms(0)), 10_000, 'a probe asks as often as it must')
  t.equal(await limitWith(seconds(1)), 10_000, 'as the preload')
  t.equal(await limitWith(seconds(7)), 14_000)
  t.equal(await limitWith(ms(0), 'as-told'), 60_000, 'the service beats the kernel module by itself')
})

t.test('a limit that was raised meanwhile goes back at once to what the service was told', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: seconds(60) })
  w.service.changePolicy(testPolicy)
  await w.clock.run(1100)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('what does not run is held to the new limit from its start', async (t) => {
  const w = watched({ heartbeatTimeout: seconds(60) })
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: seconds(10) })
  t.equal(w.service.policy.heartbeatTimeout, 10_000)
})

t.test('the lowered limit counts as soon as the service beats fast enough', async (t) => {
  const w = watched({ heartbeatTimeout: seconds(60) })
  await w.start()
  w.service.beat()
  await beatFor(w, 60_000, 20_000)
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: seconds(10) })
  await beatFor(w, 80_000, 2000)
  await w.clock.run(10_100)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('the lowered limit counts from the next start on', async (t) => {
  const w = watched({ heartbeatTimeout: seconds(60), restart: { ...testPolicy.restart, mode: 'always' } })
  await w.start()
  w.service.beat()
  await beatFor(w, 60_000, 20_000)
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: seconds(10) })
  w.platform.current.exit({ kind: 'code', code: 1 })
  await w.clock.run(2000)
  w.service.beat()
  await w.clock.run(10_100)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('what is asked for is given when the pace allows it, and never more than there was', (t) => {
  const limit = (asked: number, pace: number, unknown = false) =>
    bearableLimit(ms(asked), ms(5000), { seen: ms(pace), unknown }, ms(1500))
  t.equal(limit(1000, 400), 1000)
  t.equal(limit(1000, 600), 1200)
  t.equal(limit(1000, 4000), 5000)
  t.equal(limit(9000, 4000), 9000, 'a longer limit always')
  t.equal(limit(1000, 0, true), 3000, 'nothing is known of its pace but what it was told')
  t.equal(limit(1000, 2000, true), 4000, 'one channel is known, and another is not')
  t.end()
})

t.test('more time that the service asked for is not taken away by a change of policy', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.service.signOfLife({ kind: 'extend', span: seconds(60) })
  w.service.changePolicy({ ...testPolicy, evidenceTimeout: ms(10) })
  await w.clock.run(30_000)
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: ms(900) })
  await w.clock.run(29_000)
  t.same(w.platform.calls, ['spawn'])
  await w.clock.run(1500)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('more time before the first sign of life is not taken away either', async (t) => {
  const w = watched()
  await w.start()
  w.service.signOfLife({ kind: 'extend', span: seconds(60) })
  w.service.changePolicy({ ...testPolicy, startTimeout: seconds(2) })
  await w.clock.run(59_000)
  t.same(w.platform.calls, ['spawn'])
})

t.test('changes that concern no countdown leave it alone, however many there are', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  for (let turn = 0; turn < 5; turn++) {
    await w.clock.run(300)
    w.service.changePolicy({ ...testPolicy, stopTimeout: seconds(turn + 1) })
  }
  t.ok(w.platform.calls.includes('SIGTERM'), 'the hang was found in time')
})

t.test('a service held as starved before its first sign of life is judged again after a change', async (t) => {
  const w = watched({ holds: { ...testPolicy.holds, starved: seconds(600) } })
  w.platform.machine = { cpuPressure: ms(0) }
  w.platform.reading = alive('running', { runQueueWait: ms(0) })
  await w.start()
  for (let turn = 0; turn < 32; turn++) {
    w.platform.reading = alive('running', { runQueueWait: ms(turn * 100) })
    w.platform.machine = { cpuPressure: ms(turn * 100) }
    await w.clock.run(100)
  }
  t.match(w.service.state, { kind: 'held', reason: 'starved', starting: true })
  w.service.changePolicy({ ...testPolicy, evidenceTimeout: ms(5), startTimeout: seconds(4) })
  await w.clock.run(10_000)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a service between jobs, with no channel open, is not killed after a maintenance', async (t) => {
  const w = watched()
  await w.start()
  w.service.signOfLife({ kind: 'channel-opened', channel: 'job' })
  w.service.beatChannel('job')
  w.service.signOfLife({ kind: 'channel-closed', channel: 'job' })
  w.service.maintain(true)
  w.service.maintain(false)
  await w.clock.run(60_000)
  t.same(w.platform.calls, ['spawn'])
  w.service.signOfLife({ kind: 'channel-opened', channel: 'job' })
  await w.clock.run(1100)
  t.ok(w.platform.calls.includes('SIGTERM'), 'it is watched again with its next job')
})

t.test('what was prepared for a hang is discarded when a maintenance begins, or another limit', async (t) => {
  for (const change of ['maintenance', 'limit']) {
    const w = watched()
    await w.start()
    w.service.beat()
    await w.clock.run(600)
    t.same(w.prepared, ['prepared'])
    if (change === 'maintenance') w.service.maintain(true)
    else w.service.changePolicy({ ...testPolicy, heartbeatTimeout: seconds(5) })
    await w.clock.run(10)
    t.same(w.prepared, ['prepared', 'discarded'], change)
  }
})

t.test(
  'a service that is stopped between the verdict and the bugcheck is ended, and the machine goes on',
  async (t) => {
    const w = watched({ action: 'bugcheck', evidenceTimeout: ms(500) })
    w.permit = { kind: 'granted' }
    w.captured = async () => {
      void w.service.stop('asked to')
      return []
    }
    await w.start()
    w.service.beat()
    await w.clock.run(5000)
    t.notOk(w.platform.calls.some((call) => call.startsWith('bugcheck')))
    t.match(w.events.find(({ name }) => name === 'bugcheck-refused')?.parameters, { reason: /asked to stop/ })
    t.ok(w.platform.calls.includes('SIGTERM'))
  },
)
