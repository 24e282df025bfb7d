import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  parseCpuAccount,
  parsePressure,
  parseRunQueueWait,
  parseStat,
  parseTracerPid,
  processState,
  readKernelFile,
  readStat,
} from '../../src/platform/linux-proc.js'

const rest = '1 42 42 0 -1 4194304 101 0 0 0 48 2 0 0 20 0 3 0 124886 2654208 379'

t.test('the fields of a stat line are found after a name with spaces and parentheses', async (t) => {
  t.same(parseStat(`42 (a) R 9 (x y)) S ${rest}\n`), {
    pid: 42,
    name: 'a) R 9 (x y)',
    stateLetter: 'S',
    parent: 1,
    group: 42,
    session: 42,
    cpuTime: 500,
    threads: 3,
    startTime: '124886',
  })
})

t.test('what is no stat line is nothing', async (t) => {
  for (const text of ['', '42', '42 (a', '42 (a) S 1 2', ')(']) t.equal(parseStat(text), undefined, text)
})

t.test('the own stat can be read, and that of nobody is nothing', async (t) => {
  t.match(readStat(process.pid), { pid: process.pid, parent: process.ppid })
  t.equal(readStat(2 ** 22 + 1), undefined)
})

t.test('each state letter has its meaning', async (t) => {
  const letters = { R: 'running', S: 'sleeping', I: 'sleeping', D: 'uninterruptible', T: 'stopped', t: 'traced' }
  for (const [letter, state] of Object.entries({ ...letters, Z: 'zombie', X: 'zombie', '?': 'unknown' })) {
    t.equal(processState(letter), state, letter)
  }
})

t.test('the wait for a CPU is the second number, in nanoseconds', async (t) => {
  t.equal(parseRunQueueWait('488353126 548487053 123\n'), 548.487053)
  t.equal(parseRunQueueWait(''), undefined)
})

t.test('the tracer is found in the status', async (t) => {
  t.equal(parseTracerPid('Name:\tsh\nPid:\t7\nTracerPid:\t123\nUid:\t0\n'), 123)
  t.equal(parseTracerPid(''), 0)
})

t.test('the pressure is the total of the line some, in microseconds', async (t) => {
  const text = 'some avg10=0.38 avg60=0.11 avg300=0.06 total=1728170\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=9\n'
  t.equal(parsePressure(text), 1728.17)
  t.equal(parsePressure(''), undefined)
})

t.test('the time accounted for is per CPU, and guests are not counted twice', async (t) => {
  const text = 'cpu  100 10 20 300 5 1 4 60 50 10\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 1 1 1 1 1 1 1 1 0 0\nintr 5\n'
  t.same(parseCpuAccount(text), { stolen: 300, accounted: 2500 })
  t.equal(parseCpuAccount('intr 5\n'), undefined)
})

t.test('a kernel file that cannot be read is nothing', async (t) => {
  t.equal(readKernelFile('/no/such/file'), undefined)
  t.equal(readKernelFile('/proc'), undefined)
})

t.test('a process that lives does not count as gone because hangdog is out of descriptors', async (t) => {
  const fixture = fileURLToPath(new URL('../fixtures/platform/no-descriptors.mjs', import.meta.url))
  // Without what the test runner would load into it, which needs descriptors of its own.
  const script = 'ulimit -n 128 && exec env -u NODE_OPTIONS "$0" "$1"'
  const seen = execFileSync('sh', ['-c', script, process.execPath, fixture], { encoding: 'utf8', timeout: 60_000 })
  t.same(JSON.parse(seen), { open: 'EMFILE', stat: true, listed: true, again: true })
})
