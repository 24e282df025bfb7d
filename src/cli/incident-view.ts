import { formatDuration, milliseconds } from '../time.js'
import { describeAftermath, listAftermathFacts } from './aftermath-view.js'
import { describeContent } from './exhibit-view.js'
import { causeName, type EvidenceItem, type IncidentReport } from './incident-report.js'
import { escapeText, formatTime, type Output } from './output.js'
import { layOutFacts } from './status-view.js'

/** An incident for people: what and why, what was done, how it ended, and the evidence in order of worth. */
export function describeReport(report: IncidentReport, output: Output): string {
  const lines = [
    output.paint('bold', `Incident ${escapeText(report.id)}`),
    ...layOutFacts(listFacts(report), output),
    '',
    output.paint('bold', 'Steps'),
    ...describeSteps(report),
  ]
  lines.push(...describeAftermath(report, output))
  for (const item of report.evidence) {
    // Shown above already.
    if (item.name !== causeName || item.kind === 'missing') lines.push('', ...describeItem(item, report, output))
  }
  if (report.evidence.length === 0) lines.push('', 'No evidence was kept.')
  return lines.map((line) => `${line}\n`).join('')
}

function listFacts(report: IncidentReport): [string, string][] {
  const { service, pid, command, cause, channel, openedAt, closedAt, silentMs, limitMs, action } = report
  const silentSince = new Date(Date.parse(openedAt) - (Number.isFinite(silentMs) ? silentMs : 0)).toISOString()
  return [
    ['service', `${service} (pid ${pid}): ${command}`],
    ['cause', cause],
    ['verdict', `hung: ${report.hang.kind}`],
    [
      'silent',
      `since ${formatTime(silentSince)}, for ${formatSpan(silentMs)} on channel ${channel} (limit ${formatSpan(limitMs)})`,
    ],
    ['opened', formatTime(openedAt, 'ms')],
    ['action', action],
    ['outcome', describeOutcome(report) + (closedAt === null ? '' : `, at ${formatTime(closedAt, 'ms')}`)],
    ...listAftermathFacts(report),
    ['by', `hangdog ${report.hangdogVersion} on ${report.hostname} (pid ${report.writer.pid})`],
    ['files', report.path],
  ]
}

function describeOutcome({ state, outcome }: IncidentReport): string {
  if (outcome !== null) return outcome
  return state === 'open' ? 'still open' : 'unknown: hangdog or the machine stopped during the recovery'
}

function describeSteps({ openedAt, steps }: IncidentReport): readonly string[] {
  if (steps.length === 0) return ['  none']
  return steps.map(({ at, text }) => {
    const after = Date.parse(at) - Date.parse(openedAt)
    return `  ${formatTime(at, 'ms')}  ${`+${formatSpan(after)}`.padEnd(9)} ${escapeText(text)}`
  })
}

const titles: Readonly<Record<string, string>> = {
  'javascript-stack': 'JavaScript stack',
  'java-stack': 'Java threads',
  'java-memory': 'Java heap and garbage collection',
  'python-stack': 'Python stacks',
  'go-stack': 'Goroutines',
  'lock-cycle': 'Who waits for whose mutex',
  'native-stack': 'Native stacks',
  process: 'Process and threads',
  output: 'Last output',
  'last-words': 'Output up to its end by SIGQUIT',
  pressure: 'Pressure of the machine',
  vitals: 'Vitals of the machine',
}

function describeItem(item: EvidenceItem, report: IncidentReport, output: Output): readonly string[] {
  const { name, taken, tookMs } = item
  const title = titles[name] ?? escapeText(name)
  const when = taken === 'at-warning' ? 'at the warning' : `taken in ${formatSpan(tookMs)}`
  const heading = `${output.paint('bold', title)} ${output.paint('dim', `(${when})`)}`
  if (item.kind === 'missing') return [heading, `  missing: ${escapeText(item.reason)}`]
  if (item.unreadable !== undefined) return [heading, `  cannot be read: ${escapeText(item.unreadable)}`]
  const { lines, shortened } = describeContent(name, item.content)
  const rest =
    shortened || item.cut ? [`  … ${item.cut ? 'the rest was not kept' : 'more'}: ${report.path}/${item.file}`] : []
  return [heading, ...lines.map((line) => `  ${escapeText(line)}`), ...rest.map(escapeText)]
}

/** Also for what a damaged record may hold. */
function formatSpan(value: number): string {
  return Number.isFinite(value) && value >= 0 ? formatDuration(milliseconds(value)) : '?'
}
