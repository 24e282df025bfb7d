import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { isAlive, type ProcessIdentity, thisProcess } from '../src/process-identity.js'
import { eventually } from './control/support.js'

const self = thisProcess()

t.test('this process is alive, and has the marks that the system gave it', (t) => {
  t.equal(self.pid, process.pid)
  t.equal(self.bootId, readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  t.match(self.startTime, /^[1-9]\d*$/)
  t.equal(isAlive(self), true)
  t.end()
})

t.test('a process of the same number with another start, or of another boot, is not the same', (t) => {
  t.equal(isAlive({ ...self, startTime: `${Number(self.startTime) + 1}` }), false)
  t.equal(isAlive({ ...self, bootId: 'another' }), false)
  t.equal(isAlive({ ...self, startTime: '', bootId: 'another' }), false)
  t.end()
})

t.test('without a start time the number alone counts', (t) => {
  t.equal(isAlive({ ...self, startTime: '' }), true)
  t.end()
})

/** Above the largest that Linux gives. */
const unusedPid = 4_194_305

t.test('a number that no process has is dead, and so is one that stands for a group', (t) => {
  for (const pid of [unusedPid, 0, -1, -self.pid, Number.NaN]) {
    for (const startTime of ['', self.startTime]) t.equal(isAlive({ ...self, pid, startTime }), false, `${pid}`)
  }
  t.end()
})

/** What follows the name of the program in /proc/PID/stat: the state comes first. */
const stateOf = (pid: number): readonly string[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')

t.test('a zombie is dead', async (t) => {
  // The shell starts a child and becomes a program that never asks what has become of it.
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec sleep 601'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => parent.kill('SIGKILL'))
  const [chunk] = await once(parent.stdout, 'data')
  const pid = Number(String(chunk))
  await eventually(() => readFileSync(`/proc/${parent.pid}/cmdline`, 'utf8').startsWith('sleep'), 'the shell is gone')
  const startTime = stateOf(pid)[19] ?? ''
  t.equal(isAlive({ ...self, pid, startTime }), true)
  process.kill(pid, 'SIGKILL')
  await eventually(() => stateOf(pid)[0] === 'Z', 'the child is a zombie')
  t.equal(stateOf(pid)[19], startTime)
  t.equal(isAlive({ ...self, pid, startTime }), false)
  t.equal(isAlive({ ...self, pid, startTime: '' }), false)
})

const fixture = fileURLToPath(new URL('./fixtures/process-identity/looks-from-outside.mjs', import.meta.url))

/** What a user without rights says of processes, where /proc shows only his own; undefined when that cannot be set up. */
function lookFromOutside(t: Test, processes: readonly ProcessIdentity[]): readonly string[] | undefined {
  const hide = 'mount -t proc -o hidepid=2 proc /proc || exit 77; exec "$@"'
  const args = ['--mount', 'env', '-i', 'sh', '-c', hide, 'sh', process.execPath, fixture]
  const texts = processes.map((each) => JSON.stringify(each))
  const { status, stdout, stderr } = spawnSync('unshare', [...args, ...texts], { encoding: 'utf8' })
  if (process.getuid?.() !== 0 || status === null || status === 77 || stderr.startsWith('unshare:')) return undefined
  t.equal(status, 0, stderr)
  return stdout.trimEnd().split('\n')
}

t.test('a process that /proc hides is alive while its number is in use', (t) => {
  const gone = { ...self, pid: unusedPid }
  const seen = lookFromOutside(t, [self, { ...self, startTime: '' }, gone, { ...self, bootId: 'another' }])
  if (seen === undefined) t.comment('skipped: only root can mount a /proc that hides processes')
  else t.strictSame(seen, ['true false', 'true false', 'false false', 'false false'])
  t.end()
})
