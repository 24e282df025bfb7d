// The verdict matrix: every hang is to be found, and no healthy service touched.
//
//   npm run test:verdict -- [--runs N] [--limits 0.5s,1s,2s,6s] [--only PATTERN] [--watchers NAMES] [--jobs N] [--json FILE] [--list]
//   npm run test:verdict -- --report FILE,…    makes docs/verdict.md from what --json wrote
//
// Prints a table, and with --json writes every outcome to a file. Exits with 1 when hangdog missed a hang or raised a false alarm,
// or a scenario did not work; with 64 for options it does not know.
import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { type Cell, runMatrix, type Scenario } from './matrix.js'
import { writeReport } from './report.js'
import { listScenarios } from './scenarios.js'
import { layOutRows, makeRows } from './table.js'
import type { Outcome } from './trial.js'
import { watchers } from './watchers.js'

const options = readOptions()
const chosen = watchers.filter(({ name }) => options.watchers.includes(name))
const listed = await Promise.all(chosen.map(listScenarios))
const scenarios = listed.flat().filter(({ name }) => options.only.test(name))
if (options.report !== undefined) writeReport(options.report.split(','))
else if (options.list)
  for (const { watcher, kind, name, what } of scenarios) console.log(`${watcher} ${kind} ${name}: ${what}`)
else process.exitCode = await measure()

async function measure(): Promise<number> {
  const startedAt = new Date()
  const cells = await runMatrix(scenarios, { ...options, onOutcome: report })
  if (options.json !== undefined) {
    const { runs, jobs } = options
    const machine = { node: process.version, processors: cpus().length, platform: process.platform }
    writeFileSync(options.json, `${JSON.stringify({ startedAt, runs, jobs, machine, cells }, undefined, 1)}\n`)
  }
  for (const { name } of watchers) {
    const rows = makeRows(
      cells.filter(({ watcher }) => watcher === name),
      options.byLimit,
    )
    if (rows.length > 0) console.log(`\n${name}\n\n${layOutRows(rows)}`)
  }
  return judge(cells)
}

function report(scenario: Scenario, limitMs: number, outcome: Outcome): void {
  const detail = 'detail' in outcome ? `: ${outcome.detail}` : ''
  const reasons = 'reasons' in outcome ? ` (${outcome.reasons.join(', ')})` : ''
  const time = 'verdictMs' in outcome ? `, verdict ${outcome.verdictMs} ms` : ''
  console.error(`${scenario.watcher} ${scenario.name} ${limitMs} ms: ${outcome.kind}${reasons}${time}${detail}`)
}

/** Others may fail; that is what they are measured for. */
function judge(cells: readonly Cell[]): number {
  const own = cells.filter(({ watcher }) => watcher === 'hangdog').flatMap(({ outcomes }) => outcomes)
  const bad = own.filter(({ kind }) => kind === 'missed' || kind === 'false' || kind === 'broken')
  console.log(`\nhangdog: ${own.length} runs, ${bad.length} of them missed, false or broken`)
  return bad.length > 0 ? 1 : 0
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: 'string', default: '1' },
        limits: { type: 'string', default: '2s' },
        only: { type: 'string', default: '' },
        watchers: { type: 'string', default: 'hangdog' },
        jobs: { type: 'string', default: '3' },
        json: { type: 'string' },
        report: { type: 'string' },
        'by-limit': { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
      },
    })
    return {
      runs: readCount('--runs', values.runs),
      jobs: readCount('--jobs', values.jobs),
      limitsMs: values.limits.split(',').map(readLimit),
      only: new RegExp(`^(?:${values.only})`),
      watchers: readWatchers(values.watchers),
      json: values.json,
      report: values.report,
      byLimit: values['by-limit'],
      list: values.list,
    }
  } catch (error) {
    console.error(`test:verdict: ${error instanceof Error ? error.message : String(error)}`)
    process.exit(64)
  }
}

function readWatchers(text: string): readonly string[] {
  const known = watchers.map(({ name }) => name)
  const names = text === 'all' ? known : text.split(',')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown === undefined) return names
  throw new Error(`cannot use --watchers "${unknown}": expected all, or of ${known.join(', ')}`)
}

function readCount(option: string, text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0 && count <= 1000) return count
  throw new Error(`cannot use ${option} "${text}": expected a whole number from 1 to 1000`)
}

function readLimit(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text) ?? []
  const limitMs = Number(number) * (unit === 's' ? 1000 : 1)
  if (limitMs >= 100 && limitMs <= 60_000) return limitMs
  throw new Error(`cannot use --limits "${text}": expected 100ms to 60s`)
}
