import t from 'tap'
import { settle } from '../support/fake-clock.js'
import { watched } from '../support/watched.js'

t.test('a service that was stopped can be removed, and its name is free again', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await w.service.stop('no longer wanted')
  await settle()
  t.equal(w.service.state.kind, 'stopped')
  w.supervisor.remove('web')
  t.strictSame(w.supervisor.services, [])
  t.throws(() => w.supervisor.service('web'), { code: 'usage' })
  w.supervisor.add(w.service.spec)
  t.strictSame(w.supervisor.status()[0]?.beats, 0)
})

t.test('a service that failed can be removed', async (t) => {
  const w = watched({ restart: { ...watched().service.policy.restart, mode: 'never' } })
  await w.start()
  w.platform.current.exit({ kind: 'code', code: 1 })
  await settle()
  t.equal(w.service.state.kind, 'failed')
  w.supervisor.remove('web')
  t.strictSame(w.supervisor.services, [])
})

t.test('a service that runs, or is about to, stays', async (t) => {
  const w = watched()
  await w.start()
  const refusal = (state: string) => ({
    code: 'usage',
    message: `cannot remove service "web": expected it to be stopped or failed, not ${state}`,
  })
  t.throws(() => w.supervisor.remove('web'), refusal('starting'))
  w.service.beat()
  t.throws(() => w.supervisor.remove('web'), refusal('armed'))
  w.platform.current.exit({ kind: 'code', code: 1 })
  await settle()
  t.throws(() => w.supervisor.remove('web'), refusal('waiting'))
  t.equal(w.supervisor.services.length, 1)
  t.throws(() => w.supervisor.remove('nope'), { code: 'usage', message: /cannot find service "nope"/ })
})

t.test('what was removed leaves no countdown behind', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await w.service.stop('no longer wanted')
  await settle()
  w.supervisor.remove('web')
  const before = w.events.length
  await w.clock.run(10_000)
  t.equal(w.events.length, before)
})
