import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runCommand } from '../../src/platform/command.js'
import { readStat } from '../../src/platform/linux-proc.js'
import { longestLimit } from '../../src/time.js'
import { temporaryDirectory, until } from './support.js'

t.test('a command gives its exit and both streams, and reads its input', async (t) => {
  const script = 'cat; echo oops >&2; exit 3'
  t.same(await runCommand({ command: 'sh', args: ['-c', script], timeoutMs: 20_000, input: 'hello' }), {
    kind: 'done',
    exit: { kind: 'code', code: 3 },
    stdout: 'hello',
    stderr: 'oops\n',
    truncated: false,
  })
})

t.test('a command that ends by a signal says so', async (t) => {
  const result = await runCommand({ command: 'sh', args: ['-c', 'kill -9 $$'], timeoutMs: 20_000 })
  t.match(result, { kind: 'done', exit: { kind: 'signal', signal: 'SIGKILL' } })
})

t.test('a command that is not found is not started', async (t) => {
  const result = await runCommand({ command: 'no-such-command-here', args: [], timeoutMs: 20_000 })
  t.match(result, { kind: 'not-started', code: 'ENOENT' })
  t.match(await runCommand({ command: 'a\0b', args: [], timeoutMs: 20_000 }), { kind: 'not-started' })
})

t.test('at the limit the command is killed with its children, and what it wrote is kept', async (t) => {
  const file = join(temporaryDirectory(t), 'pids')
  const script = `sleep 600 & echo $$ $! > ${file}; echo begun; wait`
  const result = await runCommand({ command: 'sh', args: ['-c', script], timeoutMs: 1000 })
  t.match(result, { kind: 'timed-out', stdout: 'begun\n' })
  const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number)
  t.equal(pids.length, 2)
  await until('both are gone', () => pids.every((pid) => (readStat(pid)?.stateLetter ?? 'Z') === 'Z'))
})

t.test('a limit that no timer of Node can have does not end the command at once', async (t) => {
  const result = await runCommand({ command: 'sleep', args: ['0.1'], timeoutMs: longestLimit })
  t.match(result, { kind: 'done', exit: { kind: 'code', code: 0 } })
})

t.test('output beyond the limit is dropped, and the command goes on', async (t) => {
  const result = await runCommand({
    command: 'sh',
    args: ['-c', 'head -c 3000000 /dev/zero; echo done >&2'],
    timeoutMs: 20_000,
    maxOutputBytes: 1000,
  })
  t.match(result, { kind: 'done', exit: { code: 0 }, stderr: 'done\n', truncated: true })
  t.equal(result.kind === 'done' && result.stdout.length, 1000)
})

t.test('what a command leaves running does not hold up its result', async (t) => {
  const file = join(temporaryDirectory(t), 'pid')
  const script = `sleep 600 & echo $! > ${file}; echo said`
  const result = await runCommand({ command: 'sh', args: ['-c', script], timeoutMs: 60_000 })
  t.match(result, { kind: 'done', stdout: 'said\n' })
  process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL')
})

t.test('a command that does not read its input is no failure', async (t) => {
  const input = 'x'.repeat(1_000_000)
  t.match(await runCommand({ command: 'true', args: [], timeoutMs: 20_000, input }), {
    kind: 'done',
    exit: { code: 0 },
  })
})

t.test('a command gets only the environment it is given', async (t) => {
  process.env.HANGDOG_TEST_LEAK = '1'
  t.teardown(() => delete process.env.HANGDOG_TEST_LEAK)
  const environment = { PATH: process.env.PATH ?? '', ONLY: 'this' }
  const result = await runCommand({ command: 'env', args: [], timeoutMs: 20_000, environment })
  t.ok(result.kind === 'done' && /^ONLY=this$/m.test(result.stdout))
  t.notOk(result.kind === 'done' && /HANGDOG_TEST_LEAK/.test(result.stdout))
  t.ok(existsSync('/proc'))
})
