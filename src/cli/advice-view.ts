import type { Advice, Finding } from '../advice/advice.js'
import type { ChannelFigures, Firing } from '../advice/figures.js'
import { formatDuration, milliseconds } from '../time.js'
import { type Colour, escapeText, formatTime, type Output } from './output.js'
import { layOutTable } from './table.js'

/** What there is to say about one limit. @param instance the hangdog that watches the service now */
export function layOutAdvice(advice: Advice, instance: string | undefined, output: Output): string[] {
  const { service, finding, sentence, channels } = advice
  const source = instance === undefined ? 'not watched now' : `watched by ${instance}`
  const colour = colours[finding]
  return [
    `${output.paint('bold', escapeText(service))} (${escapeText(source)}): ${colour === undefined ? escapeText(sentence) : output.paint(colour, escapeText(sentence))}`,
    ...indent(layOutProposal(advice)),
    '',
    ...indent(layOutTable(headings(channels), channels.map(cells), output)),
    ...indent(channels.flatMap(describeHangs)),
  ]
}

const colours: Readonly<Partial<Record<Finding, Colour>>> = {
  'too-little': 'yellow',
  'too-tight': 'red',
  fits: 'green',
}

function layOutProposal({ proposal, ownLimit, channels }: Advice): string[] {
  if (proposal === null) return []
  const { limitMs, reasons, command } = proposal
  const lines = [`By the rule it would be ${show(limitMs)}:`, ...reasons.map((reason) => `- ${escapeText(reason)}`)]
  if (command !== null) lines.push(`To apply it: ${escapeText(command)}`)
  else if (ownLimit) lines.push(`The service itself sets the limit of ${escapeText(channels[0]?.channel ?? '')}.`)
  return lines
}

function headings(channels: readonly ChannelFigures[]): string[] {
  const fixed = ['CHANNEL', 'GAPS', 'IN', 'SINCE', 'MEAN', 'P50', 'P99', 'P99.9', 'LONGEST']
  return [...fixed, ...(channels[0]?.fired ?? []).map(({ limitMs }) => `≥ ${show(limitMs)}`)]
}

function cells({ channel, since, gaps, fired }: ChannelFigures): string[] {
  const spans = [gaps.meanMs, gaps.p50Ms, gaps.p99Ms, gaps.p999Ms, gaps.maxMs].map(show)
  return [channel, String(gaps.count), show(gaps.observedMs), formatTime(since), ...spans, ...fired.map(describeFiring)]
}

function describeFiring({ times, exact }: Firing): string {
  return exact ? String(times) : `≤ ${times}`
}

function describeHangs({ channel, hangs }: ChannelFigures): string[] {
  if (hangs.count === 0) return []
  const what = hangs.count === 1 ? 'One silence' : `${hangs.count} silences`
  return [
    `${what} on ${escapeText(channel)}, of up to ${show(hangs.longestMs)}, ended with the run and not with a beat; no figure above counts them.`,
    'Whether they were hangs the incidents tell: hangdog incident list',
  ]
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

function show(ms: number): string {
  return formatDuration(milliseconds(ms))
}
