import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isAlive, thisProcess } from '../../src/process-identity.js'
import { openFileStore } from '../../src/property/file-store.js'
import { systemClock } from '../../src/system-clock.js'
import { temporaryDirectory } from '../control/support.js'
import { dword } from '../property/support.js'
import { runIn, serveAnswers, storedIn } from './property-support.js'

t.test('everything is listed with its default before anything was stored', async (t) => {
  const directory = temporaryDirectory(t)
  const { stdout } = await runIn(directory, ['list'])
  t.match(stdout.lines[0], /^NAME +VALUE +UNIT +ORIGIN +DEFAULT +BOUNDS$/)
  t.match(stdout.text, /^ClusSvcHeartbeatTimeout +60 +s +default +60 +6 to 4294967295$/m)
  t.match(stdout.text, /^HangRecoveryAction +3 \(bugcheck\) +default +3 +0 to 3$/m)
  t.match(stdout.text, /^BugCheckConsent +0 +default +0 +0 to 1, by root$/m)
  t.match(stdout.text, /^ClusSvcRegroupStageTimeout +5 +s +default +5 +2 to 30, read-only$/m)
  t.notMatch(stdout.text, /HeartbeatTimeoutMilliseconds/, 'only services have it')
  const older = await runIn(directory, ['list', '--profile', 'windows2003'])
  t.match(older.stdout.text, /^HangRecoveryAction +2 \(terminate\) +default +2 +0 to 3$/m)
  t.notOk(existsSync(join(directory, 'control')), 'looking makes nothing')
})

t.test('what is set is stored and shown, with where it comes from', async (t) => {
  const directory = temporaryDirectory(t)
  const ran = await runIn(directory, ['set', 'hangrecoveryaction=log', 'SameSubnetDelay=0x7d0:dword'])
  t.strictSame([ran.stdout.text, ran.stderr.text, ran.exitCode], ['', '', 0])
  await runIn(directory, ['set', '--service', 'web', 'HangRecoveryAction=0'])
  const get = async (...args: string[]) => (await runIn(directory, ['get', '--json', ...args])).stdout.objects
  t.match(await get('HANGRECOVERYACTION', 'SameSubnetDelay'), [
    { name: 'HangRecoveryAction', value: 1, format: 'DWORD', origin: 'common', default: 3, minimum: 0, maximum: 3 },
    { name: 'SameSubnetDelay', value: 2000, origin: 'common', unit: 'ms' },
  ])
  t.match(await get('HangRecoveryAction', '--service', 'web'), [{ service: 'web', value: 0, origin: 'private' }])
  t.match(await get('HangRecoveryAction', '--service', 'db'), [{ service: 'db', value: 1, origin: 'common' }])
  t.match(await get('EvidenceTimeout', '--service', 'web'), [{ value: 3000, origin: 'default', by: null }])
  t.match((await runIn(directory, ['get', 'HangRecoveryAction'])).stdout.lines, [
    /^NAME/,
    /^HangRecoveryAction +1 \(log\) +common +3 +0 to 3$/,
  ])
  const list = await runIn(directory, ['list', '--service', 'web'])
  t.match(list.stdout.text, /^HeartbeatTimeoutMilliseconds +0 +ms +default/m)
  t.notMatch(list.stdout.text, /SameSubnetDelay/, 'which is of the cluster alone')
})

t.test('what is reset has its default again, and the next one below shows', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', 'HangRecoveryAction=1', 'StopTimeout=5'])
  await runIn(directory, ['set', '--service', 'web', 'HangRecoveryAction=2'])
  const json = (await runIn(directory, ['reset', '--service', 'web', 'hangrecoveryaction', '--json'])).stdout.objects
  t.match(json, [{ name: 'HangRecoveryAction', value: 1, origin: 'common', service: 'web' }])
  await runIn(directory, ['reset', 'HangRecoveryAction', 'StopTimeout'])
  const { stdout } = await runIn(directory, ['get', 'HangRecoveryAction', 'StopTimeout', '--json'])
  t.match(stdout.objects, [
    { value: 3, origin: 'default' },
    { value: 30_000, origin: 'default' },
  ])
})

