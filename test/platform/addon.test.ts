import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { type LoadedAddon, loadAddon } from '../../src/platform/addon.js'
import { nativeAddon } from '../support/native.js'

const { addon, skip } = nativeAddon()
const loaded = loadAddon()

t.test('an addon that is not there, cannot be loaded or is another is absent, and it is said why', async (t) => {
  const release = (file: string) => ({ build: { Release: { 'hangdog.node': file } } })
  const folder = t.testdir({ missing: {}, empty: release(''), text: release('module.exports = 7'), other: release('') })
  const reasonOf = (name: string): string => {
    const found = loadAddon(join(folder, name))
    return found.kind === 'absent' ? found.reason : 'loaded'
  }
  t.match(reasonOf('missing'), /^the addon is not built for this machine: there is none in .*missing$/)
  t.match(reasonOf('empty'), /hangdog\.node cannot be loaded: /)
  t.match(reasonOf('text'), /hangdog\.node cannot be loaded: /)
  const source = 'void *napi_register_module_v1(void *env, void *exports) { (void)env; return exports; }'
  const file = join(folder, 'other', 'build', 'Release', 'hangdog.node')
  const built = spawnSync('gcc', ['-shared', '-fPIC', '-x', 'c', '-o', file, '-'], { input: source })
  if (built.status !== 0) return t.pass('another addon', { skip: 'skipped: there is no gcc' })
  return t.match(reasonOf('other'), /hangdog\.node is not the addon of this hangdog: expected version 2/)
})

t.test(
  'what was built here is preferred to what came with a release, and only the right machine is served',
  async (t) => {
    if (loaded.kind === 'absent') {
      t.pass('there is none', { skip: `skipped: ${loaded.reason}` })
      return
    }
    const addonIn = (...parts: string[]): LoadedAddon => {
      const folder = t.testdir()
      mkdirSync(join(folder, ...parts), { recursive: true })
      copyFileSync(loaded.file, join(folder, ...parts, 'hangdog.node'))
      return loadAddon(folder)
    }
    t.match(addonIn('prebuilds', `${process.platform}-${process.arch}`), { kind: 'loaded' })
    t.match(addonIn('prebuilds', `${process.platform}-s390`), { kind: 'absent' })
    t.match(addonIn('build', 'Release'), { kind: 'loaded' })
  },
)

t.test('the addon', { skip: skip && `skipped: ${skip}` }, async (t) => {
  if (addon === undefined) return
  const open = addon
  const load = `const addon = require(${JSON.stringify(loaded.kind === 'loaded' ? loaded.file : '')})`
  const nothing = (): void => {}

  t.test('refuses arguments that are out of bounds or of another kind', async (t) => {
    // A path is a good argument: files and sockets of that name may be made.
    const before = process.cwd()
    process.chdir(t.testdir())
    t.teardown(() => process.chdir(before))
    t.type(open.open(0, 1, 65536, 1, 0, nothing), 'number')
    t.type(open.open(1, 1, 65537, 1, 0, nothing), 'number')
    t.type(open.open(1, 1, 65536, 64, 0, nothing), 'number')
    t.type(open.open(-1, 1, 65536, 1, 0, nothing), 'number')
    const bad: unknown = 'x'
    t.throws(() => Reflect.apply(open.open, open, [bad, 1, 65536, 1, 0, nothing]), TypeError)
    t.throws(() => Reflect.apply(open.open, open, [1, 1, 65536, 1, 0]), TypeError)
    t.throws(() => Reflect.apply(open.open, open, []), TypeError)
    const guard = open.open(4, 4, 65536, 1, 0, nothing)
    if (typeof guard === 'number') return t.fail(`it does not open: ${guard}`)
    const id = guard.countdownCreate()
    for (const [name, call] of Object.entries(guard)) {
      if (name === 'close' || name === 'hold') continue
      for (const value of [Number.NaN, -1, 1e300, 0.5, 2 ** 53, {}, null, 'x', Symbol('s')]) {
        try {
          const result: unknown = Reflect.apply(call, guard, [value, value, value, value])
          if (typeof result === 'number' && name.startsWith('countdown') && name !== 'countdownCreate')
            t.ok(result < 0, `${name} refuses ${String(value)}`)
        } catch (error) {
          t.type(error, TypeError)
        }
      }
    }
    t.ok(guard.countdownArm(id, Number.NaN, 0) < 0)
    t.ok(guard.countdownArm(id, 100, 101) < 0)
    t.ok(guard.countdownArm(id, 100, 50) > 0)
    guard.close()
    guard.close()
    t.ok(guard.countdownArm(id, 100, 50) < 0, 'and everything once it is closed')
    t.same(guard.read(), [])
    return undefined
  })

  t.test('keeps no process alive, unless it is held', async (t) => {
    const script = `${load}
      const guard = addon.open(4, 4, 65536, 0, 0, () => { guard.read(); guard.hold(false) })
      const id = guard.countdownCreate()
      if (process.argv[1] === 'hold') guard.hold(true)
      guard.countdownArm(id, 300, 300)
      process.on('exit', () => console.log(guard.countdownReading(id).state))`
    const run = (how: string) =>
      spawnSync(process.execPath, ['-e', script, how], { encoding: 'utf8', timeout: 60_000, env: {} })
    t.match(run('free'), { status: 0, stdout: '1\n' }, 'it ends while the countdown runs')
    t.match(run('hold'), { status: 0, stdout: '3\n' }, 'it lives until the countdown has ended')
  })

  t.test('ends with its environment, also that of a worker', async (t) => {
    const script = `${load}
      const guard = addon.open(4, 4, 65536, 0, 0, () => {})
      guard.countdownArm(guard.countdownCreate(), 5, 1)
      guard.hold(true)
      require('node:worker_threads').parentPort?.postMessage('open')`
    for (let round = 0; round < 10; round++) {
      const worker = new Worker(script, { eval: true, execArgv: [], env: {} })
      await new Promise((resolve) => worker.once('message', resolve))
      t.equal(await worker.terminate(), 1)
    }
    const exits = `${script}; process.exit(3)`
    t.equal(spawnSync(process.execPath, ['-e', exits], { timeout: 60_000, env: {} }).status, 3)
  })

  t.test('an error thrown when it wakes JavaScript is not swallowed', async (t) => {
    const script = `${load}
      const guard = addon.open(4, 4, 65536, 0, 0, () => { throw new Error('from woken') })
      guard.countdownArm(guard.countdownCreate(), 5, 1)
      guard.hold(true)`
    const done = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 60_000, env: {} })
    t.equal(done.status, 1)
    t.match(done.stderr, /from woken/)
  })
})
