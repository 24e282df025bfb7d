import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { maintenanceCommand } from '../../src/cli/maintenance.js'
import { callControl } from '../../src/control/client.js'
import { controlPath } from '../../src/control/instances.js'
import { MaintenanceKeeper } from '../../src/maintenance/maintenance.js'
import { MaintenanceLedger } from '../../src/maintenance/maintenance-ledger.js'
import type { ScheduleText } from '../../src/maintenance/schedule-book.js'
import { systemClock } from '../../src/system-clock.js'
import {
  eventually,
  FakeDaemon,
  RawClient,
  serve,
  statusOf,
  temporaryDirectory,
  temporaryState,
} from '../control/support.js'
import { type Ran, runCommand } from './support.js'

const hour = 3_600_000

interface Hangdog {
  readonly path: string
  readonly keeper: MaintenanceKeeper
  readonly told: string[]
}

/** A hangdog that keeps maintenances, of real services as far as anybody who asks can tell. */
async function startHangdog(t: Test, state: string, name: string, services: readonly string[]): Promise<Hangdog> {
  const told: string[] = []
  const keeper = new MaintenanceKeeper({
    clock: systemClock,
    ledger: new MaintenanceLedger({
      directory: { root: state },
      clock: systemClock,
      owns: (service) => services.includes(service),
    }),
    services,
    schedules: (service): ScheduleText | undefined =>
      service === 'db' ? { text: '0 0 29 2 * for 1h', zone: 'UTC' } : undefined,
    listener: {
      maintenanceStarted: (service) => told.push(`${service} started`),
      maintenanceChanged: (service) => told.push(`${service} changed`),
      maintenanceEnded: (service, _, how) => told.push(`${service} ${how}`),
    },
  })
  await keeper.open()
  t.teardown(() => keeper.close())
  const daemon = Object.assign(new FakeDaemon(name), {
    services: services.map((service) => statusOf(service)),
    maintenance: keeper,
  })
  const path = controlPath({ control: join(state, 'control') }, name)
  await serve(t, path, daemon)
  return { path, keeper, told }
}

function run(state: string, ...args: string[]): Promise<Ran> {
  return runCommand(maintenanceCommand, ['maintenance', ...args, '--state-dir', state])
}

const start = (state: string, ...args: string[]): Promise<Ran> =>
  run(state, 'start', ...args, '--for', '2h', '--reason', 'database upgrade')

t.test('start holds a service of the running hangdog, and shows it', async (t) => {
  const state = temporaryState(t)
  const { keeper, told } = await startHangdog(t, state, 'main', ['web', 'db'])
  const { stdout, stderr } = await start(state, 'web')
  t.strictSame(told, ['web started'])
  t.match(keeper.active('web'), { reason: 'database upgrade', everyService: false })
  t.match(stdout.lines[0], /^SERVICE {2}MAINTENANCE {2}UNTIL +LEFT +NEXT {2}BY +REASON$/)
  t.match(
    stdout.lines[1],
    /^web +yes +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}(2h|1h 59m) +- +user \d+ \(pid \d+\) {2}database upgrade$/,
  )
  t.equal(stdout.lines.length, 2)
  t.equal(stderr.text, '')
})

t.test('without a service it holds all, of every running hangdog', async (t) => {
  const state = temporaryState(t)
  const alpha = await startHangdog(t, state, 'alpha', ['web'])
  const beta = await startHangdog(t, state, 'beta', ['db'])
  const { stdout } = await run(state, 'start', '--for', '30m', '--reason', 'kernel', '--json')
  t.match(stdout.objects, [
    { instance: 'alpha', service: 'web', window: { source: 'command', everyService: true, reason: 'kernel' } },
    { instance: 'beta', service: 'db', window: { everyService: true }, nextStart: /^20\d\d-02-29T00:00:00\.000Z$/ },
  ])
  t.equal(alpha.keeper.active('web')?.id, beta.keeper.active('db')?.id, 'one entry in the file')
  t.strictSame([...alpha.told, ...beta.told], ['web started', 'db started'])
  const table = await run(state, 'status')
  t.match(table.stdout.lines, [/^INSTANCE {2}SERVICE/, /^alpha +web +of every service/, /^beta +db +of every service/])
  const stopped = await run(state, 'stop')
  t.equal(stopped.stderr.text, 'hangdog: the maintenance of every service is stopped\n')
  t.strictSame([...alpha.told, ...beta.told], ['web started', 'web stopped', 'db started', 'db stopped'])
})

t.test('only the hangdog that watches the service is asked', async (t) => {
  const state = temporaryState(t)
  const alpha = await startHangdog(t, state, 'alpha', ['web'])
  const beta = await startHangdog(t, state, 'beta', ['db'])
  await start(state, 'db')
  t.strictSame(alpha.told, [])
  t.strictSame(beta.told, ['db started'])
})

