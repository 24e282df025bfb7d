import { spawnSync } from 'node:child_process'
import { printTable, summary } from './statistics.mjs'

/** Runs a benchmark in C, which prints a series of values on each line as JSON, and prints a table of them. */
export function printSeries(title, program, args) {
  const { stdout, status } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`)
  const series = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const row = ({ values }) => (values.length === 1 ? { value: values[0].toFixed(2) } : summary(values))
  printTable(title, Object.fromEntries(series.map((one) => [one.name, row(one)])))
}