t.test('a profile can be stored as a whole, and taken back', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', '--profile', 'windows2003', 'StopTimeout=1000'])
  const get = async (...args: string[]) => (await runIn(directory, ['get', '--json', ...args])).stdout.objects
  t.match(await get('HangRecoveryAction', 'SameSubnetThreshold', 'StopTimeout'), [
    { value: 2, origin: 'common' },
    { value: 6, origin: 'common' },
    { value: 1000, origin: 'common' },
  ])
  await runIn(directory, ['set', '--profile', 'current'])
  t.match(await get('HangRecoveryAction', 'StopTimeout'), [{ origin: 'default' }, { value: 1000, origin: 'common' }])
  await runIn(directory, ['set', '--profile', 'windows2003', 'HangRecoveryAction=1'])
  t.match(await get('HangRecoveryAction', 'SameSubnetThreshold'), [{ value: 1 }, { value: 6 }], 'what is given wins')
  await runIn(directory, ['set', '--service', 'web', '--profile', 'windows2003'])
  t.match(await get('HangRecoveryAction', '--service', 'web'), [{ value: 2, origin: 'private' }])
})

const heartbeat = 'ClusSvcHeartbeatTimeout'

t.test('bad input is one error with its code, and changes nothing', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', `${heartbeat}=30`])
  const before = storedIn(directory)
  const set = (...assignments: string[]): readonly string[] => ['set', 'StopTimeout=1', ...assignments]
  const bad: readonly [readonly string[], string, RegExp][] = [
    [set(`${heartbeat}=5`), 'usage', /: expected 6 to 4294967295 s, not 5$/],
    [set(`${heartbeat}=4294967296`), 'usage', /: expected 6 to 4294967295 s, not 4294967296$/],
    [set(`${heartbeat}=-60`), 'usage', /not -60$/],
    [set(`${heartbeat}=60.5`), 'usage', /not 60\.5$/],
    [set(`${heartbeat}=60:string`), 'usage', /the format DWORD, not SZ$/],
    [set(`${heartbeat}=sixty`), 'usage', /not "sixty"$/],
    [set('HangRecoveryActoin=1'), 'usage', /such as HangRecoveryAction$/],
    [set(`${heartbeat}="60`), 'usage', /closing double quote/],
    [set('TerminateSignal="SIGTERM'), 'usage', /closing double quote/],
    [
      set('MaintenanceSchedule=never'),
      'usage',
      /property "MaintenanceSchedule": expected a cron expression and a duration/,
    ],
    [set('DrillSchedule=* *'), 'usage', /property "DrillSchedule"/],
    [set('ScheduleTimeZone=Mars/Phobos'), 'usage', /the name of a time zone/],
    [set('HeartbeatTimeoutMilliseconds=50'), 'usage', /expected the name of a service/],
    [set('ClusSvcRegroupStageTimeout=5'), 'permission', /a property that can be set, not a read-only one$/],
    [set('StopTimeout=2'), 'usage', /expected it once, not twice$/],
    [set(heartbeat), 'usage', /expected NAME=VALUE/],
    [['set'], 'usage', /expected NAME=VALUE\[:FORMAT\] or --profile/],
    [['set', '--service', 'a/b', `${heartbeat}=60`], 'usage', /^cannot use the service name "a\/b"/],
    [['set', '--service', 'web', 'BugCheckConsent=1'], 'usage', /not one of the whole cluster$/],
    [['reset', heartbeat, 'Nope'], 'usage', /^cannot reset property "Nope"/],
    [['reset', 'ClusSvcRegroupStageTimeout'], 'permission', /read-only/],
    [['get', 'Nope'], 'usage', /^cannot find property "Nope"/],
    [['list', '--service', ''], 'usage', /service name/],
  ]
  for (const [args, code, message] of bad) {
    await t.rejects(runIn(directory, args), { code, message }, args.join(' '))
  }
  t.equal(storedIn(directory), before)
})