t.test('stop ends it; what still holds the service is shown, and stopping nothing is no error', async (t) => {
  const state = temporaryState(t)
  await startHangdog(t, state, 'main', ['web', 'db'])
  await start(state, 'web')
  await start(state)
  const stopped = await run(state, 'stop', 'web')
  t.equal(stopped.stderr.text, 'hangdog: the maintenance of "web" is stopped\n')
  t.match(stopped.stdout.lines[1], /^web +of every service/)
  const again = await run(state, 'stop', 'web')
  t.equal(again.stderr.text, 'hangdog: no maintenance of "web" was going on by command\n')
  t.equal(again.exitCode, 0)
})

t.test('status shows the next window of a schedule, and one service alone', async (t) => {
  const state = temporaryState(t)
  await startHangdog(t, state, 'main', ['web', 'db'])
  const { stdout } = await run(state, 'status')
  t.match(stdout.lines[1], /^web +no +- +- +- +- +-$/)
  t.match(stdout.lines[2], /^db +no +- +- +20\d\d-02-2[89] \d\d:\d\d:\d\d +- +-$/)
  const one = await run(state, 'status', 'db', '--json')
  t.match(one.stdout.objects, [{ instance: 'main', service: 'db', window: null, nextStart: String }])
})

const refused: readonly (readonly [
  string,
  readonly string[],
  { readonly code: string; readonly message?: string | RegExp },
])[] = [
  [
    'an unknown service',
    ['start', 'wbe', '--for', '1h', '--reason', 'x'],
    { code: 'usage', message: 'cannot find service "wbe": expected one of web' },
  ],
  ['no duration', ['start', 'web', '--reason', 'x'], { code: 'commander.missingMandatoryOptionValue' }],
  ['no reason', ['start', 'web', '--for', '1h'], { code: 'commander.missingMandatoryOptionValue' }],
  [
    'an empty reason',
    ['start', 'web', '--for', '1h', '--reason', ''],
    { code: 'usage', message: /expected a --reason of 1 to 200 characters/ },
  ],
  [
    'a duration of 0',
    ['start', 'web', '--for', '0', '--reason', 'x'],
    { code: 'usage', message: /expected --for of more than 0 and at most 720h/ },
  ],
  [
    'a duration over the most',
    ['start', 'web', '--for', '721h', '--reason', 'x'],
    { code: 'usage', message: /at most 720h, not 721h/ },
  ],
  [
    'a number without a unit',
    ['start', 'web', '--for', '90', '--reason', 'x'],
    { code: 'usage', message: /^cannot read --for "90": expected a duration/ },
  ],
  [
    'a negative duration',
    ['start', 'web', '--for=-5m', '--reason', 'x'],
    { code: 'usage', message: /^cannot read --for "-5m"/ },
  ],
  ['an unknown service to stop', ['stop', 'wbe'], { code: 'usage', message: /^cannot find service "wbe"/ }],
  ['an unknown service to show', ['status', 'wbe'], { code: 'usage', message: /^cannot find service "wbe"/ }],
  ['too many arguments', ['start', 'web', 'db', '--for', '1h', '--reason', 'x'], { code: 'commander.excessArguments' }],
]

for (const [what, args, refusal] of refused) {
  t.test(`${what}: one error, and nothing is changed`, async (t) => {
    const state = temporaryState(t)
    const { told } = await startHangdog(t, state, 'main', ['web'])
    await t.rejects(run(state, ...args), refusal)
    t.strictSame(told, [])
    t.notOk(existsSync(join(state, 'maintenance.json')))
  })
}

t.test('without a running hangdog it is stored, says so, and is heeded by the next one', async (t) => {
  const state = join(temporaryDirectory(t), 'new')
  const { stdout, stderr } = await run(state, 'start', 'web', '--for', '2h', '--reason', 'reboot', '--json')
  t.match(stdout.objects, [{ instance: null, service: 'web', window: { reason: 'reboot', everyService: false } }])
  t.match(
    stderr.text,
    /^hangdog: no hangdog runs with the state directory ".*new": stored, and heeded by the one that starts; whether/,
  )
  await start(state)
  const status = await run(state, 'status')
  t.match(status.stderr.text, /^hangdog: no hangdog runs with .*; this is what is stored\n$/)
  t.match(status.stdout.lines.slice(1), [
    /^web +yes .* reboot$/,
    /^\(every service\) +of every service .* database upgrade$/,
  ])
  const { told, keeper } = await startHangdog(t, state, 'main', ['web', 'db'])
  t.strictSame(told, ['web started', 'db started'])
  t.ok((keeper.active('web')?.remaining ?? 0) <= 2 * hour)
})

t.test('without a running hangdog what is stored can be stopped', async (t) => {
  const state = temporaryState(t)
  await start(state, 'web')
  const stopped = await run(state, 'stop', 'web')
  t.equal(stopped.stderr.text, 'hangdog: the maintenance of "web" is stopped\n')
  t.match((await run(state, 'status')).stdout.text, 'nothing is in maintenance\n')
})

