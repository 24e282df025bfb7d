import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hangdog, stateDirectory } from './hangdog.js'

t.test(
  'properties of the real program: set, shown, and set again in the words of cluster.exe',
  { timeout: 120_000 },
  async (t) => {
    const directory = stateDirectory(t)
    const run = (...args: string[]) => hangdog(t, [...args, '--state-dir', directory])
    t.match(await run('prop', 'set', 'HangRecoveryAction=log'), { code: 0, stdout: '', stderr: '' })
    t.match(await run('prop', 'get', 'HangRecoveryAction'), {
      code: 0,
      stdout: /^HangRecoveryAction +1 \(log\) +common/m,
    })
    t.match(await run('cluster', '/cluster:prod', '/prop', 'HangRecoveryAction=2'), { code: 0, stdout: '', stderr: '' })
    t.match(await run('cluster', 'prod', '-prop:HangRecoveryAction'), {
      code: 0,
      stdout: /^D +prod +HangRecoveryAction +2 \(0x2\)$/m,
    })
    t.match(await run('cluster', '/prop:HangRecoveryAction', '/usedefault'), { code: 0, stdout: '', stderr: '' })
    t.match(await run('prop', 'export'), { code: 0, stdout: '{\n  "common": {},\n  "services": {}\n}\n' })
  },
)

t.test('bad input is one line on stderr, and its exit code', { timeout: 120_000 }, async (t) => {
  const directory = stateDirectory(t)
  const run = (...args: string[]) => hangdog(t, [...args, '--state-dir', directory])
  await run('prop', 'set', 'HangRecoveryAction=1')
  const before = readFileSync(join(directory, 'properties.json'), 'utf8')
  const bad: readonly [readonly string[], number][] = [
    [['prop', 'set', 'ClusSvcHeartbeatTimeout=5'], 64],
    [['prop', 'set', 'ClusSvcRegroupStageTimeout=5'], 77],
    [['prop', 'set', 'a\nb=1'], 64],
    [['prop', 'import', join(directory, 'properties.json')], 65],
    [['prop', 'import', '--format', 'clusprop', join(directory, 'properties.json')], 65],
    [['cluster', '/prop', 'HangRecoveryAction="2'], 64],
    [['cluster', '/prop:Nope', '/usedefault'], 64],
    [['cluster', 'node', '/prop'], 69],
  ]
  for (const [args, code] of bad) {
    t.match(await run(...args), { code, stdout: '', stderr: /^hangdog: cannot [^\n]+\n$/ }, args.join(' '))
  }
  t.equal(readFileSync(join(directory, 'properties.json'), 'utf8'), before)
})

t.test('help has the properties, the grammar and examples', { timeout: 120_000 }, async (t) => {
  const list = await hangdog(t, ['prop', 'list', '--help'])
  t.match(list, { code: 0, stdout: /ClusSvcHeartbeatTimeout +both +DWORD +6 +4294967295 +60 +s +MSCS +Longest/ })
  for (const word of ['--help', '/?', '-?', '/HELP']) {
    t.match(
      await hangdog(t, ['cluster', word]),
      { code: 0, stdout: /\$ hangdog cluster \/cluster:prod \/prop Hang/ },
      word,
    )
  }
})
