import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { eventually, temporaryDirectory } from '../control/support.js'

/** The built program; `npm test` builds it. */
const program = fileURLToPath(new URL('../../dist/cli/hangdog.js', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

function hangdog(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      texts[name] += chunk.toString()
    })
  }
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...texts })))
  return { child, ended }
}

function run(...args: string[]): Promise<Ended> {
  return hangdog(...args).ended
}

function objects(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}

const service = `
  import { existsSync } from 'node:fs'
  function spinAround() { for (;;) if (!existsSync(process.argv[2])) return }
  setInterval(() => existsSync(process.argv[2]) && spinAround(), 20)`

t.test('the commands tell of a real hang, while it is watched and afterwards', { timeout: 120_000 }, async (t) => {
  t.ok(existsSync(program), 'the program is built')
  const directory = temporaryDirectory(t)
  const state = join(directory, 's')
  const script = join(directory, 'web.mjs')
  const order = join(directory, 'spin')
  writeFileSync(script, service)
  const options = ['--name', 'web', '--timeout', '1500ms', '--action', 'terminate', '--state-dir', state]
  const daemon = hangdog('run', ...options, '--', process.execPath, script, order)
  t.teardown(() => daemon.child.kill('SIGKILL'))
  const status = async (): Promise<Record<string, unknown>[]> =>
    objects((await run('status', '--json', '--state-dir', state)).stdout)
  await eventually(async () => (await status())[0]?.state === 'armed', 'the service is alive')

  t.match((await run('status', '--state-dir', state)).stdout, /^SERVICE .*\nweb +armed +\d+ /)
  t.match((await run('explain', 'web', '--state-dir', state)).stdout, /the countdown ends/)
  t.match(await run('status', 'wbe', '--state-dir', state), { code: 64, stderr: /"wbe": expected one of web\n/ })

  const following = hangdog('events', '--follow', '--json', '--id', '4870', '--state-dir', state)
  const watching = hangdog('status', '--watch', '--json', '--state-dir', state)
  await new Promise((resolve) => watching.child.stdout?.once('data', resolve))
  const hung = new Promise((resolve) => following.child.stdout?.once('data', resolve))
  writeFileSync(order, '')
  await hung
  following.child.kill('SIGINT')
  t.match(await following.ended, { code: 0, stderr: '' })
  const { code } = await daemon.ended
  t.equal(code, 124)
  watching.child.kill('SIGINT')
  const watched = await watching.ended
  t.equal(watched.code, 0)
  t.ok(objects(watched.stdout).some((each) => each.hangs === 1))

  t.match(await run('status', '--state-dir', state), { code: 69, stderr: /^hangdog: .* no hangdog runs .*\n$/ })
  const [incident] = objects((await run('incident', 'list', '--json', '--state-dir', state)).stdout)
  t.match(incident, { service: 'web', verdict: 'busy-loop', state: 'closed' })
  const shown = await run('incident', 'show', String(incident?.id), '--state-dir', state)
  t.match(shown.stdout, /Cause\n {2}busy loop in .*web\.mjs/)
  t.match(await run('incident', 'show', 'nope', '--state-dir', state), { code: 64, stderr: /"nope"/ })
  t.ok(objects((await run('events', '--json', '--state-dir', state)).stdout).some((event) => event.id === 4870))
  t.equal((await run('doctor', '--state-dir', state)).code, 1)
})

t.test('every command has help with an example', async (t) => {
  for (const command of [
    ['status'],
    ['events'],
    ['incident'],
    ['incident', 'list'],
    ['incident', 'show'],
    ['explain'],
    ['doctor'],
  ]) {
    const { code, stdout } = await run(...command, '--help')
    t.equal(code, 0)
    t.match(stdout, /Examples?:\n {2}\$ hangdog /, command.join(' '))
  }
})

t.test('an unknown option is one line and 64', async (t) => {
  t.match(await run('status', '--frobnicate'), { code: 64, stdout: '', stderr: /unknown option '--frobnicate'/ })
  t.match(await run('explain'), { code: 64, stderr: /missing required argument 'service'/ })
})