t.test('without a state directory there is nothing to stop or to show', async (t) => {
  const state = join(temporaryDirectory(t), 'none')
  await t.rejects(run(state, 'stop'), { code: 'unavailable', message: /^cannot read the state directory/ })
  await t.rejects(run(state, 'status'), { code: 'unavailable' })
  t.notOk(existsSync(state))
  await t.rejects(run(state, 'start', '--for', '1h', '--reason', ''), { code: 'usage' })
  t.notOk(existsSync(state), 'not made for what is refused')
})

t.test('a damaged file is named, and does not keep a maintenance from being stored', async (t) => {
  const state = temporaryState(t)
  const file = join(state, 'maintenance.json')
  writeFileSync(file, '{"version"')
  const status = await run(state, 'status')
  t.match(status.stderr.lines[1], /^hangdog: the stored maintenances cannot be used: it is not whole$/)
  t.equal(readFileSync(file, 'utf8'), '{"version"', 'looking changes nothing')
  const { stderr } = await start(state, 'web')
  t.match(stderr.text, /was damaged \(it is not whole\); it is kept as/)
  t.match(JSON.parse(readFileSync(file, 'utf8')), { maintenances: [{ service: 'web' }] })
})

t.test('a file of a newer version is an error, and stays', async (t) => {
  const state = temporaryState(t)
  writeFileSync(join(state, 'maintenance.json'), '{"version":9}')
  await t.rejects(start(state, 'web'), { code: 'data', message: /a newer version of hangdog wrote it/ })
  t.equal(readFileSync(join(state, 'maintenance.json'), 'utf8'), '{"version":9}')
})

t.test('what the daemon cannot write is the error of the command', async (t) => {
  const state = temporaryState(t)
  const { told } = await startHangdog(t, state, 'main', ['web'])
  mkdirSync(join(state, 'maintenance.json'))
  await t.rejects(start(state, 'web'), { code: 'data', message: /^cannot change the maintenances in .*EISDIR/ })
  t.strictSame(told, [])
})

t.test('parameters of the control methods are checked, each by name', async (t) => {
  const state = temporaryState(t)
  const { path } = await startHangdog(t, state, 'main', ['web'])
  const good = { service: 'web', forMs: hour, reason: 'x', author: { uid: 0, pid: 1 } }
  const client = new RawClient(t, path)
  const wrong = [
    [{ ...good, service: 7 }, /^cannot read "service" of a maintenance: expected the name of a service, not 7$/],
    [{ ...good, forMs: '1h' }, /^cannot read "forMs" .* not "1h"$/],
    [{ ...good, forMs: -1 }, /^cannot read "forMs"/],
    [{ ...good, forMs: undefined }, /^cannot read "forMs" .* not nothing$/],
    [{ ...good, reason: null }, /^cannot read "reason"/],
    [{ ...good, author: undefined }, /^cannot read "author"/],
    [{ ...good, author: { uid: 'root', pid: 1 } }, /^cannot read "author"/],
    [{ ...good, author: { uid: 0 } }, /^cannot read "author"/],
    [{ ...good, forMs: 0 }, /expected --for of more than 0/],
    [{ ...good, service: 'wbe' }, /^cannot find service "wbe"/],
  ] as const
  for (const [id, [params]] of wrong.entries()) {
    client.send(`${JSON.stringify({ id, method: 'maintenance-start', params })}\n`)
  }
  await eventually(() => client.answers.length === wrong.length, 'all are answered')
  for (const [id, [, message]] of wrong.entries()) {
    t.match(client.answers.find((answer) => answer.id === id)?.error, { code: 'usage', message })
  }
  t.match(await callControl(path, 'maintenance-status', {}), [{ service: 'web', window: null }])
  const withoutUser = { uid: undefined, pid: 1 }
  t.match(await callControl(path, 'maintenance-start', { ...good, author: withoutUser }), [{ window: { by: 'pid 1' } }])
  t.match(await callControl(path, 'maintenance-stop', { service: 'web' }), { stopped: true })
})

t.test('a hangdog that keeps no maintenances says so', async (t) => {
  const state = temporaryState(t)
  await serve(t, controlPath({ control: join(state, 'control') }, 'main'))
  await t.rejects(start(state, 'web'), { code: 'unavailable', message: /this hangdog keeps none/ })
})

t.test('what is stored in the directory of another user is refused, before anything is written', async (t) => {
  if (process.getuid?.() !== 0) return t.comment('skipped: only root can give a directory to another user')
  const state = temporaryState(t)
  chownSync(join(state, 'control'), 65534, 65534)
  const before = readdirSync(state)
  for (const args of [
    ['start', 'web', '--for', '1h', '--reason', 'x'],
    ['stop', 'web'],
  ]) {
    await t.rejects(runCommand(maintenanceCommand, ['maintenance', ...args, '--state-dir', state]), {
      code: 'permission',
      message: `cannot use the state directory "${state}": expected to be run as user 65534, who owns it, not as user 0`,
    })
  }
  t.strictSame(readdirSync(state), before)
})
