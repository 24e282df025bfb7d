import t from 'tap'
import { type ClusterRequest, parseClusterCommandLine } from '../../src/property/cluster-command-line.js'

const cluster = { kind: 'cluster' } as const
const service = (name: string | undefined) => ({ kind: 'service', service: name }) as const

/** A line as a shell would cut it. */
const parse = (line: string): ClusterRequest => parseClusterCommandLine(line === '' ? [] : line.split(' '))

t.test('published command lines are read as they are', async (t) => {
  const lines: readonly [string, ClusterRequest][] = [
    ['/prop', { kind: 'list', cluster: undefined, target: cluster, scope: 'common', names: [] }],
    ['prod /prop', { kind: 'list', cluster: 'prod', target: cluster, scope: 'common', names: [] }],
    ['/cluster:prod /priv', { kind: 'list', cluster: 'prod', target: cluster, scope: 'private', names: [] }],
    [
      '/cluster:prod /prop HangRecoveryAction=2',
      {
        kind: 'set',
        cluster: 'prod',
        target: cluster,
        scope: 'common',
        assignments: [{ name: 'HangRecoveryAction', text: '2' }],
      },
    ],
    [
      '. /prop ClusSvcHeartbeatTimeout=60',
      {
        kind: 'set',
        cluster: '.',
        target: cluster,
        scope: 'common',
        assignments: [{ name: 'ClusSvcHeartbeatTimeout', text: '60' }],
      },
    ],
    [
      '/prop SameSubnetDelay=2000:DWORD SameSubnetThreshold=10',
      {
        kind: 'set',
        cluster: undefined,
        target: cluster,
        scope: 'common',
        assignments: [
          { name: 'SameSubnetDelay', text: '2000', format: 'DWORD' },
          { name: 'SameSubnetThreshold', text: '10' },
        ],
      },
    ],
    [
      'prod /prop:HangRecoveryAction,SameSubnetDelay /usedefault',
      {
        kind: 'reset',
        cluster: 'prod',
        target: cluster,
        scope: 'common',
        names: ['HangRecoveryAction', 'SameSubnetDelay'],
      },
    ],
    ['res /prop', { kind: 'list', cluster: undefined, target: service(undefined), scope: 'common', names: [] }],
    ['resource web /priv', { kind: 'list', cluster: undefined, target: service('web'), scope: 'private', names: [] }],
    ['prod res web /priv', { kind: 'list', cluster: 'prod', target: service('web'), scope: 'private', names: [] }],
    [
      '/cluster:res res web /priv Note=a,b:multistr',
      {
        kind: 'set',
        cluster: 'res',
        target: service('web'),
        scope: 'private',
        assignments: [{ name: 'Note', text: 'a,b', format: 'MULTI_SZ' }],
      },
    ],
    [
      'res web /priv:Note /usedefault',
      { kind: 'reset', cluster: undefined, target: service('web'), scope: 'private', names: ['Note'] },
    ],
  ]
  for (const [line, request] of lines) t.strictSame(parse(line), request, line)
})

t.test('options are taken in any case, whole or shortened, with a slash or a dash', async (t) => {
  for (const option of ['/PROP', '/properties', '/Prope', '-prop', '--prop', '-Properties']) {
    t.match(parse(`prod ${option}`), { kind: 'list', scope: 'common', cluster: 'prod' }, option)
  }
  for (const option of ['/PRIV', '/privproperties', '-priv']) t.match(parse(option), { kind: 'list', scope: 'private' })
  t.match(parse('/CLUSTER:prod RESOURCE web /PROP:A /UseDefault'), { kind: 'reset', names: ['A'], cluster: 'prod' })
  t.match(parse('/usedefault /prop:A'), { kind: 'reset', names: ['A'] }, 'in any order')
  t.match(parse('/prop:A,B'), { kind: 'list', names: ['A', 'B'] })
  for (const line of ['', '/?', '-?', '/help', '-h', '--help', 'prod /prop /?'])
    t.strictSame(parse(line), { kind: 'help' })
})

t.test('quotes that a shell left are taken off', async (t) => {
  t.match(parseClusterCommandLine(['/cluster:"my cluster"', '/prop']), { cluster: 'my cluster' })
  t.match(parseClusterCommandLine(['"my cluster"', 'res', '"web"', '/prop']), {
    cluster: 'my cluster',
    target: service('web'),
  })
  t.match(parseClusterCommandLine(['/prop', '"A=b c"']), { assignments: [{ name: 'A', text: 'b c' }] })
  t.match(parseClusterCommandLine(['/prop', 'A="b c":string']), {
    assignments: [{ name: 'A', text: '"b c"', format: 'SZ' }],
  })
})

t.test('a quote that is not closed is refused wherever it stands', async (t) => {
  for (const args of [
    ['/prop', 'A="a b'],
    ['/prop', '"A=a b'],
    ['/cluster:"prod', '/prop'],
    ['"prod', '/prop'],
    ['res', '"web', '/prop'],
    ['/prop:"A,B', '/usedefault'],
  ]) {
    t.throws(() => parseClusterCommandLine(args), { code: 'usage', message: /closing double quote/ }, args.join(' '))
  }
})

t.test('what cannot be read is refused, with what was expected', async (t) => {
  const lines: readonly [string, RegExp][] = [
    ['prod', /expected \/prop or \/priv, not "nothing"$/],
    ['/prop /priv', /expected \/prop or \/priv, and that once/],
    ['/frobnicate', /expected \/prop, \/priv or \/usedefault, not "\/frobnicate"$/],
    ['/pro', /not "\/pro"$/],
    ['/', /not "\/"$/],
    ['/cluster:prod /cluster:other /prop', /expected one cluster, not "prod and other"$/],
    ['/cluster /prop', /expected \/cluster:NAME/],
    ['/cluster: /prop', /expected \/cluster:NAME/],
    ['prod web /prop', /expected resource and the name of a service, not "web"$/],
    ['res web other /prop', /not "other"$/],
    ['/usedefault', /expected \/prop or \/priv/],
    ['/prop /usedefault', /expected \/prop:NAME/],
    ['/prop:A, /usedefault', /expected \/prop:NAME/],
    ['/prop:A=1', /expected \/prop:NAME/],
    ['/prop:A B=1', /expected \/usedefault, or NAME=VALUE/],
    ['/prop:A /usedefault B=1', /expected nothing else beside \/usedefault, not "B=/],
    ['/prop:A /usedefault:B', /expected nothing else beside \/usedefault, not "B"$/],
    ['/prop HangRecoveryAction', /expected NAME=VALUE/],
    ['/prop =2', /expected NAME=VALUE/],
  ]
  for (const [line, message] of lines) t.throws(() => parse(line), { code: 'usage', message }, line)
})

t.test('what only a cluster has is not available yet', async (t) => {
  for (const line of [
    'node /prop',
    'prod group web /prop',
    'network /priv',
    'netint /prop',
    'restype x /prop',
    'res web /online',
    '/offline:5',
  ]) {
    t.throws(() => parse(line), { code: 'unavailable', message: /comes with the cluster part/ }, line)
  }
})
