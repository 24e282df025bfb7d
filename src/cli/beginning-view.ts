import { toRecord } from '../evidence/protocol-channel.js'
import type { EvidenceItem, IncidentReport } from './incident-report.js'
import { escapeText, formatTime, type Page } from './output.js'
import { layOutTable } from './table.js'
import { formatSpan } from './verdict-view.js'
import { wrap } from './wrapping.js'

interface Row {
  readonly label: string
  readonly before: string
  readonly after: string
}

/** Room for two columns that can be read. */
const besideColumns = 90

/** What the service looked like at the warning, next to what it looked like when it hung; nothing when the first was not captured. */
export function describeBeginning(report: IncidentReport, page: Page): readonly string[] {
  const early = report.evidence.filter(({ taken }) => taken === 'at-warning')
  if (early.length === 0) return []
  const rows = [...timeRow(report, early), ...processRows(report), ...pressureRows(report)]
  const heading = page.paint('bold', 'How it began')
  if (page.columns < besideColumns) return ['', heading, ...rows.flatMap((row) => describeStacked(row, page))]
  const cells = rows.map(({ label, before, after }) => [label, before, after === before ? 'the same' : after])
  const inner: Page = { columns: page.columns - 2, paint: (colour, text) => page.paint(colour, text) }
  return ['', heading, ...layOutTable(['', 'AT THE WARNING', 'AT THE HANG'], cells, inner).map((line) => `  ${line}`)]
}

function describeStacked({ label, before, after }: Row, { columns }: Page): readonly string[] {
  const lines =
    before === after
      ? [`  ${label}: ${escapeText(before)}, both times`]
      : [`  ${label}`, `    at the warning: ${escapeText(before)}`, `    at the hang:    ${escapeText(after)}`]
  return lines.flatMap((line) => wrap(line, columns, '      '))
}

function timeRow({ openedAt, silentMs }: IncidentReport, early: readonly EvidenceItem[]): readonly Row[] {
  const time = early.find((item) => item.early !== undefined)?.early
  if (time === undefined) return []
  const before = `${formatSpan(time.silentMs)} (${formatTime(time.at, 'ms')})`
  return [{ label: 'silent for', before, after: `${formatSpan(silentMs)} (${formatTime(openedAt, 'ms')})` }]
}

function processRows(report: IncidentReport): readonly Row[] {
  const before = readProcess(contentOf(report, 'process', 'at-warning'))
  const after = readProcess(contentOf(report, 'process', 'at-expiry'))
  const cpu = cpuRow(report)
  return [...compare(before, after), ...cpu]
}

function pressureRows(report: IncidentReport): readonly Row[] {
  const read = (taken: EvidenceItem['taken']): ReadonlyMap<string, string> => {
    const { loadAverage, cpu, memory, io } = toRecord(contentOf(report, 'pressure', taken))
    const facts = Object.entries({
      load: loadAverage,
      'cpu pressure': cpu,
      'memory pressure': memory,
      'io pressure': io,
    })
    return new Map(facts.flatMap(([name, value]) => (typeof value === 'string' ? [[name, firstLine(value)]] : [])))
  }
  return compare(read('at-warning'), read('at-expiry'))
}

/** Averages over ten seconds tell most; the rest of the line is in the exhibit. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/ avg60=.*$/, '')
}

function cpuRow({ judgement }: IncidentReport): readonly Row[] {
  const [before, after] = [judgement?.readingAtWarning, judgement?.readingAtExpiry]
  if (before?.kind !== 'alive' || after?.kind !== 'alive') return []
  return [{ label: 'cpu time', before: formatSpan(before.cpuTime), after: formatSpan(after.cpuTime) }]
}

function readProcess(content: unknown): ReadonlyMap<string, string> {
  const { status, threads } = toRecord(content)
  const { State, VmRSS, voluntary_ctxt_switches, nonvoluntary_ctxt_switches } = toRecord(status)
  const { count, threads: list } = toRecord(threads)
  const { syscall, waitChannel } = toRecord(Array.isArray(list) ? list[0] : undefined)
  const facts: readonly (readonly [string, unknown])[] = [
    ['state', State],
    ['main thread', syscall],
    ['waits in', waitChannel === '' ? undefined : waitChannel],
    ['threads', count],
    ['memory', VmRSS],
    ['gave up the CPU', voluntary_ctxt_switches],
    ['lost the CPU', nonvoluntary_ctxt_switches],
  ]
  return new Map(facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])))
}

function compare(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly Row[] {
  const labels = new Set([...before.keys(), ...after.keys()])
  return [...labels].map((label) => ({ label, before: before.get(label) ?? '-', after: after.get(label) ?? '-' }))
}

function contentOf({ evidence }: IncidentReport, wanted: string, when: EvidenceItem['taken']): unknown {
  return evidence.find(({ name, taken }) => name === wanted && taken === when)?.content
}
