import { describeAftermath, listAftermathFacts } from './aftermath-view.js'
import { describeBeginning } from './beginning-view.js'
import { findSupport } from './evidence-order.js'
import { describeEvidence, titleOf } from './evidence-view.js'
import type { IncidentReport } from './incident-report.js'
import { escapeText, formatTime, type Page } from './output.js'
import { layOutFacts } from './status-view.js'
import { formatSpan } from './verdict-view.js'
import { wrap } from './wrapping.js'

export interface ReportView {
  /** Long evidence is not folded. */
  readonly all: boolean
}

/**
 * An incident for people, in the order of a good post-mortem: why, what, since when, how it began, what was done, what came after, and
 * what supports it.
 */
export function describeReport(report: IncidentReport, page: Page, view: ReportView): string {
  const bold = (text: string): string => page.paint('bold', text)
  const lines = [
    bold(`Incident ${escapeText(report.id)}`),
    '',
    bold('Cause'),
    ...describeCause(report, page),
    '',
    bold('What happened'),
    ...layOutFacts(listFacts(report), page),
    '',
    bold('Since when'),
    ...layOutFacts(listTimes(report), page),
    ...describeBeginning(report, page),
    '',
    bold('Steps'),
    ...describeSteps(report, page),
    ...describeAftermath(report, page),
    ...describeEvidence(report, page, view),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function describeCause({ cause, evidence }: IncidentReport, page: Page): readonly string[] {
  const support = findSupport(evidence, cause)
  const rests = support === undefined ? [] : [page.paint('dim', `  Rests on: ${titleOf(support.name)}.`)]
  return [...wrap(`  ${escapeText(cause)}`, page.columns, '  '), ...rests]
}

function listFacts(report: IncidentReport): [string, string][] {
  const { service, pid, command, channel, silentMs, limitMs, action, judgement } = report
  return [
    ['service', `${service} (pid ${pid}): ${command}`],
    ...listCommandLine(report),
    ['hang', `nothing was heard on channel ${channel} for ${formatSpan(silentMs)} (limit ${formatSpan(limitMs)})`],
    ['verdict', `hung: ${report.hang.kind}`],
    ...(judgement === undefined ? [] : [['rule', `${judgement.rule}: ${judgement.reason}`] satisfies [string, string]]),
    ['action', action],
    ['outcome', describeOutcome(report)],
    ['next start', describeNext(report)],
    ...listAftermathFacts(report),
    ['by', `hangdog ${report.hangdogVersion} on ${report.hostname} (pid ${report.writer.pid})`],
    ['files', report.path],
  ]
}

/** As the kernel had it; the program alone is in every record. */
function listCommandLine({ evidence }: IncidentReport): [string, string][] {
  const content = evidence.find(({ name, taken }) => name === 'process' && taken === 'at-expiry')?.content
  const line = typeof content === 'object' && content !== null && 'commandLine' in content ? content.commandLine : []
  return Array.isArray(line) && line.length > 1 ? [['command', line.map(String).join(' ')]] : []
}

function describeOutcome({ state, outcome }: IncidentReport): string {
  if (outcome !== null) return outcome
  return state === 'open' ? 'still open' : 'unknown: hangdog or the machine stopped during the recovery'
}

function describeNext({ next }: IncidentReport): string {
  if (next === undefined) return 'none is on record'
  return (
    next.unreadable ??
    (next.start === null ? 'none is on record' : `${formatTime(next.start.at, 'ms')}: ${next.start.message}`)
  )
}

/** Wall time says when, the span says how long after the last sign of life: it is counted in hangdog's own ticks. */
function listTimes(report: IncidentReport): [string, string][] {
  const { openedAt, closedAt, silentMs, limitMs, judgement, evidence } = report
  const verdictAt = judgement?.at ?? openedAt
  const verdict = Date.parse(verdictAt)
  const silent = typeof silentMs === 'number' && Number.isFinite(silentMs) ? silentMs : 0
  const lastBeat = verdict - silent
  const at = (time: number): string => (Number.isNaN(time) ? '?' : formatTime(new Date(time).toISOString(), 'ms'))
  const row = (name: string, time: number, after: number): [string, string] => [
    name,
    `${at(time)}  +${formatSpan(after)}`,
  ]
  const early = evidence.find((item) => item.early !== undefined)?.early
  return [
    row('last beat', lastBeat, 0),
    ...(early === undefined ? [] : [row('warning', Date.parse(early.at), early.silentMs)]),
    row('limit', lastBeat + limitMs, limitMs),
    row('verdict', verdict, silent),
    ...(closedAt === null ? [] : [row('closed', Date.parse(closedAt), silent + Date.parse(closedAt) - verdict)]),
    ...describeClockTrouble(report),
  ]
}

/** A wall clock that did not go with the others, and time in which hangdog did not run. */
function describeClockTrouble({ judgement }: IncidentReport): [string, string][] {
  const clocks = judgement?.clocks?.sinceWarning
  if (clocks === undefined || clocks === null) return []
  const { wallMs, bootMs, monotonicMs, stallMs } = clocks
  const stepped = wallMs - (bootMs ?? monotonicMs)
  const lines: [string, string][] = []
  if (Math.abs(stepped) > tolerableMs) {
    const way = stepped > 0 ? 'forward' : 'back'
    lines.push([
      'note',
      `the wall clock was set ${way} by ${formatSpan(Math.abs(stepped))} meanwhile; the spans are right`,
    ])
  }
  if (stallMs > tolerableMs)
    lines.push(['note', `hangdog itself did not run for ${formatSpan(stallMs)} of it; that is not counted`])
  return lines
}

/** The clocks are read one after the other. */
const tolerableMs = 500

function describeSteps({ openedAt, silentMs, judgement, steps }: IncidentReport, page: Page): readonly string[] {
  if (steps.length === 0) return ['  none']
  const verdict = Date.parse(judgement?.at ?? openedAt)
  return steps.flatMap(({ at, text }) => {
    // From the last sign of life, as the times above: two origins on one page would be read as one.
    const after = silentMs + Date.parse(at) - verdict
    const line = `  ${formatTime(at, 'ms')}  ${`+${formatSpan(after)}`.padEnd(9)} ${escapeText(text)}`
    return wrap(line, page.columns, ' '.repeat(37))
  })
}
