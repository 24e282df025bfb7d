import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { until } from '../platform/support.js'
import { incidents } from './blocked-hangdog.js'
import { endAtLast, needed, pidOf, python, supervise, writeFile } from './guard-process-stage.js'
import { fixture, hangdog, isAlive, stateDirectory } from './hangdog.js'

t.test(
  'when hangdog is killed its service lives, is adopted by the next, and ended when it hangs',
  needed,
  async (t) => {
    const directory = stateDirectory(t)
    const file = writeFile(directory, python, { restart: { mode: 'always' } })
    const first = supervise(t, directory, file)
    await first.event('service-armed')
    const pid = await pidOf(t, directory)
    first.child.kill('SIGKILL')
    await first.finished
    await sleep(5000)
    t.ok(isAlive(pid), 'it was not touched for more than two limits')
    const second = supervise(t, directory, file)
    t.match(await second.event('service-adopted'), { parameters: { pid } })
    await second.event('service-armed')
    t.equal(await pidOf(t, directory), pid)
    await sleep(4000)
    t.notOk(second.has('service-started'), 'there is no second copy')
    t.notOk(second.has('silence-warning'), 'its beats are heard on')
    process.kill(pid, 'SIGUSR1')
    await second.event('hang-recovery')
    t.match(await second.event('service-started'), { parameters: { pid: /\d+/ } })
    t.notOk(isAlive(pid))
    const third = await pidOf(t, directory)
    t.not(third, pid)
    await second.end()
    t.notOk(isAlive(third), 'an orderly end ends it')
  },
)

t.test('while nobody owns the guard it ends a service that hangs; the next hangdog says so', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python)
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  process.kill(pid, 'SIGUSR1')
  await until('the guard has ended it', () => !isAlive(pid), 40_000)
  const second = supervise(t, directory, file)
  t.match(await second.event('ended-unowned'), { parameters: { pid, reason: /silent, and the guard ended it/ } })
  const kept = await second.event('guard-record-kept')
  t.match(await incidents(t, directory), [{ id: kept.incident, service: 'subject', outcome: 'terminated' }])
  const shown = await hangdog(t, ['incident', 'show', String(kept.incident), '--state-dir', directory])
  t.match(shown.stdout, new RegExp(`terminate pid ${pid}\\b`))
  t.match(shown.stdout, /gone after \d+ ms/)
  const started = await second.event('service-started')
  t.not(started.parameters.pid, pid)
  await second.event('service-armed')
})

t.test('what the guard did is kept once, and an orderly end leaves no file of it', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python)
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  process.kill(pid, 'SIGUSR1')
  await until('the guard has ended it', () => !isAlive(pid), 40_000)
  const second = supervise(t, directory, file)
  await second.event('guard-record-kept')
  await second.event('service-armed')
  const next = await pidOf(t, directory)
  endAtLast(t, directory, next)
  second.child.kill('SIGKILL')
  await second.finished
  const third = supervise(t, directory, file)
  t.match(await third.event('service-adopted'), { parameters: { pid: next } })
  await third.event('service-armed')
  t.notOk(third.has('guard-record-kept'))
  t.equal((await incidents(t, directory)).length, 1)
  t.equal(readdirSync(join(directory, 'guard')).length, 1, 'the guard has the file')
  await third.end()
  t.same(readdirSync(join(directory, 'guard')), [])
})

t.test('the guard is killed after it has acted: its file is read at the next start', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python)
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  process.kill(pid, 'SIGUSR1')
  await until('the guard has ended it', () => !isAlive(pid), 40_000)
  await until('its record is whole', () => recordFile(directory).includes('outcome=terminated'), 40_000)
  process.kill(guardOf(directory), 'SIGKILL')
  const second = supervise(t, directory, file)
  const kept = await second.event('guard-record-kept')
  t.match(await incidents(t, directory), [{ id: kept.incident, outcome: 'terminated' }])
  await second.event('service-armed')
})

t.test('a service that is stopped while nobody owns the guard is not ended, and goes on', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python)
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  process.kill(pid, 'SIGSTOP')
  await sleep(9000)
  t.ok(isAlive(pid), 'four limits later')
  process.kill(pid, 'SIGCONT')
  await sleep(4000)
  t.ok(isAlive(pid), 'it beats again')
  process.kill(pid, 'SIGUSR1')
  await until('the guard has ended it', () => !isAlive(pid), 40_000)
  const second = supervise(t, directory, file)
  await second.event('guard-record-kept')
  t.equal((await incidents(t, directory)).length, 1)
  await second.event('service-armed')
})

t.test('an action of log leaves what hangs alone, and is recorded without an owner', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python, { action: 1 })
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  process.kill(pid, 'SIGUSR1')
  await until('it is recorded', () => recordFile(directory).includes('reported only'), 40_000)
  t.ok(isAlive(pid))
  const second = supervise(t, directory, file)
  const kept = await second.event('guard-record-kept')
  t.match(await second.event('service-adopted'), { parameters: { pid } })
  const shown = await hangdog(t, ['incident', 'show', String(kept.incident), '--state-dir', directory])
  t.match(shown.stdout, /reported only/)
})

t.test('V8 runs out of memory in hangdog: the service is not touched, and adopted', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python)
  const options = `--max-old-space-size=64 --import file://${fixture('allocate.mjs')}`
  const first = supervise(t, directory, file, { NODE_OPTIONS: options })
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGUSR2')
  const { stderr, signal, code } = await first.finished
  t.match(stderr, /heap/i)
  t.ok(signal !== null || (code ?? 0) > 128)
  await sleep(5000)
  t.ok(isAlive(pid))
  const second = supervise(t, directory, file)
  t.match(await second.event('service-adopted'), { parameters: { pid } })
  await second.event('service-armed')
  t.notOk(second.has('service-started'))
  await second.end()
  await until('it is ended', () => !isAlive(pid), 40_000)
})

