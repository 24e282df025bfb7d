import { formatDuration, milliseconds } from '../time.js'
import type { InstanceStatus } from './daemons.js'
import type { GapSummary, WithGaps } from './gap-status.js'
import { type Colour, escapeText, formatAgo, formatTime, type Output, type Page } from './output.js'
import { type Cell, layOutTable } from './table.js'
import { wrap } from './wrapping.js'

/** All services as a table; the instance is shown when there are several. */
export function layOutStatus(all: readonly InstanceStatus[], output: Output, now: Date): string[] {
  const several = new Set(all.map((status) => status.instance)).size > 1
  const headings = ['SERVICE', 'STATE', 'PID', 'LEFT', 'LAST BEAT', 'RESTARTS', 'HOLDS', 'HANGS', 'DETAIL']
  const rows = all.map((status): Cell[] => [
    status.service,
    paintState(status.state),
    String(status.pid ?? '-'),
    formatCountdown(status),
    formatAgo(status.lastBeatAt, now),
    String(status.restarts),
    String(status.holds),
    String(status.hangs),
    status.statusText === '' ? status.detail : `${status.detail} (says: ${status.statusText})`,
  ])
  if (!several) return layOutTable(headings, rows, output)
  const instances = all.map((status) => status.instance)
  return layOutTable(
    ['INSTANCE', ...headings],
    rows.map((row, index) => [instances[index] ?? '', ...row]),
    output,
  )
}

/** One service on one line that stands by itself, with the time. */
export function describeService(status: InstanceStatus, output: Output, now: Date): string {
  const { instance, service, state, detail, pid, restarts, holds, hangs } = status
  const colour = stateColours[state]
  const name = escapeText(instance === service ? service : `${instance}/${service}`)
  return [
    output.paint('dim', formatTime(now.toISOString())),
    output.paint('bold', name),
    colour === undefined ? state : output.paint(colour, state),
    `pid ${pid ?? '-'}, ${restarts} restarts, ${holds} holds, ${hangs} hangs`,
    escapeText(detail),
  ].join('  ')
}

/** One service in full, a fact a line. */
export function layOutService(status: InstanceStatus & Partial<WithGaps>, output: Output, now: Date): string[] {
  const facts: [string, string][] = [
    ['state', `${status.state}: ${status.detail}`],
    ['watched by', status.instance],
    ['command', status.command],
    ['pid', String(status.pid ?? '-')],
    [
      'started',
      status.startedAt === null ? '-' : `${formatTime(status.startedAt)} (${formatAgo(status.startedAt, now)})`,
    ],
    ['heartbeat', `${status.heartbeat}, ${status.beats} beats, last ${formatAgo(status.lastBeatAt, now)}`],
    ['countdown', `${formatCountdown(status)} left`],
    ['action', status.shadow ? `${status.action}, but only decided and reported (a shadow)` : status.action],
    ['restarts', `${status.restarts} (${status.restartMode})`],
    ['holds', String(status.holds)],
    ['hangs', String(status.hangs)],
    ['warnings', `${status.warnings}, near misses ${status.nearMisses}`],
  ]
  if (status.statusText !== '') facts.push(['it says', status.statusText])
  for (const channel of status.channels) {
    const armed = channel.armed ? `${formatCountdown(channel)} left` : 'not armed'
    facts.push([`channel ${channel.channel}`, `${armed}, ${channel.beats} beats`])
  }
  for (const gap of status.gaps ?? []) if (gap.count > 0) facts.push([`gaps ${gap.channel}`, describeGaps(gap)])
  for (const [name, count] of Object.entries(status.counters)) if (count > 0) facts.push([name, String(count)])
  return [output.paint('bold', escapeText(status.service)), ...layOutFacts(facts, output)]
}

function describeGaps({ count, p50Ms, p99Ms, maxMs, limitMs, maxPercent }: GapSummary): string {
  const show = (ms: number): string => formatDuration(milliseconds(ms))
  return `median ${show(p50Ms)}, p99 ${show(p99Ms)}, max ${show(maxMs)}: ${maxPercent} % of the limit of ${show(limitMs)}; ${count} gaps`
}

/** Names and values in two columns. */
export function layOutFacts(facts: readonly (readonly [string, string])[], page: Page): string[] {
  const width = Math.max(...facts.map(([name]) => escapeText(name).length))
  const indent = ' '.repeat(width + 4)
  return facts.flatMap(([name, value]) => {
    const [first = '', ...more] = wrap(`${indent}${escapeText(value)}`, page.columns, indent)
    return [`  ${page.paint('dim', escapeText(name).padEnd(width))}  ${first.slice(indent.length)}`, ...more]
  })
}

/** What is left of how much, such as `4.5s/6s`; until a service has started another limit counts, and only what is left is shown. */
function formatCountdown(of: { readonly remainingMs: number | null; readonly limitMs: number }): string {
  const limit = formatDuration(milliseconds(of.limitMs))
  if (of.remainingMs === null) return `-/${limit}`
  const left = formatDuration(milliseconds(Math.max(0, of.remainingMs)))
  return of.remainingMs > of.limitMs ? left : `${left}/${limit}`
}

const stateColours: Readonly<Record<string, Colour>> = {
  armed: 'green',
  starting: 'cyan',
  waiting: 'cyan',
  unwatched: 'yellow',
  held: 'yellow',
  expired: 'yellow',
  stopping: 'yellow',
  ending: 'yellow',
  reported: 'red',
  recovering: 'red',
  stuck: 'red',
  failed: 'red',
}

function paintState(state: string): Cell {
  const colour = stateColours[state]
  return colour === undefined ? state : { text: state, colour }
}
