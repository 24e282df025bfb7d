import { hostname } from 'node:os'
import t from 'tap'
import { clusterCommand } from '../../src/cli/cluster.js'
import { temporaryDirectory } from '../control/support.js'
import { runIn, serveAnswers, storedIn } from './property-support.js'
import { runCommand } from './support.js'

const cluster = (directory: string, ...args: string[]) => runIn(directory, ['cluster', ...args])

const exported = async (directory: string): Promise<unknown> => {
  const { stdout } = await runIn(directory, ['export'])
  return JSON.parse(stdout.text)
}

t.test('published command lines change what they say', async (t) => {
  const directory = temporaryDirectory(t)
  const lines: readonly [string, Readonly<Record<string, unknown>>][] = [
    ['/cluster:prod /prop HangRecoveryAction=2', { HangRecoveryAction: 2 }],
    ['. /prop ClusSvcHeartbeatTimeout=60', { ClusSvcHeartbeatTimeout: 60 }],
    ['/cluster:prod /prop ClusSvcHangTimeout=30', { ClusSvcHeartbeatTimeout: 30 }],
    ['/prop SameSubnetDelay=2000:DWORD', { SameSubnetDelay: 2000 }],
    [
      'prod /PROPERTIES samesubnetthreshold=20 CrossSubnetThreshold=0x14',
      { SameSubnetThreshold: 20, CrossSubnetThreshold: 20 },
    ],
    ['-prop HangRecoveryAction=1', { HangRecoveryAction: 1 }],
    ['prod -prop HangRecoveryAction=ClussvcHangActionDisable', { HangRecoveryAction: 0 }],
    ['/priv MulticastClusterDisabled=1:dword', { MulticastClusterDisabled: 1 }],
  ]
  for (const [line, common] of lines) {
    const ran = await cluster(directory, ...line.split(' '))
    t.strictSame([ran.stdout.text, ran.stderr.text, ran.exitCode], ['', '', 0], line)
    t.match(await exported(directory), { common }, line)
  }
  await cluster(directory, '/prop:HangRecoveryAction,samesubnetdelay', '/usedefault')
  const { common } = (await exported(directory)) as { common: object }
  t.notOk('HangRecoveryAction' in common || 'SameSubnetDelay' in common)
  t.ok('SameSubnetThreshold' in common)
})

t.test('the table has type, object, name and value, numbers in hexadecimal too', async (t) => {
  const directory = temporaryDirectory(t)
  await cluster(directory, '/prop', 'CrossSubnetDelay=4000')
  const { stdout } = await cluster(directory, 'prod', '/prop')
  t.strictSame(stdout.lines.slice(0, 2), ["Listing properties for 'prod':", ''])
  t.match(stdout.lines[2], /^T +Cluster +Name +Value$/)
  t.match(stdout.text, /^D +prod +SameSubnetDelay +1000 \(0x3e8\)$/m)
  t.match(stdout.text, /^D +prod +CrossSubnetDelay +4000 \(0xfa0\)$/m)
  t.match(stdout.text, /^DR +prod +ClusSvcRegroupStageTimeout +5 \(0x5\)$/m)
  t.match(stdout.text, /^S +prod +TerminateSignal +SIGTERM$/m)
  t.match(stdout.text, /^D +prod +QuarantineDuration +7200 \(0x1c20\)$/m)
  t.notMatch(stdout.text, /MulticastClusterDisabled/, 'it is private')
  for (const name of [[], ['.']]) {
    const local = await cluster(directory, ...name, '/priv')
    t.strictSame(local.stdout.lines.slice(0, 2), [`Listing private properties for '${hostname()}':`, ''])
    t.match(local.stdout.lines.slice(3), [/^D +\S+ +MulticastClusterDisabled +0 \(0x0\)$/])
  }
  const some = await cluster(directory, '/prop:clussvchangtimeout,HangRecoveryAction')
  t.match(some.stdout.lines.slice(3), [/ClusSvcHeartbeatTimeout +60 \(0x3c\)$/, /HangRecoveryAction +3 \(0x3\)$/])
})

