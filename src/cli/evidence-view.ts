import { beginningExhibit } from '../watch/evidence.js'
import { describeContent } from './exhibit-view.js'
import { causeName, type EvidenceItem, type IncidentReport } from './incident-report.js'
import type { ReportView } from './incident-view.js'
import { escapeText, type Page } from './output.js'
import { formatSpan } from './verdict-view.js'
import { wrap } from './wrapping.js'

/** The evidence in the order of the report, then what is missing and why. */
export function describeEvidence(report: IncidentReport, page: Page, view: ReportView): readonly string[] {
  const shown = report.evidence.filter((item) => isShown(item, report, view))
  const lines = shown.flatMap((item) => ['', ...describeItem(item, report, page, view)])
  if (report.evidence.length === 0) return ['', 'No evidence was kept.']
  return [...lines, ...describeMissing(report, page)]
}

/** Shown above already: the cause, and what was taken at the warning, where it stands beside the later one. */
function isShown(item: EvidenceItem, { evidence }: IncidentReport, { all }: ReportView): boolean {
  if (item.kind === 'missing') return false
  if (item.name === causeName) return false
  if (item.name === beginningExhibit) return all
  if (all || item.taken === 'at-expiry') return true
  return !compared.has(item.name) || !evidence.some(({ name, taken }) => name === item.name && taken === 'at-expiry')
}

const compared = new Set(['process', 'pressure'])

function describeItem(item: EvidenceItem, report: IncidentReport, page: Page, { all }: ReportView): readonly string[] {
  const { name, taken, tookMs } = item
  const when = taken === 'at-warning' ? 'at the warning' : `taken in ${formatSpan(tookMs)}`
  const heading = `${page.paint('bold', titleOf(name))} ${page.paint('dim', `(${when})`)}`
  if (item.unreadable !== undefined) return [heading, `  cannot be read: ${escapeText(item.unreadable)}`]
  const { lines, hidden } = describeContent(name, item.content, all)
  const rest = hidden === 0 ? [] : [`  … ${hidden} more lines: hangdog incident show ${report.id} --all`]
  if (item.kind === 'captured' && item.cut)
    rest.push(`  … the rest was not kept; what there is: ${report.path}/${item.file}`)
  const shown = lines.flatMap((line) => wrap(`  ${escapeText(line)}`, page.columns, '      '))
  return [heading, ...shown, ...rest.map((line) => page.paint('dim', escapeText(line)))]
}

function describeMissing({ evidence }: IncidentReport, page: Page): readonly string[] {
  const missing = evidence.filter((item) => item.kind === 'missing')
  if (missing.length === 0) return []
  const lines = missing.flatMap(({ name, reason, taken }) => {
    const when = taken === 'at-warning' ? ' at the warning' : ''
    return wrap(`  ${titleOf(name)}${when}: ${escapeText(reason)}`, page.columns, '    ')
  })
  return ['', page.paint('bold', 'Not captured'), ...lines]
}

const titles: Readonly<Record<string, string>> = {
  beginning: 'In one line',
  'javascript-stack': 'JavaScript stack',
  'java-stack': 'Java threads',
  'java-memory': 'Java heap and garbage collection',
  'python-stack': 'Python stacks',
  'go-stack': 'Goroutines',
  'lock-cycle': 'Who waits for whose mutex',
  'native-stack': 'Native stacks',
  waits: 'What threads wait for',
  'event-loop': 'Event loop in the minutes before',
  process: 'Process and threads',
  output: 'Last output',
  'last-words': 'Output up to its end by SIGQUIT',
  strain: 'What keeps threads from running',
  'listen-queues': 'Connections not accepted',
  pressure: 'Pressure of the machine',
  core: 'Core',
  vitals: 'Vitals of the machine',
}

/** The name of an exhibit for people, safe to print; of one that is not known here, its own. */
export function titleOf(name: string): string {
  const known = Object.hasOwn(titles, name) ? titles[name] : undefined
  if (known !== undefined) return known
  const words = escapeText(name).replaceAll(/[-_]+/g, ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