t.test('good schedules and zones are taken', async (t) => {
  const directory = temporaryDirectory(t)
  const texts = [
    'MaintenanceSchedule=30 2 * * SUN for 90m',
    'DrillSchedule=0 5 * * *',
    'ScheduleTimeZone=Europe/Berlin',
  ]
  await runIn(directory, ['set', ...texts])
  await runIn(directory, ['set', '--service', 'web', 'MaintenanceSchedule='])
  t.match((await runIn(directory, ['get', '--json', 'MaintenanceSchedule'])).stdout.objects, [
    { value: '30 2 * * SUN for 90m', origin: 'common' },
  ])
})

t.test('the consent is for root alone', async (t) => {
  const directory = temporaryDirectory(t)
  const user = t.intercept(process, 'geteuid', { value: () => 1000 })
  const message = 'cannot set property "BugCheckConsent": expected to be run by root, not by user 1000'
  await t.rejects(runIn(directory, ['set', 'BugCheckConsent=1']), { code: 'permission', message })
  await t.rejects(runIn(directory, ['reset', 'BugCheckConsent']), { code: 'permission' })
  const document = '{"common": {"BugCheckConsent": 1}}'
  await t.rejects(runIn(directory, ['import'], document), { code: 'permission', message })
  t.equal(storedIn(directory), undefined)
  user.restore()
  t.intercept(process, 'geteuid', { value: () => 0 })
  await runIn(directory, ['set', 'BugCheckConsent=1'])
  t.match((await runIn(directory, ['get', '--json', 'BugCheckConsent'])).stdout.objects, [{ value: 1 }])
})

t.test('who made a change is remembered', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', `${heartbeat}=30`])
  const store = openFileStore({ directory, clock: systemClock, identity: { self: thisProcess, isAlive } })
  const author = { uid: process.getuid?.(), pid: process.pid }
  t.match((await store.read()).recent, [{ author, changes: [{ name: heartbeat, from: undefined, to: dword(30) }] }])
})

t.test(
  'the properties in the directory of another user are refused by its owner, before anything is written',
  async (t) => {
    if (process.getuid?.() !== 0) return t.comment('skipped: only root can give a directory to another user')
    const directory = temporaryDirectory(t)
    chownSync(directory, 65534, 65534)
    const message = `cannot use the state directory "${directory}": expected to be run as user 65534, who owns it, not as user 0`
    await t.rejects(runIn(directory, ['set', 'HangRecoveryAction=1']), { code: 'permission', message })
    t.strictSame(readdirSync(directory), [], 'not even a directory was made')
    t.equal((await runIn(directory, ['list'])).exitCode, 0, 'there is nothing that must not be read')
    writeFileSync(join(directory, 'properties.json'), '{}')
    chownSync(join(directory, 'properties.json'), 65534, 65534)
    for (const args of [['set', 'HangRecoveryAction=1'], ['list'], ['cluster', '/prop']]) {
      await t.rejects(runIn(directory, args), { code: 'permission', message })
    }
  },
)

t.test('a state directory that was named but is not there is an error', async (t) => {
  const directory = join(temporaryDirectory(t), 'missing')
  await t.rejects(runIn(directory, ['list']), { code: 'unavailable' })
  await t.rejects(runIn(directory, ['set', `${heartbeat}=5`]), { code: 'usage' })
  t.notOk(existsSync(directory), 'bad input makes nothing')
  await runIn(directory, ['set', `${heartbeat}=6`])
  t.ok(existsSync(join(directory, 'properties.json')))
})

t.test('a damaged store, and one of a newer hangdog, are errors and stay as they are', async (t) => {
  const directory = temporaryDirectory(t)
  for (const text of ['{"version": 1', '{"version": 99, "sha256": "?"}']) {
    writeFileSync(join(directory, 'properties.json'), text)
    await t.rejects(runIn(directory, ['list']), { code: 'data' })
    await t.rejects(runIn(directory, ['set', `${heartbeat}=6`]), { code: 'data' })
    t.equal(storedIn(directory), text)
  }
})

