// What asking for a property costs: the time of the whole program, beside that of a Node that does nothing.
//
//   node bench/prop-get.mjs [rounds]              (default 40)
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { printTable, quantile } from './statistics.mjs'

const rounds = Number(process.argv[2] ?? 40)
const directory = mkdtempSync(join(tmpdir(), 'hangdog-bench-'))
const hangdog = fileURLToPath(new URL('../dist/cli/hangdog.js', import.meta.url))
const prop = (...args) => [hangdog, 'prop', ...args, '--state-dir', directory]
run(prop('set', 'HangRecoveryAction=1'))
run(prop('set', '--service', 'web', 'HangRecoveryAction=2'))

const baseline = 'node -e 0'
const programs = {
  [baseline]: ['-e', '0'],
  'prop get': prop('get', 'HangRecoveryAction'),
  'prop get --service': prop('get', '--service', 'web', 'HangRecoveryAction'),
  'prop list': prop('list'),
}
const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]))
// In turns, so that what else the machine does falls on all of them.
for (let round = 0; round < rounds; round++) {
  for (const [name, args] of Object.entries(programs)) times[name].push(run(args))
}
rmSync(directory, { recursive: true, force: true })

const most = 1.3 * quantile(times[baseline], 0.5) + 60
printTable(
  `Time of the program, ms; at most 1.3 × the median of ${baseline} + 60 = ${most.toFixed(1)}`,
  Object.entries(times).map(([name, values]) => ({
    program: name,
    median: quantile(values, 0.5).toFixed(1),
    p90: quantile(values, 0.9).toFixed(1),
    min: Math.min(...values).toFixed(1),
    'of the limit': (quantile(values, 0.5) / most).toFixed(2),
    n: values.length,
  })),
)

function run(args) {
  const from = process.hrtime.bigint()
  const { status, stderr } = spawnSync(process.execPath, args)
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}: ${stderr}`)
  return Number(process.hrtime.bigint() - from) / 1e6
}
