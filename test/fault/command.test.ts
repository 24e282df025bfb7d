import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { faultCommand } from '../../src/cli/fault.js'
import { faults } from '../../src/fault/catalogue.js'
import { findMissing } from '../../src/fault/need.js'
import { runCommand } from '../cli/support.js'
import { Hangdog, hangdog, until } from '../e2e/hangdog.js'
import { leftBy, temporaryDirectory } from './trials.js'

t.test('the kinds are listed, with what each needs', async (t) => {
  const { stdout } = await runCommand(faultCommand, ['fault'])
  for (const { kind, summary } of faults) {
    const line = stdout.lines.find((each) => each.startsWith(`${kind} `))
    t.ok(line?.endsWith(summary), kind)
  }
  const { stdout: json } = await runCommand(faultCommand, ['fault', 'list', '--json'])
  t.same(
    json.objects.map(({ kind, needs }) => [kind, needs]),
    faults.map(({ kind, needs }) => [kind, needs]),
  )
  t.match(json.objects[0], { kind: 'endless-loop', available: true, missing: [] })
})

t.test('a bad kind, limit, time or action is refused, and nothing is made', async (t) => {
  const directory = temporaryDirectory(t)
  for (const args of [
    ['endless-lop'],
    ['endless-loop', '--limit', '1ms'],
    ['endless-loop', '--limit', '5'],
    ['endless-loop', '--after', 'soon'],
    ['endless-loop', '--action', 'bugcheck'],
    ['--command'],
  ]) {
    const { code, stderr } = await hangdog(t, ['fault', ...args], { TMPDIR: directory })
    t.equal(code, 64, stderr)
  }
  t.same(readdirSync(directory), [])
})

t.test('a kind that cannot run here is not available', async (t) => {
  const directory = temporaryDirectory(t)
  const { code, stderr } = await hangdog(t, ['fault', 'c-deadlock'], { TMPDIR: directory, PATH: directory })
  t.equal(code, 69)
  t.match(stderr, 'cannot run the fault "c-deadlock" here: gcc is not in PATH')
  t.same(leftBy(directory), [])
})

t.test('--command prints a command line that works', async (t) => {
  const directory = temporaryDirectory(t)
  const { code, stdout, stderr } = await hangdog(t, ['fault', 'full-pipe', '--command'], { TMPDIR: directory })
  t.equal(code, 0)
  t.match(stderr, /--heartbeat node; it hangs when there is a file .*hang/)
  const { status, signal } = spawnSync('timeout', ['2', 'sh', '-c', `exec ${stdout}`], {
    env: { PATH: process.env.PATH },
  })
  t.same([status, signal], [124, null], 'it runs until it is ended')
})

t.test('--action log only reports, and the service is ended with the trial', async (t) => {
  const directory = temporaryDirectory(t)
  const args = ['fault', 'atomics-wait', '--limit', '1s', '--action', 'log', '--json']
  const { code, stdout } = await hangdog(t, args, { TMPDIR: directory })
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { action: 'log', detected: true, asExpected: true, goneAfterMs: null })
  t.same(leftBy(directory), [])
})

/** Interrupts it as soon as its service works. */
async function interrupt(t: Test, kind: string, signal: NodeJS.Signals): Promise<void> {
  const fault = faults.find((each) => each.kind === kind)
  const missing = await findMissing(fault?.needs ?? [])
  if (missing.length > 0) {
    t.pass('not run', { skip: missing.join('; ') })
    return
  }
  const directory = temporaryDirectory(t)
  const run = new Hangdog(t, ['fault', kind, '--limit', '30s', '--after', '0'], { TMPDIR: directory })
  await until(() => /First sign of life/.test(run.stdout) || undefined, 'sign of life')
  run.child.kill(signal)
  const { code } = await run.finished
  t.equal(code, 130)
  t.notMatch(run.stdout, /Verdict/)
  t.same(leftBy(directory), [])
  // Another test may end such a service just now, and remove its group in a moment.
  await until(() => groups().length === 0 || undefined, 'end of the control groups of services that are gone')
}

/** Control groups that the kit made, and that have no process any more. */
function groups(): readonly string[] {
  const folder = '/sys/fs/cgroup/memory'
  const names = existsSync(folder) ? readdirSync(folder) : []
  return names.filter((name) => name.startsWith('hangdog-fault-') && !existsSync(`/proc/${name.split('-')[2]}`))
}

t.test('Ctrl-C ends it, and leaves neither a mount nor a process', (t) => interrupt(t, 'fuse-mount', 'SIGINT'))
t.test('SIGTERM does the same, and leaves no control group', (t) => interrupt(t, 'memory-thrash', 'SIGTERM'))
t.test('a process that the service started is ended as well', (t) => interrupt(t, 'file-lock', 'SIGINT'))