t.test('the generation before is used when the newest one is torn, and that is said', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', `${heartbeat}=30`])
  await runIn(directory, ['set', `${heartbeat}=40`])
  writeFileSync(join(directory, 'properties.json'), (storedIn(directory) ?? '').slice(0, 100))
  const { stdout, stderr } = await runIn(directory, ['get', '--json', heartbeat])
  t.match(stdout.objects, [{ value: 30, origin: 'common' }])
  t.match(stderr.text, /^hangdog: [^\n]+\n$/)
})

t.test('a hangdog that runs is told, and what does not follow is noted', async (t) => {
  const directory = temporaryDirectory(t)
  const kept = (service: string, name: string, by = 'command line') => ({ service, name, by })
  const overridden = [
    kept('web', 'HangRecoveryAction'),
    kept('web', 'StopTimeout'),
    kept('db', 'HangRecoveryAction', 'x.yaml'),
  ]
  const value = (service: string, name: string, value: string) => ({
    service,
    name,
    value,
    format: 'DWORD',
    origin: 'flag',
  })
  const asked = await serveAnswers(t, directory, 'main', {
    describe: { instance: 'main' },
    'apply-properties': { generation: 1, overridden, problem: null },
    status: [{ service: 'web' }, { service: 'db' }],
    properties: [value('db', 'HangRecoveryAction', '0'), value('web', 'HangRecoveryAction', '1')],
  })
  const ran = await runIn(directory, ['set', '--service', 'web', 'HangRecoveryAction=2'])
  t.ok(asked.includes('apply-properties'))
  t.equal(ran.exitCode, 0)
  const ofWeb = 'hangdog: note: service "web" keeps HangRecoveryAction=1 (command line)'
  t.strictSame(ran.stderr.lines, [ofWeb], 'nothing of the others')
  const common = await runIn(directory, ['reset', 'HangRecoveryAction'])
  t.strictSame(common.stderr.lines, [ofWeb, 'hangdog: note: service "db" keeps HangRecoveryAction=0 (x.yaml)'])
  const misspelt = await runIn(directory, ['set', '--service', 'wbe', 'HangRecoveryAction=2'])
  t.strictSame(misspelt.stderr.lines, ['hangdog: note: no hangdog that runs now watches a service "wbe"'])
})

t.test('a hangdog that does not apply the change is noted, and the change is stored all the same', async (t) => {
  const directory = temporaryDirectory(t)
  await serveAnswers(t, directory, 'old', { describe: { instance: 'old' } })
  const ran = await runIn(directory, ['set', `${heartbeat}=30`])
  t.match(ran.stderr.text, /^hangdog: note: instance "old" [^\n]*\n$/)
  t.match((await runIn(directory, ['get', '--json', heartbeat])).stdout.objects, [{ value: 30 }])
  writeFileSync(join(directory, 'control', 'dead.sock'), '')
  mkdirSync(join(directory, 'control', 'odd.sock'))
  t.equal((await runIn(directory, ['set', `${heartbeat}=31`])).exitCode, 0)
})

t.test('a hangdog that watches the service tells what it goes by', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', '--service', 'web', 'HangRecoveryAction=2', 'TerminateSignal=SIGINT'])
  const property = (name: string, value: string, format: string, origin: string, by: string) =>
    ({ service: 'web', name, value, format, origin, by }) as const
  const properties = [
    property('HangRecoveryAction', '1', 'DWORD', 'flag', '--action'),
    property('TerminateSignal', 'SIGABRT', 'SZ', 'private', ''),
  ]
  await serveAnswers(t, directory, 'main', { describe: { instance: 'main' }, properties })
  await serveAnswers(t, directory, 'other', { describe: { instance: 'other' } })
  const names = ['HangRecoveryAction', 'TerminateSignal', 'StopTimeout']
  const { stdout } = await runIn(directory, ['get', '--service', 'web', '--json', ...names])
  t.match(stdout.objects, [
    { value: 1, origin: 'flag', by: '--action' },
    { value: 'SIGABRT', origin: 'private', by: null },
    { value: 30_000, origin: 'default' },
  ])
  const table = await runIn(directory, ['get', '--service', 'web', 'HangRecoveryAction'])
  t.match(table.stdout.lines[1], /^HangRecoveryAction +1 \(log\) +flag \(--action\) /)
})