t.test('when the guard is killed, its service lives on under the guard of hangdog', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python, { restart: { mode: 'never' } })
  const ran = supervise(t, directory, file)
  await ran.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  const guard = guardOf(directory)
  process.kill(guard, 'SIGKILL')
  t.match(await ran.event('guard-lost'), { parameters: { pid: guard } })
  await sleep(5000)
  t.ok(isAlive(pid))
  t.notOk(ran.has('hang-recovery'))
  process.kill(pid, 'SIGUSR1')
  await ran.event('hang-recovery')
  await until('it is ended', () => !isAlive(pid), 40_000)
})

t.test('a Node service that hangdog preloads reconnects to the next hangdog', needed, async (t) => {
  const directory = stateDirectory(t)
  const script = 'setInterval(() => {}, 1000)'
  const file = writeFile(directory, { heartbeat: 'node', command: [process.execPath, '-e', script] })
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  await sleep(4000)
  t.ok(isAlive(pid), 'nobody could hear it, so nobody judged it')
  const second = supervise(t, directory, file)
  t.match(await second.event('service-adopted'), { parameters: { pid } })
  await second.event('service-armed')
  t.notOk(second.has('service-started'))
  await second.end()
  await until('it is ended', () => !isAlive(pid), 40_000)
})

const tor = '/usr/sbin/tor'
const needsTor = needed.skip || !existsSync(tor) ? { skip: needed.skip || 'skipped: there is no tor' } : needed

t.test('tor beats on while hangdog is dead, and is adopted', needsTor, async (t) => {
  const directory = stateDirectory(t)
  writeFileSync(join(directory, 'torrc'), '')
  const args = [
    '--DisableNetwork',
    '1',
    '--SocksPort',
    '0',
    '--DataDirectory',
    join(directory, 'tor'),
    '--RunAsDaemon',
    '0',
  ]
  const file = writeFile(directory, { heartbeat: 'notify', command: [tor, ...args, '-f', join(directory, 'torrc')] })
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  await sleep(6000)
  t.ok(isAlive(pid), 'three limits later')
  const second = supervise(t, directory, file)
  t.match(await second.event('service-adopted'), { parameters: { pid } })
  await second.event('service-armed')
  await sleep(4000)
  t.notOk(second.has('hang-recovery'))
  t.notOk(second.has('service-started'))
  await second.end()
  await until('it is ended', () => !isAlive(pid), 40_000)
})

t.test('an adopted service that ends is started again, though nobody knows how it ended', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python, { restart: { mode: 'on-failure' } })
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  const second = supervise(t, directory, file)
  await second.event('service-adopted')
  process.kill(pid, 'SIGKILL')
  t.match(await second.event('service-ended'), { parameters: { outcome: /exit code unknown/ } })
  await second.event('service-started')
})

t.test('a service that is no longer in the file is left alone, and that is said', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python)
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const pid = await pidOf(t, directory)
  endAtLast(t, directory, pid)
  first.child.kill('SIGKILL')
  await first.finished
  writeFileSync(file, readFileSync(file, 'utf8').replace('"subject"', '"other"'))
  const second = supervise(t, directory, file)
  t.match(await second.event('service-left-alone'), { parameters: { pid, reason: /no service "subject"/ } })
  await second.event('service-armed')
  await second.end()
  t.ok(isAlive(pid))
})

t.test('a second hangdog cannot have the guard of the first', needed, async (t) => {
  const directory = stateDirectory(t)
  const file = writeFile(directory, python)
  const first = supervise(t, directory, file)
  await first.event('service-armed')
  const { code, stderr } = await supervise(t, directory, file).finished
  t.equal(code, 73)
  t.match(stderr, /cannot use the guard process .* hangdog with pid \d+ owns it/)
  t.notOk(first.has('service-ended'))
  await first.end()
})

t.test('output through hangdog is refused with a guard process, and run does not choose it then', needed, async (t) => {
  const directory = stateDirectory(t)
  const run = (...options: string[]) =>
    hangdog(t, [
      'run',
      '--guard',
      'process',
      '--state-dir',
      directory,
      ...options,
      '--',
      'sh',
      '-c',
      'echo hello; exit 3',
    ])
  t.match(await run('--output', 'pass'), { code: 78, stderr: /expected output "file" or "inherit", not "pass"/ })
  t.match(await run(), { code: 3, stdout: 'hello\n' })
})

t.test('a guard that there is not, or that was turned off, is refused', async (t) => {
  const directory = stateDirectory(t)
  const { code } = await hangdog(t, ['run', '--guard', 'nowhere', '--state-dir', directory, '--', 'true'])
  t.equal(code, 64)
  const none = await hangdog(t, [
    'run',
    '--guard',
    'none',
    '--heartbeat',
    'notify',
    '--state-dir',
    directory,
    '--',
    'true',
  ])
  t.match(none, { code: 69, stderr: /the guard was turned off/ })
})

/** What the guard has written. */
function recordFile(directory: string): string {
  const [name] = readdirSync(join(directory, 'guard'))
  return name === undefined ? '' : readFileSync(join(directory, 'guard', name), 'latin1')
}

/** The pid of the guard process of this state directory. */
function guardOf(directory: string): number {
  const found = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8')
      return command.includes('hangdog-guard') && command.includes(directory)
    } catch {
      return false
    }
  })
  return Number(found ?? 0)
}
