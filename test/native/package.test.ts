import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { loadAddon } from '../../src/platform/addon.js'
import { makeFolder } from '../heartbeat/stream-fixture.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

t.test('the package holds what its install script builds from', async (t) => {
  const folder = makeFolder(t)
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: root })
  execFileSync('sh', ['-c', 'tar xzf *.tgz'], { cwd: folder })
  const unpacked = join(folder, 'package')
  for (const file of ['dist/cli/hangdog.js', 'native/guard/guard.h', 'tools/native.mjs']) {
    t.ok(existsSync(join(unpacked, file)), file)
  }
  t.notOk(existsSync(join(unpacked, 'native', 'guard', 'test')), 'and no tests')
  const script = [join(unpacked, 'tools', 'native.mjs'), '--if-changed', '--optional']
  const { stdout, status } = spawnSync(process.execPath, script, { encoding: 'utf8', timeout: 100_000 })
  t.equal(status, 0)
  const skipped = /skipped: .*/.exec(stdout)?.[0]
  if (skipped === undefined) t.equal(loadAddon(join(unpacked, 'native', 'addon')).kind, 'loaded')
  else t.pass('an addon is built', { skip: skipped })
})
