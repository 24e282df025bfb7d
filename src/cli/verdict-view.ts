import { formatDuration, milliseconds } from '../time.js'
import type { ClockRecord, HoldRecord, JudgementRecord } from '../watch/judgement.js'
import { escapeText, formatTime } from './output.js'

/**
 * A verdict with the rule that decided, what it went by, and the clocks. It may come from a file: whatever is in it, this returns lines
 * and does not throw.
 */
export function describeVerdict(judgement: JudgementRecord): readonly string[] {
  const { at, channel, sentence, rule, reason, readingAtWarning, readingAtExpiry, cpuPercent, beats } = judgement
  const cpu = typeof cpuPercent === 'number' ? `, ${cpuPercent} % of a CPU since the warning` : ''
  const lines = [
    `  ${formatTime(String(at), 'ms')}, channel ${show(channel)}: ${show(sentence)}`,
    `  rule:      ${show(rule)}: ${show(reason)}`,
    `  warning:   ${describeReading(readingAtWarning)}`,
    `  verdict:   ${describeReading(readingAtExpiry)}${cpu}`,
    `  beats:     ${show(beats)} before that`,
    `  holds:     ${describeHolds(judgement.holds)}`,
  ]
  const clocks: Partial<ClockRecord> | undefined = judgement.clocks
  return clocks === undefined ? lines : [...lines, ...describeClocks(clocks)]
}

/** Readings are shown as they are: their fields are what the verdict was made from. */
function describeReading(reading: unknown): string {
  if (typeof reading !== 'object' || reading === null) return 'no reading'
  const facts = Object.entries(reading).map(([name, value]) => {
    const shown = name === 'cpuTime' || name === 'runQueueWait' ? formatSpan(value) : String(value)
    return `${name} ${shown}`
  })
  return escapeText(facts.join(', '))
}

function describeHolds(holds: readonly HoldRecord[] | undefined): string {
  if (!Array.isArray(holds)) return '-'
  const whole = holds.filter((hold: unknown): hold is HoldRecord => typeof hold === 'object' && hold !== null)
  const shown = whole.map(({ reason, usedMs, limitMs, leftMs }) => {
    if (limitMs === 0) return `${reason} never`
    return usedMs > 0
      ? `${reason} ${formatSpan(usedMs)} used, ${formatSpan(leftMs)} left`
      : `${reason} up to ${formatSpan(limitMs)}`
  })
  return escapeText(shown.join('; '))
}

function describeClocks({ silentMs, limitMs, sinceWarning }: Partial<ClockRecord>): readonly string[] {
  const own = `  clocks:    silent for ${formatSpan(silentMs)} in hangdog's own ticks, limit ${formatSpan(limitMs)}`
  if (sinceWarning === undefined || sinceWarning === null) return [`${own}; there was no warning to compare with`]
  const { ownMs, monotonicMs, bootMs, wallMs, stallMs } = sinceWarning
  const boot = bootMs === null ? 'not known' : formatSpan(bootMs)
  return [
    own,
    `             since the warning: own ticks ${formatSpan(ownMs)}, monotonic ${formatSpan(monotonicMs)}, with suspend ${boot}, wall ${formatSigned(wallMs)}; not counted as hangdog did not run: ${formatSpan(stallMs)}`,
  ]
}

/** Also for what a damaged record may hold. */
export function formatSpan(value: unknown): string {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? formatDuration(milliseconds(value)) : '?'
}

/** A wall clock can be set back. */
function formatSigned(value: unknown): string {
  return typeof value === 'number' && value < 0 ? `-${formatSpan(-value)}` : formatSpan(value)
}

function show(value: unknown): string {
  return escapeText(String(value))
}
