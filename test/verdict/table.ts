import type { Cell } from './matrix.js'
import type { Outcome } from './trial.js'

/** One line of the table: all limits of a scenario, or one, taken together. */
export interface Row {
  readonly watcher: string
  readonly scenario: string
  readonly what: string
  readonly kind: Cell['kind']
  readonly limits: string
  readonly runs: number
  readonly detected: number
  readonly held: number
  readonly unharmed: number
  readonly missed: number
  readonly false: number
  readonly broken: number
  /** After the end of the limit, in ms; of the hangs, or of those that follow a disturbance. */
  readonly verdict: Spread | undefined
  readonly end: Spread | undefined
  readonly lack: string | undefined
}

export interface Spread {
  readonly median: number
  readonly p99: number
  readonly max: number
}

/** @param byLimit a row for each limit; else one for each scenario */
export function makeRows(cells: readonly Cell[], byLimit: boolean): readonly Row[] {
  const groups = new Map<string, Cell[]>()
  for (const cell of cells) {
    const key = [cell.watcher, cell.scenario, byLimit ? cell.limitMs : ''].join(' ')
    groups.set(key, [...(groups.get(key) ?? []), cell])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first === undefined ? [] : [makeRow(first, group)]
  })
}

function makeRow(first: Cell, group: readonly Cell[]): Row {
  const run = group.filter(({ lack }) => lack === undefined)
  const outcomes = group.flatMap((cell) => cell.outcomes)
  const count = (kind: Outcome['kind']): number => outcomes.filter((outcome) => outcome.kind === kind).length
  const lacks = new Set(group.flatMap(({ lack }) => lack ?? []))
  return {
    watcher: first.watcher,
    scenario: first.scenario,
    what: first.what,
    kind: first.kind,
    limits: run.map(({ limitMs }) => `${limitMs / 1000} s`).join(', '),
    runs: outcomes.length,
    detected: count('detected'),
    held: count('held'),
    unharmed: count('unharmed'),
    missed: count('missed'),
    false: count('false'),
    broken: count('broken'),
    verdict: spread(outcomes.flatMap((outcome) => ('verdictMs' in outcome ? outcome.verdictMs : []))),
    end: spread(outcomes.flatMap((outcome) => ('endMs' in outcome ? outcome.endMs : []))),
    lack: lacks.size === 0 ? undefined : [...lacks].join('; '),
  }
}

function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const below = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { median: below(0.5), p99: below(0.99), max: below(1) }
}

const headings = [
  'scenario',
  'limits',
  'runs',
  'detected',
  'held',
  'unharmed',
  'missed',
  'false',
  'verdict ms (median / p99 / max)',
  'gone ms (median / p99 / max)',
]

/** A table in Markdown, as the formatter wants it. */
export function layOutRows(rows: readonly Row[]): string {
  return layOut(headings, rows.map(cellsOf))
}

function cellsOf(row: Row): readonly string[] {
  if (row.runs === 0) return [row.scenario, `n/a: ${row.lack ?? 'not run'}`, ...headings.slice(2).map(() => '')]
  const numbers = [row.runs, row.detected, row.held, row.unharmed, row.missed, row.false].map(String)
  const broken = row.broken > 0 ? ` (+${row.broken} broken)` : ''
  return [`${row.scenario}${broken}`, row.limits, ...numbers, formatSpread(row.verdict), formatSpread(row.end)]
}

function formatSpread(values: Spread | undefined): string {
  return values === undefined ? '' : [values.median, values.p99, values.max].map(Math.round).join(' / ')
}

/** A table in Markdown; columns are padded. */
export function layOut(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => Math.max(3, ...[header, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[], filler: string): string =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width, filler)).join(' | ')} |`
  return [line(header, ' '), line([], '-'), ...rows.map((row) => line(row, ' '))].join('\n')
}