t.test('a resource is a service', async (t) => {
  const directory = temporaryDirectory(t)
  await cluster(directory, 'prod', 'res', 'web', '/prop', 'HangRecoveryAction=1')
  await cluster(directory, 'resource', 'web', '/priv', 'HeartbeatTimeoutMilliseconds=500')
  await cluster(directory, 'res', 'db', '/priv', 'StopTimeout=1')
  t.match(await exported(directory), {
    services: { web: { HangRecoveryAction: 1, HeartbeatTimeoutMilliseconds: 500 }, db: { StopTimeout: 1 } },
  })
  const all = await cluster(directory, 'res', 'web', '/prop')
  t.equal(all.stdout.lines[0], "Listing properties for 'web':")
  t.match(all.stdout.lines[2], /^T +Resource +Name +Value$/)
  t.match(all.stdout.text, /^D +web +HangRecoveryAction +1 \(0x1\)$/m)
  t.match(all.stdout.text, /^D +web +StopTimeout +30000 \(0x7530\)$/m)
  const own = await cluster(directory, 'res', 'web', '/priv')
  t.match(own.stdout.lines.slice(3), [/HeartbeatTimeoutMilliseconds +500/, /HangRecoveryAction +1/])
  t.equal(own.stdout.lines.length, 5)
  const every = await cluster(directory, 'res', '/priv')
  t.equal(every.stdout.lines[0], 'Listing private properties for all resources:')
  t.match(every.stdout.text, /^D +db +StopTimeout +1 \(0x1\)$/m)
  t.match(every.stdout.text, /^D +web +HangRecoveryAction +1/m)
  await cluster(directory, 'res', 'web', '/priv:HangRecoveryAction', '/usedefault')
  t.equal((await cluster(directory, 'res', 'web', '/priv')).stdout.lines.length, 4)
})

t.test(
  'a private property that nobody knows is made with its format (a text without one), listed, and deleted',
  async (t) => {
    const directory = temporaryDirectory(t)
    const web = (...args: string[]) => cluster(directory, 'res', 'web', ...args)
    await web('/priv', 'Note="a b":string', 'Hosts=x,"y,z":multistr', 'Raw=1,2,0xff:binary')
    await web(
      '/priv',
      'Long=-1:long',
      'Big=18446744073709551615:ularge',
      'None=:multistr',
      `Many=${'0,'.repeat(19)}0:binary`,
      'Foo=7',
    )
    const { stdout } = await web('/priv')
    for (const line of [
      /^S +web +Note +a b$/m,
      /^S +web +Foo +7$/m,
      /^M +web +Hosts +x\nM +web +Hosts +y,z$/m,
      /^B +web +Raw +01 02 ff \(3 bytes\)$/m,
      /^D +web +Long +-1 \(0xffffffff\)$/m,
      /^D +web +Big +18446744073709551615 \(0xffffffffffffffff\)$/m,
      /^M +web +None$/m,
      /^B +web +Many +(00 ){16}\.\.\. \(20 bytes\)$/m,
    ]) {
      t.match(stdout.text, line)
    }
    await web('/priv', 'note=c')
    t.match((await web('/priv:NOTE')).stdout.lines.slice(3), [/^S +web +Note +c$/])
    t.match((await runIn(directory, ['list', '--service', 'web'])).stdout.text, /^Note +c +private$/m)
    await web('/priv:note', '/usedefault')
    t.notMatch((await web('/priv')).stdout.text, /Note/)
  },
)