t.test('the help of the list has all properties', async (t) => {
  const { describeDefinitions } = await import('../../src/property/definition-table.js')
  const { definitions } = await import('../../src/property/definitions.js')
  const text = describeDefinitions().join('\n')
  for (const { name, meaning } of definitions) t.match(text, new RegExp(`^  ${name} .*${meaning.slice(0, 10)}`, 'm'))
})

t.test('what was exported can be imported elsewhere, in both formats', async (t) => {
  const from = temporaryDirectory(t)
  await runIn(from, ['set', 'HangRecoveryAction=1', 'TerminateSignal=SIGINT', `${heartbeat}=6`])
  await runIn(from, ['set', '--service', 'web', 'HeartbeatTimeoutMilliseconds=50'])
  await runIn(from, [
    'cluster',
    'res',
    'web',
    '/priv',
    'Note=a,b:multistr',
    'Big=18446744073709551615:ularge',
    'X=1,255:binary',
  ])
  const json = (await runIn(from, ['export'])).stdout.text
  const all = temporaryDirectory(t)
  await runIn(all, ['import', '--format', 'json'], json)
  t.equal((await runIn(all, ['export'])).stdout.text, json)
  t.match(JSON.parse(json), { common: { HangRecoveryAction: 1, TerminateSignal: 'SIGINT' } })

  const pieces = temporaryDirectory(t)
  const path = join(pieces, 'list')
  for (const service of [[], ['--service', 'web']]) {
    await runIn(from, ['export', '--format', 'clusprop', ...service, path])
    await runIn(pieces, ['import', '--format', 'clusprop', ...service, path])
  }
  t.equal((await runIn(pieces, ['export'])).stdout.text, json)

  const one = temporaryDirectory(t)
  const ofWeb = (await runIn(from, ['export', '--service', 'web'])).stdout.text
  await runIn(one, ['import', '--service', 'web'], ofWeb)
  t.equal((await runIn(one, ['export', '--service', 'web'])).stdout.text, ofWeb)
  t.match((await runIn(one, ['get', '--json', 'HangRecoveryAction'])).stdout.objects, [{ origin: 'default' }])
})

t.test('the binary list of an empty store is the empty list', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'list')
  await runIn(directory, ['export', '--format', 'clusprop', path])
  t.strictSame(readFileSync(path), Buffer.alloc(4))
})

t.test('an import leaves alone what it does not name; null stands for the default', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', 'HangRecoveryAction=1', 'StopTimeout=7', `${heartbeat}=30`])
  await runIn(directory, ['import'], '{"common": {"StopTimeout": null, "hangrecoveryaction": "Terminate"}}')
  const { stdout } = await runIn(directory, ['get', '--json', 'StopTimeout', 'HangRecoveryAction', heartbeat])
  t.match(stdout.objects, [{ origin: 'default' }, { value: 2 }, { value: 30 }])
})

