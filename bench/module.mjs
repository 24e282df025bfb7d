// The kernel module in a virtual machine: what a beat costs, beside a write to /dev/null in the same machine, and how late it acts:
// `node bench/module.mjs`. Takes about a minute. Needs what `npm run test:vm` needs.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { printTable, quantile, summary } from './statistics.mjs'

const root = fileURLToPath(new URL('../', import.meta.url))
const results = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
/** Of the kernel of Debian: 250 a second. */
const jiffyMs = 4

try {
  const args = ['tap', '--jobs=1', '--timeout=600', '--reporter=tap', 'test/vm/module-bench.test.ts']
  const env = { ...process.env, HANGDOG_BENCH_RESULTS: results }
  const done = spawnSync('npx', args, { cwd: root, env, encoding: 'utf8' })
  if (done.status !== 0) {
    process.stderr.write(`${done.stdout}${done.stderr}`)
    process.exit(1)
  }
  printBeats()
  printExpiries()
} finally {
  rmSync(results, { recursive: true, force: true })
}

function columns(name) {
  const lines = readFileSync(join(results, name), 'utf8').trim().split('\n')
  const rows = lines.map((line) => line.split(' ').map(Number))
  return rows[0].map((_, index) => rows.map((row) => row[index]))
}

function printBeats() {
  const [none, module, ioctl] = columns('beats.txt')
  const clock = readFileSync(join(results, 'clocksource.txt'), 'utf8').trim()
  printTable(`One call, ns (rounds of 2000, in turns; clock source ${clock})`, {
    'write to /dev/null': summary(none),
    'write to /dev/hangdog': summary(module),
    'ioctl HANGDOG_BEAT': summary(ioctl),
  })
  const ratios = module.map((value, index) => value / none[index])
  console.log(`a beat to a write to /dev/null, round by round: median ${quantile(ratios, 0.5).toFixed(2)}`)
}

function printExpiries() {
  const [died, acted] = columns('expiries.txt').map((values) => values.map((ns) => ns / 1e6))
  printTable(`Later than the timeout of 100 ms, ms (a jiffy is ${jiffyMs} ms)`, {
    'the kernel has found it out': summary(acted),
    'the process is seen to be dead': summary(died),
  })
  const within = acted.filter((ms) => ms <= 2 * jiffyMs).length
  console.log(`${within} of ${acted.length} were found out within 2 jiffies`)
}
