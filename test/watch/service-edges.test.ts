import t from 'tap'
import { milliseconds as ms } from '../../src/time.js'
import { settle } from '../support/fake-clock.js'
import { alive } from '../support/scripted-platform.js'
import { beatFor, watched } from '../support/watched.js'

t.test('while one channel is reported, the beats of another keep it alive: one hang is one incident', async (t) => {
  const w = watched({ action: 'log' })
  await w.start()
  w.service.signOfLife({ kind: 'channel-opened', channel: 'b', limit: ms(400) })
  w.service.beat()
  for (let turn = 0; turn < 100; turn++) {
    await w.clock.run(100)
    w.service.beatChannel('b')
  }
  await settle()
  t.match(w.service.state, { kind: 'reported', channel: 'main' })
  t.equal(w.incidents.filter((line) => line.includes('opened')).length, 1)
})

t.test('while one channel is held as starved, the beats of another keep it alive', async (t) => {
  const w = watched({ heartbeatTimeout: ms(10_000) })
  await w.start()
  w.service.signOfLife({ kind: 'channel-opened', channel: 'b', limit: ms(400) })
  w.service.beat()
  for (let turn = 0; turn < 150; turn++) {
    w.platform.reading = alive('running', { runQueueWait: ms(turn * 100) })
    w.platform.machine = { cpuPressure: ms(turn * 100) }
    await w.clock.run(100)
    w.service.beatChannel('b')
  }
  t.match(w.service.state, { kind: 'held', channel: 'main', reason: 'starved' })
  t.same(w.platform.calls, ['spawn'])
})

t.test('a child that ended while its connection stays open ends its channel, and the watch goes on', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.platform.members.set(555, alive('sleeping'))
  w.service.signOfLife({ kind: 'channel-opened', channel: 'pid-555', pid: 555 })
  w.platform.members.set(555, { kind: 'gone' })
  await beatFor(w, 3000, 200)
  t.equal(w.service.state.kind, 'armed')
  await w.clock.run(1100)
  t.ok(w.platform.calls.includes('SIGTERM'), 'a hang of the service itself is found')
})

t.test('a service that names its channels after READY need not beat on the main one', async (t) => {
  const w = watched()
  await w.start()
  w.service.signOfLife({ kind: 'ready' })
  w.service.beatChannel('a')
  for (let turn = 0; turn < 50; turn++) {
    await w.clock.run(100)
    w.service.beatChannel('a')
  }
  t.same(w.platform.calls, ['spawn'])
})

t.test('a service that has beaten on the main channel stays watched there when it names others', async (t) => {
  const w = watched()
  await w.start()
  w.service.signOfLife({ kind: 'ready' })
  w.service.beat()
  for (let turn = 0; turn < 20; turn++) {
    w.service.beatChannel('a')
    await w.clock.run(100)
  }
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a child that names a channel of its own does not take the watch from a service that said READY', async (t) => {
  const w = watched()
  await w.start()
  w.service.signOfLife({ kind: 'ready' })
  w.platform.members.set(555, alive('sleeping'))
  w.service.signOfLife({ kind: 'channel-opened', channel: 'pid-555', pid: 555 })
  for (let turn = 0; turn < 20; turn++) {
    await w.clock.run(100)
    w.service.beatChannel('pid-555')
  }
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('what was prepared for a hang is discarded when a hold ends in a beat', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.platform.reading = alive('stopped')
  await w.clock.run(1100)
  t.equal(w.service.state.kind, 'held')
  w.platform.reading = alive('sleeping')
  w.service.beat()
  await beatFor(w, 2000, 200)
  t.same(w.prepared, ['prepared', 'discarded'])
})

t.test('what was prepared for a hang is discarded when a beat had waited', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.onDrain = () => w.service.beat()
  await w.clock.run(1100)
  await beatFor(w, 2000, 200)
  t.same(w.prepared, ['prepared', 'discarded'])
})

t.test('action 1: a hang that is over while its period ends is over, and its incident closed', async (t) => {
  const w = watched({ action: 'log' })
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  t.equal(w.service.state.kind, 'reported')
  w.onDrain = () => w.service.beat()
  await w.clock.run(1000)
  t.equal(w.service.state.kind, 'armed')
  t.equal(w.incidents.at(-1), 'i1 closed recovered-by-itself')
  t.ok(w.names().includes('hang-over'))
})

t.test('a first beat that waited while the start limit ended is the first sign of life', async (t) => {
  const w = watched()
  await w.start()
  w.onDrain = () => w.service.beat()
  await w.clock.run(3100)
  t.equal(w.service.state.kind, 'armed')
  t.ok(w.names().includes('service-armed'))
})

t.test('a stop during a recovery that is then called off still ends the service', async (t) => {
  const w = watched({ evidenceTimeout: ms(3000) })
  let stopped = false
  w.captured = async () => {
    void w.service.stop('asked').then(() => {
      stopped = true
    })
    w.service.beat()
    return []
  }
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  await w.clock.run(2000)
  t.equal(w.service.state.kind, 'stopped')
  t.ok(stopped)
  t.same(w.platform.calls, ['spawn', 'SIGTERM'])
})

t.test('a stop during a recovery resolves when the service is gone, not before', async (t) => {
  const w = watched()
  w.platform.manner = 'ignores-signal'
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  t.equal(w.service.state.kind, 'recovering')
  let stopped = false
  void w.supervisor.stopAll('asked').then(() => {
    stopped = true
  })
  await w.clock.run(100)
  t.notOk(stopped)
  await w.clock.run(500)
  t.ok(stopped)
  t.ok(w.platform.current.gone)
})

t.test('a stop during a recovery that fails resolves when that is known', async (t) => {
  const w = watched({ killTimeout: ms(500) })
  w.platform.manner = 'survives-kill'
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  let stopped = false
  void w.supervisor.stopAll('asked').then(() => {
    stopped = true
  })
  await w.clock.run(6000)
  t.equal(w.service.state.kind, 'stuck')
  t.ok(stopped)
})

t.test('a stop during the back-off leaves no timer behind', async (t) => {
  const w = watched({ restart: { ...watched().service.policy.restart, mode: 'always', delay: ms(20_000) } })
  await w.start()
  w.platform.current.exit()
  await w.clock.run(10)
  w.platform.current.exit()
  await w.clock.run(10)
  t.equal(w.service.state.kind, 'waiting')
  const before = w.clock.pending
  await w.service.stop('asked')
  t.equal(w.clock.pending, before - 1)
})

t.test('EXTEND asked for again and again moves the end no further than its span from now', async (t) => {
  const w = watched()
  await w.start()
  for (let turn = 0; turn < 100; turn++) {
    await w.clock.run(100)
    w.service.signOfLife({ kind: 'extend', span: ms(5000) })
  }
  await w.clock.run(4990)
  t.same(w.platform.calls, ['spawn'])
  await w.clock.run(20)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('the time to the proof counts from the trigger, when that is what began it', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await beatFor(w, 20_000, 400)
  w.service.signOfLife({ kind: 'trigger' })
  await w.clock.run(10)
  t.match(w.events.find(({ name }) => name === 'terminate-proven')?.parameters, { afterMs: /^\d$/ })
})
