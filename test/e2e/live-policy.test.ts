import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fixture, freePort, Hangdog, hangdog, isAlive, stateDirectory, until, untilAnswers } from './hangdog.js'

async function superviseWeb(t: Test, policy: string) {
  const directory = stateDirectory(t)
  const port = await freePort()
  const file = join(directory, 'hangdog.yaml')
  const command = `[${process.execPath}, ${fixture('web.mjs')}]`
  writeFileSync(
    file,
    `services:\n  web: { command: ${command}, environment: { PORT: ${port} }, restart: { mode: always }, ${policy} }\n`,
  )
  const run = new Hangdog(t, ['supervise', '--config', file, '--state-dir', directory, '--log-format', 'json'])
  const pid = Number(await untilAnswers(port))
  await run.event('service-armed')
  const command_ = (...args: string[]) => hangdog(t, [...args, '--state-dir', directory])
  return { directory, port, run, pid, hangdog: command_ }
}

t.test(
  'properties that are set while a service hangs: shadowed first, then acted on, each at once and without a restart of hangdog',
  { timeout: 180_000 },
  async (t) => {
    const w = await superviseWeb(t, 'terminateTimeout: 1s')
    void fetch(`http://127.0.0.1:${w.port}/loop`).catch(() => {})
    const set = await w.hangdog(
      'prop',
      'set',
      '--service',
      'web',
      'ShadowMode=1',
      'HeartbeatTimeoutMilliseconds=2500',
      'TerminateTimeout=0',
    )
    t.match(set, { code: 0, stderr: /service "web" keeps TerminateTimeout=1000/ })
    await w.run.event('hang-logged')
    t.match((await w.run.event('dry-run')).parameters.action, /stop this machine|SIGTERM/)
    t.ok(isAlive(w.pid), 'a shadow acts on nothing')
    t.match((await w.hangdog('explain', 'web')).stdout, /ShadowMode=1 \(private property\)/)

    t.match(await w.hangdog('prop', 'reset', '--service', 'web', 'ShadowMode'), { code: 0 })
    await w.run.event('terminate-proven')
    t.notOk(isAlive(w.pid))
    // The default action is 3; this machine has given no consent, so that the service is terminated and hangdog says so.
    t.match((await w.run.event('bugcheck-refused')).parameters.reason, /no consent/)
    t.not(Number(await untilAnswers(w.port)), w.pid)
    const changes = w.run.events.filter(({ name }) => name === 'property-changed')
    t.equal(changes.length, 4)
    t.match(changes[0], { service: 'web', parameters: { scope: 'private', to: '1', by: /pid \d+/ } })
  },
)

t.test(
  'maintenance: a hang is left alone until it ends by itself, and is found then',
  { timeout: 180_000 },
  async (t) => {
    const w = await superviseWeb(t, 'heartbeatTimeout: 1s, action: terminate, terminateTimeout: 1s')
    t.match(await w.hangdog('maintenance', 'start', 'web', '--for', '6s', '--reason', 'new disk'), { code: 0 })
    await w.run.event('maintenance-started')
    void fetch(`http://127.0.0.1:${w.port}/loop`).catch(() => {})
    t.match((await w.hangdog('status', 'web')).stdout, /in maintenance/)
    const ended = await w.run.event('maintenance-ended')
    t.match(ended, { level: 'warning', parameters: { reason: 'new disk' } })
    t.notOk(
      w.run.events.slice(0, w.run.events.indexOf(ended)).some(({ name }) => name === 'hang-recovery'),
      'nothing was judged before',
    )
    await w.run.event('terminate-proven')
    t.not(Number(await untilAnswers(w.port)), w.pid)
  },
)

t.test('two changes of one property at once are both applied, in their order', { timeout: 180_000 }, async (t) => {
  const w = await superviseWeb(t, 'action: log')
  const values = [7, 8, 9, 10]
  const results = await Promise.all(
    values.map((value) => w.hangdog('cluster', '/prop', `ClusSvcHeartbeatTimeout=${value}`)),
  )
  t.same(
    results.map(({ code }) => code),
    [0, 0, 0, 0],
  )
  const shown = await w.hangdog('prop', 'get', 'ClusSvcHeartbeatTimeout', '--service', 'web', '--json')
  const { value } = JSON.parse(shown.stdout)
  await until(
    () => (w.run.events.filter(({ name }) => name === 'property-changed').length === 4 ? true : undefined),
    'four changes',
  )
  const last = w.run.events.filter(({ name }) => name === 'property-changed').at(-1)
  t.equal(String(last?.parameters.to), String(value))
  const status = JSON.parse((await w.hangdog('status', 'web', '--json')).stdout)
  t.equal(status.limitMs, Number(value) * 1000)
})
