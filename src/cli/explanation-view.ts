import type { ExplanationWithProperties } from '../effective-property.js'
import { formatDuration, milliseconds } from '../time.js'
import type { Explanation } from '../watch/explain.js'
import { escapeText, formatTime, type Output } from './output.js'
import type { StoredExplanation } from './stored-explanation.js'
import { describeVerdict, formatSpan } from './verdict-view.js'

/** A service that is watched: what happens next and why, the present clocks, the last verdict. */
export function describeExplanation(explanation: ExplanationWithProperties, instance: string, output: Output): string {
  const { service, state, detail, next, last, properties } = explanation
  return join([
    `${output.paint('bold', escapeText(service))} (watched by ${escapeText(instance)}) is ${escapeText(state)}: ${escapeText(detail)}`,
    '',
    output.paint('bold', 'What happens next'),
    ...next.map((sentence, index) => `  ${index + 1}. ${escapeText(sentence)}`),
    '',
    output.paint('bold', 'By these properties'),
    ...properties.map(({ name, value, by }) => `  ${name}=${escapeText(value)} (${escapeText(by)})`),
    '',
    output.paint('bold', 'The clocks now'),
    ...describeNow(explanation.now),
    '',
    output.paint('bold', 'The last verdict'),
    ...(last === null ? ['  Its silence was never judged: there was none.'] : describeVerdict(last)),
    '',
    output.paint('bold', 'The last near miss'),
    ...describeNearMiss(explanation),
  ])
}

/** A service that nobody watches now, from what is on disk. */
export function describeStored({ service, state, incident, nearMiss }: StoredExplanation, output: Output): string {
  return join([
    `${output.paint('bold', escapeText(service))} is ${state}; this is what is on disk about it.`,
    '',
    output.paint('bold', 'The last verdict'),
    ...describeStoredVerdict(incident),
    '',
    output.paint('bold', 'The last near miss'),
    nearMiss === null ? '  None is on record.' : `  ${formatTime(nearMiss.at)}  ${escapeText(nearMiss.message)}`,
  ])
}

function describeStoredVerdict(incident: StoredExplanation['incident']): readonly string[] {
  if (incident === null) return ['  It has no incident.']
  const { id, openedAt, outcome, hang, last } = incident
  const lines =
    last === null
      ? [`  ${formatTime(openedAt)}: hung: ${escapeText(hang)}. How it was judged was not recorded.`]
      : describeVerdict(last)
  return [...lines, `  outcome:   ${escapeText(outcome)}; see "hangdog incident show ${escapeText(id)}"`]
}

function describeNow({ channels, holds, lastStall }: Explanation['now']): readonly string[] {
  const lines = channels.map((each) => {
    const name = `  channel ${escapeText(each.channel)}: ${each.beats} beats`
    if (each.silentMs === null || each.remainingMs === null) return `${name}, no countdown`
    const warned = each.warned ? ', past its warning point' : ''
    return `${name}, silent for ${formatSpan(each.silentMs)} of ${formatSpan(each.limitMs)}, ${formatSpan(each.remainingMs)} left${warned}`
  })
  if (channels.length === 0) lines.push('  No channel is open.')
  const used = holds.filter(({ usedMs }) => usedMs > 0)
  for (const { reason, usedMs, limitMs, leftMs } of used)
    lines.push(`  held: ${reason} for ${formatSpan(usedMs)} of ${formatSpan(limitMs)}, ${formatSpan(leftMs)} left`)
  if (holds.length > 0 && used.length === 0)
    lines.push('  No hold is used up: a silence may be held as the policy says.')
  if (lastStall !== null) {
    const { at, lostMs, reason } = lastStall
    lines.push(
      `  hangdog itself last did not run at ${formatTime(at)}, for ${formatSpan(lostMs)} (${reason}); not counted`,
    )
  }
  return lines
}

function describeNearMiss({ nearMiss, nearMisses }: Explanation): readonly string[] {
  if (nearMiss === null) return ['  There was none since hangdog watches it.']
  const { at, channel, silentMs, limitMs, percent, seen } = nearMiss
  const limit = formatDuration(milliseconds(limitMs))
  return [
    `  ${formatTime(at)}, channel ${escapeText(channel)}: ${formatSpan(silentMs)}, ${percent} % of the limit of ${limit}; ${nearMisses} in all`,
    `  at the warning: ${escapeText(seen)}`,
  ]
}

function join(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('')
}