t.test('bad input is one error with its code, and changes nothing', async (t) => {
  const directory = temporaryDirectory(t)
  await cluster(directory, '/prop', 'HangRecoveryAction=1')
  const before = storedIn(directory)
  const bad: readonly [readonly string[], string, RegExp][] = [
    [
      ['/prop', 'SameSubnetDelay=249'],
      'usage',
      /^cannot set property "SameSubnetDelay": expected 250 to 2000 ms, not 249$/,
    ],
    [['/prop', 'SameSubnetDelay=2001:DWORD'], 'usage', /not 2001$/],
    [['/prop', 'HangRecoveryAction=2', 'Nope=1:dword'], 'usage', /^cannot set property "Nope"/],
    [['/prop', 'SameSubnetDelay=1000:string'], 'usage', /the format DWORD/],
    [['/prop', 'SameSubnetDelay=-1000'], 'usage', /not -1000$/],
    [['/prop', 'SameSubnetDelay=1000.5'], 'usage', /not 1000\.5$/],
    [['/prop', 'ClusSvcRegroupTickInMilliseconds=300'], 'permission', /read-only/],
    [['/prop:Nope', '/usedefault'], 'usage', /^cannot reset property "Nope": expected a known property/],
    [['res', 'web', '/priv:Nope', '/usedefault'], 'usage', /^cannot reset property "Nope" of service "web"/],
    [['res', 'web', '/priv', 'Note="a b:string'], 'usage', /closing double quote/],
    [['/prop', 'HangRecoveryAction="2'], 'usage', /closing double quote/],
    [['res', 'web', '/prop', 'Note=1:dword'], 'usage', /^cannot set property "Note" of service "web"/],
    [['res', 'web', '/priv', 'HangRecoveryActon=1'], 'usage', /a known property, such as HangRecoveryAction$/],
    [['res', 'web', '/prop', 'Note=1'], 'usage', /^cannot set property "Note" of service "web"/],
    [['res', 'IP Address', '/prop'], 'usage', /^cannot use the service name "IP Address"/],
    [['res', '/prop', 'HangRecoveryAction=2'], 'usage', /expected the name of a service, not none$/],
    [['/priv', 'HangRecoveryAction=2'], 'usage', /MulticastClusterDisabled; \/prop takes the others$/],
    [['/prop:Nope'], 'usage', /^cannot find property "Nope"/],
    [['res', '/priv:Nope'], 'usage', /^cannot find property "Nope"/],
    [['/frobnicate'], 'usage', /^cannot read the command line: /],
    [['prod'], 'usage', /^cannot read the command line: /],
    [['node', '/prop'], 'unavailable', /^cannot use "node": it comes with the cluster part/],
    [['group', 'web', '/prop', 'X=1'], 'unavailable', /"group"/],
  ]
  for (const [args, code, message] of bad) {
    await t.rejects(cluster(directory, ...args), { code, message }, args.join(' '))
  }
  t.equal(storedIn(directory), before)
})

t.test('services that a hangdog watches are listed with what it goes by', async (t) => {
  const directory = temporaryDirectory(t)
  await cluster(directory, 'res', 'db', '/priv', 'StopTimeout=1')
  const properties = [
    { service: 'web', name: 'StopTimeout', value: '2', format: 'DWORD', origin: 'flag', by: '--stop-timeout' },
  ]
  await serveAnswers(t, directory, 'main', { describe: { instance: 'main' }, status: [{ service: 'web' }], properties })
  const { stdout } = await cluster(directory, 'res', '/prop:StopTimeout')
  t.match(stdout.text, /^D +web +StopTimeout +2 \(0x2\)$/m)
})

t.test('a change is announced as by prop', async (t) => {
  const directory = temporaryDirectory(t)
  const asked = await serveAnswers(t, directory, 'main', {
    describe: { instance: 'main' },
    'apply-properties': { generation: 1, overridden: [], problem: null },
  })
  t.equal((await cluster(directory, '/prop', 'HangRecoveryAction=2')).stderr.text, '')
  t.ok(asked.includes('apply-properties'))
})

t.test('help is asked for in the manner of cluster.exe', async (t) => {
  const directory = temporaryDirectory(t)
  for (const args of [['/?'], ['/help'], [], ['prod', '/prop', '/?']]) {
    t.equal((await cluster(directory, ...args)).exitCode, 0)
  }
  await t.rejects(runCommand(clusterCommand, ['cluster', '--help']), { code: 'commander.helpDisplayed' })
  t.equal(storedIn(directory), undefined)
})
