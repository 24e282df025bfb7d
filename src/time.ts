import { HangdogError } from './errors.js'

declare const unit: unique symbol

/** A span of time in milliseconds; may have a fraction, never negative. */
export type Milliseconds = number & { readonly [unit]: 'milliseconds' }

/** A point on a clock that never steps, in milliseconds from an origin of its own. Two instants compare; one alone means nothing. */
export type Instant = number & { readonly [unit]: 'instant' }

/** A wall time: for labels on records, never for deadlines. */
export type WallTime = Date

/** What a scheduled call can still be: taken back. Taking back a call that has run, or twice, does nothing. */
export interface Scheduled {
  cancel(): void
}

/** Where time comes from. Everything that waits takes one of these, so that a test can move time by hand. */
export interface Clock {
  /** Monotonic; for deadlines. */
  now(): Instant
  /** Wall time; only labels records. */
  wallNow(): WallTime
  /**
   * Calls back once, not before the delay has passed on this clock; it may be called late. `exact` is worth some CPU time to be less so,
   * and is meant for what is measured, such as the end of a countdown.
   */
  schedule(delay: Milliseconds, callback: () => void, exact?: boolean): Scheduled
}

/** The largest limit the system takes: 0xFFFFFFFF seconds, the maximum of ClusSvcHeartbeatTimeout. */
export const longestLimit = (0xffffffff * 1000) as Milliseconds

export const zero = 0 as Milliseconds

/** The longest delay that Node's timers take, in ms (24.8 days); one that is set to a longer one ends at once. */
export const longestTimer = 2 ** 31 - 1

/** A delay for a timer of Node that only bounds something: nobody minds that a bound of a month comes after 24.8 days. In ms. */
export function timerDelay(limitMs: number): number {
  return Math.min(limitMs, longestTimer)
}

/** Makes a span from a number; throws when it is negative, not finite or not a number. */
export function milliseconds(value: number): Milliseconds {
  if (!Number.isFinite(value) || value < 0) {
    throw new HangdogError('internal', `internal error: a span of time must be finite and not negative, not ${value}`)
  }
  return value as Milliseconds
}

export function seconds(value: number): Milliseconds {
  return milliseconds(value * 1000)
}

export function instant(value: number): Instant {
  return value as Instant
}

export function later(from: Instant, span: Milliseconds): Instant {
  return (from + span) as Instant
}

/** The span between two instants; zero when the second is not after the first. */
export function elapsed(from: Instant, to: Instant): Milliseconds {
  return (to > from ? to - from : 0) as Milliseconds
}

/** A wall time that much earlier. */
export function before(at: WallTime, span: Milliseconds): WallTime {
  return new Date(at.getTime() - span)
}

export function fraction(span: Milliseconds, share: number): Milliseconds {
  return milliseconds(span * share)
}

export function shorter(a: Milliseconds, b: Milliseconds): Milliseconds {
  return a < b ? a : b
}

export function longer(a: Milliseconds, b: Milliseconds): Milliseconds {
  return a > b ? a : b
}

const unitLengths: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/**
 * Reads `500ms`, `6s`, `1.5s`, `2m`, `1h`. A bare `0` is zero; any other number needs its unit, because a guess between
 * seconds and milliseconds is wrong by a factor of a thousand.
 * @param option what the text was given for; named in the error
 * @throws HangdogError `usage` with the expected form and what was given
 */
export function parseDuration(text: string, option: string): Milliseconds {
  if (text === '0') return zero
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text)
  const length = match?.[2] === undefined ? undefined : unitLengths[match[2]]
  const value = length === undefined ? Number.NaN : Number(match?.[1]) * length
  if (Number.isNaN(value)) {
    throw new HangdogError(
      'usage',
      `cannot read ${option} "${text}": expected a duration such as 500ms, 6s, 2m or 1h (a number and its unit)`,
    )
  }
  if (value > longestLimit) {
    throw new HangdogError('usage', `cannot read ${option} "${text}": expected at most 4294967295s`)
  }
  return value as Milliseconds
}

/** Writes a span in the unit a reader would choose: `350ms`, `1.5s`, `12s`, `3m 20s`, `2h 5m`. */
export function formatDuration(span: Milliseconds): string {
  if (span < 1000) return `${Math.round(span)}ms`
  if (span < 10_000) return `${Number((span / 1000).toFixed(1))}s`
  const total = Math.round(span / 1000)
  if (total < 60) return `${total}s`
  const [whole, rest, names] =
    total < 3600
      ? [Math.floor(total / 60), total % 60, 'ms']
      : [Math.floor(total / 3600), Math.floor((total % 3600) / 60), 'hm']
  return rest === 0 ? `${whole}${names[0]}` : `${whole}${names[0]} ${rest}${names[1]}`
}
