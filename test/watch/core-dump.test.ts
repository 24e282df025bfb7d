import t from 'tap'
import { milliseconds as ms } from '../../src/time.js'
import type { CoreRequest } from '../../src/watch/evidence.js'
import { openDecision } from '../../src/watch/open-decision.js'
import { testPolicy, watched } from '../support/watched.js'

t.test('a core is written into the incident before anything is done to the service', async (t) => {
  const w = watched({ coreDump: 'minimal', coreDumpTimeout: ms(400), coreDumpLimit: 7 })
  const requests: CoreRequest[] = []
  w.core = async (request) => {
    t.same(w.platform.calls, ['spawn'])
    requests.push(request)
    return { kind: 'captured', name: 'core', tookMs: 1, content: {} }
  }
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  t.match(requests, [{ what: 'minimal', directory: '/incidents/i1', limit: 400, largestMiB: 7, sync: false }])
  t.equal(requests.length, 1)
  t.ok(w.incidents.includes('i1 1 exhibits'))
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a core that never ends delays the action by its limit and no more', async (t) => {
  const w = watched({ coreDump: 'full', coreDumpTimeout: ms(400) })
  w.core = () => new Promise(() => {})
  await w.start()
  w.service.beat()
  await w.clock.run(1399)
  t.notOk(w.platform.calls.includes('SIGTERM'))
  await w.clock.run(3)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a core that fails delays nothing', async (t) => {
  const w = watched({ coreDump: 'full', coreDumpTimeout: ms(400) })
  w.core = () => Promise.reject(new Error('it broke'))
  await w.start()
  w.service.beat()
  await w.clock.run(1002)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a beat while the core is written calls the recovery off', async (t) => {
  const w = watched({ coreDump: 'full', coreDumpTimeout: ms(400) })
  w.core = async () => {
    w.service.beat()
    return { kind: 'captured', name: 'core', tookMs: 1, content: {} }
  }
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  t.same(w.platform.calls, ['spawn'])
})

t.test('no core is written by default, nor of a hang that is only reported', async (t) => {
  for (const policy of [{}, { coreDump: 'full', action: 'log' }, { coreDump: 'full', shadow: true }] as const) {
    const w = watched(policy)
    w.core = async () => {
      t.fail('a core was asked for')
      return { kind: 'missing', name: 'core', tookMs: 0, reason: 'not wanted' }
    }
    await w.start()
    w.service.beat()
    await w.clock.run(3000)
    t.ok(w.incidents.length > 0, JSON.stringify(policy))
  }
})

t.test('whoever waits for a recovery waits for its core as well', async (t) => {
  const state = {
    kind: 'recovering',
    channel: 'main',
    hang: { kind: 'triggered' },
  } as const
  const budget = (policy: typeof testPolicy): number => openDecision('web', state, policy)?.budget ?? 0
  const without = budget(testPolicy)
  t.equal(budget({ ...testPolicy, coreDumpTimeout: ms(4000) }), without)
  t.equal(budget({ ...testPolicy, coreDump: 'full', coreDumpTimeout: ms(4000) }), without + 4000)
})
