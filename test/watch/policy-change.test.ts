import t from 'tap'
import { milliseconds as ms, seconds } from '../../src/time.js'
import { bearableLimit } from '../../src/watch/policy-change.js'
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
  t.equal(bearableLimit(ms(1000), ms(5000), ms(400)), 1000)
  t.equal(bearableLimit(ms(1000), ms(5000), ms(600)), 1200)
  t.equal(bearableLimit(ms(1000), ms(5000), ms(4000)), 5000)
  t.equal(bearableLimit(ms(9000), ms(5000), ms(4000)), 9000, 'a longer limit always')
  t.equal(bearableLimit(ms(1000), ms(5000), ms(0)), 1000, 'nothing is known of its pace')
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
