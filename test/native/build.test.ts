import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { loadAddon } from '../../src/platform/addon.js'
import { makeFolder } from '../heartbeat/stream-fixture.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const noCompiler = spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status !== 0

/** The sources and the build script, where building does no harm. */
function copySources(t: Test): string {
  const folder = makeFolder(t)
  mkdirSync(join(folder, 'tools'))
  copyFileSync(join(root, 'tools', 'native.mjs'), join(folder, 'tools', 'native.mjs'))
  for (const part of ['addon', 'guard', 'guard-process', 'core', 'include']) {
    cpSync(join(root, 'native', part), join(folder, 'native', part), {
      recursive: true,
      filter: (file) => !file.includes('build'),
    })
  }
  return folder
}

function build(folder: string, environment: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const script = join(folder, 'tools', 'native.mjs')
  return spawnSync(process.execPath, [script, ...args], { env: environment, encoding: 'utf8', timeout: 100_000 })
}

t.test('without a compiler nothing is built, it is said why, and that is no failure', async (t) => {
  const folder = copySources(t)
  const done = build(folder, { PATH: join(folder, 'nothing') })
  t.equal(done.status, 0)
  t.match(done.stdout, /^native: skipped: no C compiler was found .*\n$/)
  t.notOk(existsSync(join(folder, 'native', 'addon', 'build')))
})

t.test('a build gives an addon that loads', { skip: noCompiler && 'skipped: there is no gcc' }, async (t) => {
  const folder = copySources(t)
  const environment = { PATH: process.env.PATH ?? '' }
  const done = build(folder, environment)
  t.equal(done.status, 0, done.stderr)
  if (done.stdout.startsWith('native: skipped: the headers')) return
  const file = join(folder, 'native', 'addon', 'build', 'Release', 'hangdog.node')
  const program = join(dirname(file), 'hangdog-guard')
  const core = join(dirname(file), 'hangdog-core')
  const said = [file, program, core].map((built) => `native: built ${built}\n`).join('')
  t.match(done, { stdout: said, stderr: '' }, 'and the compiler has nothing to say')
  t.equal(spawnSync(program, { encoding: 'utf8' }).status, 64, 'the guard program runs')
  t.match(
    spawnSync(core, { encoding: 'utf8' }),
    { status: 1, stderr: /^usage: hangdog-core / },
    'and so does that for cores',
  )
  t.equal(loadAddon(join(folder, 'native', 'addon')).kind, 'loaded')
  t.equal(build(folder, environment, ['--if-changed']).stdout, '', 'what is current is not built again')
  writeFileSync(join(folder, 'native', 'guard', 'heap.c'), 'this is no C\n')
  const broken = build(folder, environment, ['--if-changed'])
  t.equal(broken.status, 1, 'sources that do not compile are a failure')
  t.match(broken.stderr, /hangdog works without the native part/)
  t.equal(build(folder, environment, ['--optional']).status, 0, 'but never one of an install')
  t.equal(loadAddon(join(folder, 'native', 'addon')).kind, 'loaded', 'and leave what was there')
})
