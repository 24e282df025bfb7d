import t from 'tap'
import { canaryName, longestDrill, planDrill } from '../../src/drill/drill-plan.js'
import { instancePattern } from '../../src/state-directory.js'
import { milliseconds, seconds } from '../../src/time.js'
import { defaultPolicy, type ServicePolicy } from '../../src/watch/policy.js'

const state = { output: '/state/output' }
const drilled = (policy: Partial<ServicePolicy> = {}, name = 'web') => ({
  spec: { name, ownGroup: true },
  policy: { ...defaultPolicy, ...policy },
})

t.test(
  'the canary has the policy of the service, but is terminated and restarted once, whatever is done about the service',
  async (t) => {
    const own: Partial<ServicePolicy> = {
      action: 'bugcheck',
      escalation: 'bugcheck',
      heartbeatTimeout: seconds(7),
      warningPercent: 30,
      terminateSignal: 'SIGINT',
      terminateTimeout: milliseconds(900),
      killTimeout: seconds(4),
      evidenceTimeout: seconds(2),
      restart: { ...defaultPolicy.restart, mode: 'never', limit: 0, delay: seconds(9) },
    }
    const { policy, canary, service, settings } = planDrill(drilled(own), { service: 'web' }, state)
    t.strictSame([service, canary, settings.name], ['web', 'web.drill', 'web.drill'])
    t.match(policy, {
      action: 'terminate',
      escalation: 'none',
      heartbeatTimeout: 7000,
      warningPercent: 30,
      terminateSignal: 'SIGINT',
      terminateTimeout: 900,
      killTimeout: 4000,
      evidenceTimeout: 2000,
      restart: { mode: 'on-failure', limit: 1 },
    })
    t.strictSame(settings.policy, policy)
    t.equal(settings.ownGroup, true)
    t.equal(settings.heartbeat, 'stream')
  },
)

t.test('a limit and a manner can be asked for', async (t) => {
  const order = { service: 'web', timeout: milliseconds(600), how: 'busy-loop' } as const
  const plan = planDrill(drilled(), order, state)
  t.equal(plan.policy.heartbeatTimeout, 600)
  const [, manner, record, beats, interval, lifetime] = plan.settings.args
  t.equal(manner, 'busy-loop')
  t.equal(record, plan.record)
  t.ok(record?.startsWith('/state/output/web.drill.'))
  t.strictSame([beats, interval], ['5', '50'])
  t.ok(Number(lifetime) > longestDrill(plan.policy), 'a canary outlives its drill, but not by much')
  t.equal(planDrill(drilled(), { service: 'web' }, state).how, 'blocked', 'by default it takes no CPU')
})

t.test('the canary of a long limit beats often enough to hang soon, that of a short one not too often', async (t) => {
  const interval = (ms: number) =>
    planDrill(drilled({ heartbeatTimeout: milliseconds(ms) }), { service: 'web' }, state).settings.args[4]
  t.equal(interval(60_000), '200')
  t.equal(interval(20), '5')
})

t.test('a limit below the shortest is refused', async (t) => {
  const order = { service: 'web', timeout: milliseconds(5) }
  t.throws(() => planDrill(drilled(), order, state), { code: 'config', message: /service "web.drill".*20ms/ })
})

t.test('the longest name still gives one that can be a file name', async (t) => {
  const name = 'n'.repeat(64)
  t.equal(canaryName(name).length, 64)
  t.match(canaryName(name), instancePattern)
  t.ok(canaryName(name).endsWith('.drill'))
})
