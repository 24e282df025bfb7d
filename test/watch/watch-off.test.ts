import t from 'tap'
import { alive } from '../support/scripted-platform.js'
import { beatFor, testPolicy, watched } from '../support/watched.js'

t.test('in maintenance a hang is not judged, and is found when the maintenance is over', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.service.maintain(true)
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
  await w.clock.run(60_000)
  t.same(w.platform.calls, ['spawn'])
  w.service.maintain(false)
  t.equal(w.service.state.kind, 'armed', 'with its whole limit')
  await w.clock.run(999)
  t.same(w.platform.calls, ['spawn'])
  await w.clock.run(50)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('beats in maintenance are counted and do not end it', async (t) => {
  const w = watched()
  await w.start()
  w.service.maintain(true)
  await beatFor(w, 500, 100)
  t.equal(w.supervisor.status()[0]?.beats, 5)
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
  t.match(w.supervisor.status()[0]?.detail, /in maintenance/)
  t.match(w.supervisor.explain('web').next, [/in maintenance/])
})

t.test('a service that is started in maintenance is not watched until it is over', async (t) => {
  const w = watched()
  w.service.maintain(true)
  await w.start()
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
  await w.clock.run(60_000)
  w.service.maintain(false)
  t.equal(w.service.state.kind, 'starting')
  await w.clock.run(3100)
  t.ok(w.platform.calls.includes('SIGTERM'), 'it never gave a sign of life')
})

t.test('a service that ended in maintenance is restarted into it', async (t) => {
  const w = watched({ restart: { ...testPolicy.restart, mode: 'always' } })
  await w.start()
  w.service.beat()
  w.service.maintain(true)
  w.platform.current.exit({ kind: 'code', code: 1 })
  await w.clock.run(2000)
  t.equal(w.platform.calls.filter((call) => call === 'spawn').length, 2)
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
})

t.test('a maintenance that begins while beats are drained leaves the verdict without effect', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.onDrain = () => w.service.maintain(true)
  await w.clock.run(1100)
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
  t.same(w.platform.calls, ['spawn'])
})

t.test('action 0 outlasts a maintenance, and a maintenance outlasts action 0', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.service.maintain(true)
  w.service.changePolicy({ ...testPolicy, action: 'disable' })
  t.match(w.service.state, { kind: 'unwatched', why: 'disabled' })
  w.service.maintain(false)
  t.match(w.service.state, { kind: 'unwatched', why: 'disabled' })
  w.service.maintain(true)
  w.service.changePolicy(testPolicy)
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
  w.service.maintain(false)
  t.equal(w.service.state.kind, 'armed')
})

t.test('a new limit takes effect at once, from its start', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await w.clock.run(100)
  w.service.beat()
  await w.clock.run(900)
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: testPolicy.terminateTimeout })
  await w.clock.run(450)
  t.same(w.platform.calls, ['spawn'], 'the countdown started over')
  await w.clock.run(100)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a shadow decides and reports like any other, and acts on nothing', async (t) => {
  const w = watched({ shadow: true, action: 'terminate' })
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  t.same(w.platform.calls, ['spawn'])
  t.match(w.service.state, { kind: 'reported', hang: { kind: 'waiting' } })
  const decided = w.events.find(({ name }) => name === 'dry-run')
  t.match(decided?.parameters, { action: /SIGTERM/ })
  t.same(w.prepared, [], 'nothing is prepared for a kill')
  t.match(w.supervisor.explain('web').next.at(-1), /shadow/)
})

t.test('a shadow leaves alone what announced its end and does not come to it', async (t) => {
  const w = watched({ shadow: true })
  await w.start()
  w.service.beat()
  w.service.signOfLife({ kind: 'stopping' })
  await w.clock.run(60_000)
  t.same(w.platform.calls, ['spawn'])
  t.match(w.events.find(({ name }) => name === 'dry-run')?.parameters, { action: /announced its end/ })
})

t.test('while a child is held in a debugger, a hang of the service itself is found', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.platform.members.set(555, alive('traced', { tracerPid: 9 }))
  w.service.signOfLife({ kind: 'channel-opened', channel: 'pid-555', pid: 555 })
  await beatFor(w, 1200, 100)
  t.match(w.service.state, { kind: 'held', channel: 'pid-555', reason: 'traced' })
  await beatFor(w, 1000, 100)
  t.match(w.service.state, { kind: 'held', channel: 'pid-555' }, 'its own beats go on')
  await w.clock.run(1100)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a beat that waited while a maintenance began does not turn the watch on again', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.onDrain = () => {
    w.service.maintain(true)
    w.service.beat()
  }
  await w.clock.run(1100)
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
  await w.clock.run(60_000)
  t.same(w.platform.calls, ['spawn'])
})

t.test('a recovery that is called off in a maintenance leaves the service unwatched', async (t) => {
  const w = watched({ evidenceTimeout: testPolicy.heartbeatTimeout })
  w.captured = async () => {
    w.service.maintain(true)
    w.service.beat()
    return []
  }
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  t.match(w.service.state, { kind: 'unwatched', why: 'maintenance' })
  t.same(w.platform.calls, ['spawn'])
  t.match(w.incidents.at(-1), /closed recovered-by-itself/)
})