t.test('bad data is one error, 65, and changes nothing', async (t) => {
  const directory = temporaryDirectory(t)
  await runIn(directory, ['set', `${heartbeat}=30`])
  const before = storedIn(directory)
  const documents: readonly [string | Uint8Array, RegExp][] = [
    ['', /from standard input: expected JSON/],
    ['{"common": ', /expected JSON/],
    ['[]', /expected an object with "common" and "services"$/],
    ['{"comon": {}}', /to have only common, services, not "comon"$/],
    ['{"common": []}', /"common" to be an object$/],
    ['{"services": {"web": 1}}', /"web" to be an object$/],
    ['{"services": {"a b": {}}}', /service name "a b"/],
    ['{"common": {"StopTimeout": 1, "Nope": 1}}', /^cannot set property "Nope": expected a known property/],
    ['{"services": {"web": {"HangRecoveryActoin": 1}}}', /such as HangRecoveryAction$/],
    ['{"common": {"Nope": {"format": "DWORD", "value": 1}}}', /^cannot set property "Nope"/],
    ['{"common": {"StopTimeout": 1, "ClusSvcHeartbeatTimeout": 5}}', /expected 6 to 4294967295 s, not 5$/],
    ['{"common": {"StopTimeout": -1}}', /not -1$/],
    ['{"common": {"StopTimeout": 1.5}}', /expected 0 to 4294967295 ms, not 1\.5$/],
    ['{"common": {"StopTimeout": "soon"}}', /the format DWORD, not SZ$/],
    ['{"common": {"StopTimeout": true}}', /to be a number, a text, or an object/],
    ['{"common": {"StopTimeout": {"format": "DWORD", "value": "1"}}}', /expected a format and a value of it/],
    ['{"common": {"StopTimeout": {"format": "DWORD", "value": 1, "unit": "s"}}}', /only format, value, not "unit"$/],
    ['{"common": {"TerminateSignal": "SIG"}}', /a signal by name/],
    ['{"common": {"DrillSchedule": "soon"}}', /property "DrillSchedule"/],
    ['{"common": {"StopTimeout": 1, "stoptimeout": 2}}', /expected it once, not twice$/],
    ['{"common": {"StopTimeout": 1, "StopTimeout": 2}}', /expected "StopTimeout" in "common" once, not twice$/],
    ['{"services": {"web": {"StopTimeout": 1}, "web": {}}}', /expected "web" in "services" once, not twice$/],
    ['{"common": {}, "common": {}}', /expected "common" once, not twice$/],
    ['{"common": {"BugCheckConsent": null, "__proto__": 1}}', /"__proto__"/],
    [Buffer.from([0x22, 0xff, 0x22]), /expected UTF-8 text$/],
  ]
  for (const [document, message] of documents) {
    await t.rejects(runIn(directory, ['import'], document), { code: 'data', message }, document.toString())
  }
  await t.rejects(runIn(directory, ['import', '--service', 'db'], '{"services": {"web": {}}}'), {
    code: 'data',
    message: /only db, not "web"$/,
  })
  await t.rejects(runIn(directory, ['import', '--service', 'db'], '{"common": {}}'), { code: 'data' })
  const path = join(directory, 'list')
  await runIn(directory, ['export', '--format', 'clusprop', path])
  const whole = readFileSync(path)
  const lists = [Buffer.alloc(0), whole.subarray(0, -1), Buffer.concat([whole, Buffer.alloc(1)]), wrong(whole)]
  for (const list of lists) {
    await t.rejects(runIn(directory, ['import', '--format', 'clusprop'], list), { code: 'data' }, list.toString('hex'))
  }
  await t.rejects(runIn(directory, ['import', join(directory, 'missing')]), { code: 'data', message: /ENOENT/ })
  await t.rejects(runIn(directory, ['import', directory]), { code: 'data', message: /EISDIR/ })
  const huge = Buffer.alloc(17 * 1024 * 1024)
  await t.rejects(runIn(directory, ['import'], huge), { code: 'data', message: /at most 16777216 bytes$/ })
  t.equal(storedIn(directory), before)
})

/** The same list with a value under the minimum. */
function wrong(list: Buffer): Buffer {
  const copy = Buffer.from(list)
  copy.writeUInt32LE(5, copy.length - 8)
  return copy
}

t.test('a read-only property in a file is not permitted', async (t) => {
  const directory = temporaryDirectory(t)
  const document = '{"common": {"StopTimeout": 1, "ClusSvcRegroupStageTimeout": 5}}'
  await t.rejects(runIn(directory, ['import'], document), { code: 'permission' })
  t.equal(storedIn(directory), undefined)
})

t.test('a file that cannot be written is an error', async (t) => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'missing', 'file')
  await t.rejects(runIn(directory, ['export', path]), { code: 'create', message: /^cannot write the properties to "/ })
  await t.rejects(runIn(directory, ['export', '/dev/full']), { code: 'create', message: /ENOSPC/ })
  t.ok(existsSync('/dev/full'), 'a device is never replaced')
})
