import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { ServiceStatus } from '../../src/watch/status.js'
import { nativeAddon } from '../support/native.js'
import { fixture, type Hangdog, hangdog, isAlive, runService, stateDirectory, until } from './hangdog.js'

const { skip } = nativeAddon()
const guarded = { skip: skip && `skipped: ${skip}` }
const strict = ['-O2', '-pthread', '-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Werror']
const limits = ['--timeout', '1s', '--action', 'terminate', '--restart', 'never', '--evidence-timeout', '0'] as const
const folder = mkdtempSync(join(tmpdir(), 'hangdog-page-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

/** @returns the program, or why there is none */
function compile(compiler: string, name: string, flags: readonly string[]): { program: string } | { lacks: string } {
  if (spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status !== 0) return { lacks: `there is no ${compiler}` }
  const program = join(folder, name)
  const { status, stderr } = spawnSync(compiler, [...flags, ...strict, '-o', program, fixture('page.c')], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return { program }
}

const inC = compile('gcc', 'page-c', ['-std=c11'])
const inCpp = compile('g++', 'page-cpp', ['-x', 'c++', '-std=c++17'])
const needs = (built: typeof inC): { skip: string | false } =>
  guarded.skip !== false ? guarded : { skip: 'lacks' in built && `skipped: ${built.lacks}` }

function run(t: Test, built: typeof inC, mode: string, options: readonly string[] = limits): [Hangdog, string] {
  const directory = stateDirectory(t)
  const program = 'program' in built ? built.program : ''
  return [runService(t, ['--heartbeat', 'page', ...options], [program, mode], directory), directory]
}

async function statusOf(t: Test, directory: string): Promise<ServiceStatus> {
  const { stdout } = await hangdog(t, ['status', '--json', '--state-dir', directory])
  return JSON.parse(stdout)
}

for (const [language, built] of [
  ['C', inC],
  ['C++', inCpp],
] as const) {
  t.test(
    `a service in ${language} lives while it beats by memory, and is ended in a deadlock`,
    needs(built),
    async (t) => {
      const [ran, directory] = run(t, built, 'deadlock')
      await ran.event('service-armed')
      t.match(await ran.event('service-status'), { parameters: { text: 'beating by memory' } })
      const before = await statusOf(t, directory)
      await sleep(3000)
      const { pid, heartbeat, beats, lastBeatAt, state } = await statusOf(t, directory)
      t.match({ heartbeat, state }, { heartbeat: 'page', state: 'armed' })
      t.notOk(ran.has('silence-warning'), 'nothing was wrong for three limits')
      t.ok(beats - before.beats >= 20, `its beats are counted: ${before.beats}, then ${beats}`)
      t.ok(Date.now() - Date.parse(lastBeatAt ?? '') < 5000, String(lastBeatAt))
      process.kill(pid ?? 0, 'SIGUSR1')
      t.equal((await ran.finished).code, 124)
      t.match(await ran.event('hang-recovery'), { service: before.service })
      t.match(ran.stdout, /open: Success/)
      t.notOk(isAlive(pid ?? 0))
    },
  )
}

t.test('a service that spins is ended', needs(inC), async (t) => {
  const [ran, directory] = run(t, inC, 'spin')
  await ran.event('service-armed')
  process.kill((await statusOf(t, directory)).pid ?? 0, 'SIGUSR1')
  t.equal((await ran.finished).code, 124)
})

t.test('a service that could not open its page is not ended for the READY that it sends', needs(inC), async (t) => {
  const [ran, directory] = run(t, inC, 'closed')
  t.match(await ran.event('beat-refused'), { id: 15840, parameters: { reason: /READY .* heartbeat page/ } })
  await sleep(2500)
  const { state, pid } = await statusOf(t, directory)
  t.equal(state, 'starting')
  t.ok(isAlive(pid ?? 0))
  t.notOk(ran.has('silence-warning'))
  ran.child.kill('SIGTERM')
  t.match((await ran.finished).stdout, 'open: Bad file descriptor')
})

t.test('a child that opens the page first does not beat for the service', needs(inC), async (t) => {
  const [ran] = run(t, inC, 'child first', [...limits, '--start-timeout', '3s'])
  t.match(await ran.event('beat-refused'), { id: 15840, parameters: { reason: /opened by another process/ } })
  t.equal((await ran.finished).code, 124)
  t.notOk(ran.has('service-armed'))
})

t.test('a child does not beat for the service', needs(inC), async (t) => {
  const [ran, directory] = run(t, inC, 'child')
  await ran.event('service-armed')
  process.kill((await statusOf(t, directory)).pid ?? 0, 'SIGUSR1')
  const { code, stdout } = await ran.finished
  t.equal(code, 124)
  t.notMatch(stdout, 'a child may beat')
})

t.test(
  'whatever a service writes into its page, hangdog lives, and ends it when it is silent',
  needs(inC),
  async (t) => {
    const [ran, directory] = run(t, inC, 'scribble')
    await ran.event('service-armed')
    process.kill((await statusOf(t, directory)).pid ?? 0, 'SIGUSR1')
    const { code, stdout } = await ran.finished
    t.equal(code, 124)
    t.match(stdout, /smaller: Operation not permitted\nlarger: Operation not permitted\nscribbled\n/)
  },
)

t.test('a channel has a line and a limit of its own', needs(inC), async (t) => {
  const [ran, directory] = run(t, inC, 'worker', ['--timeout', '1h', ...limits.slice(2)])
  await ran.event('service-armed')
  const { channels, pid } = await until(async () => {
    const found = await statusOf(t, directory)
    return found.channels.length === 2 && found.channels.every(({ beats }) => beats > 5) ? found : undefined
  }, 'status with two channels that beat')
  t.match(channels, [
    { channel: 'main', armed: true, limitMs: 3_600_000 },
    { channel: 'worker', armed: true, limitMs: 1500 },
  ])
  process.kill(pid ?? 0, 'SIGUSR1')
  t.equal((await ran.finished).code, 124)
  t.match(await ran.event('silence-warning'), { parameters: { channel: 'worker' } })
})

t.test('a supervisor that was stopped for longer than the limit ends nobody', needs(inC), async (t) => {
  const [ran] = run(t, inC, 'spin')
  await ran.event('service-armed')
  ran.child.kill('SIGSTOP')
  await sleep(3000)
  ran.child.kill('SIGCONT')
  await sleep(2500)
  t.notOk(ran.has('hang-recovery'))
  ran.child.kill('SIGTERM')
  t.notOk((await ran.finished).stderr.includes('hang-recovery'))
})

t.test('a service that is started again has a page of its own', needs(inC), async (t) => {
  const [ran, directory] = run(t, inC, 'spin', ['--restart', 'always', ...limits.slice(0, 4)])
  await ran.event('service-armed')
  const { pid } = await statusOf(t, directory)
  const from = ran.events.length
  process.kill(pid ?? 0, 'SIGUSR1')
  await ran.event('service-armed', from)
  await sleep(2500)
  const after = await statusOf(t, directory)
  t.not(after.pid, pid)
  t.match(after, { state: 'armed', restarts: 1 })
  ran.child.kill('SIGTERM')
  await ran.finished
})

t.test('a Node program beats by memory through the library', guarded, async (t) => {
  const directory = stateDirectory(t)
  const command = ['node', fixture('page.mjs')]
  const ran = runService(t, ['--heartbeat', 'page', ...limits], command, directory)
  await ran.event('service-armed')
  await sleep(2500)
  const { pid, beats } = await statusOf(t, directory)
  t.ok(beats > 20, `its beats are counted: ${beats}`)
  t.notOk(ran.has('silence-warning'))
  process.kill(pid ?? 0, 'SIGUSR2')
  t.match(await ran.event('service-status'), { parameters: { text: /^stopped after \d+$/ } })
  t.equal((await ran.finished).code, 124)
})

t.test('the page is refused without the native part, before anything is started', async (t) => {
  // Where the package is, without what was built of it.
  const bare = mkdtempSync(join(tmpdir(), 'hangdog-bare-'))
  t.teardown(() => rmSync(bare, { recursive: true, force: true }))
  const root = fileURLToPath(new URL('../../', import.meta.url))
  spawnSync('sh', ['-c', `cp -r dist package.json "$0" && ln -s "$PWD/node_modules" "$0/node_modules"`, bare], {
    cwd: root,
  })
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(bare, 'dist/cli/hangdog.js'), 'run', '--state-dir', stateDirectory(t), '--heartbeat', 'page', '--', 'true'],
    { encoding: 'utf8', env: { PATH: process.env.PATH } },
  )
  t.equal(status, 69, stderr)
  t.match(stderr, /cannot use --heartbeat "page": heartbeats through shared memory need the native part/)
})
