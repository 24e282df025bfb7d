import { type GapCounts, upperEdge } from '../watch/beat-gaps.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import { type Percentiles, percentilesOf } from './percentiles.js'

/** What was seen on one channel. Field names are stable; spans in ms. */
export interface ChannelFigures {
  readonly channel: string
  /** Wall time, ISO 8601 in UTC: nothing was counted before. */
  readonly since: string
  readonly gaps: GapFigures
  /** Silences that no beat ended, because the service was ended or ended in them; they are in none of the other figures. */
  readonly hangs: { readonly count: number; readonly longestMs: number }
  readonly fired: readonly Firing[]
}

export interface GapFigures extends Percentiles {
  readonly count: number
  /** All gaps together: for so long was the channel watched. */
  readonly observedMs: number
  readonly meanMs: number
  readonly maxMs: number
}

/** How often a limit would have been passed by a silence that ended by itself: a false alarm each time. */
export interface Firing {
  readonly limitMs: number
  readonly times: number
  /** False: it may have been less often, because the limit lies within a bin. */
  readonly exact: boolean
}

/** The minimum and the default of ClusSvcHeartbeatTimeout, and half of that. */
const classicLimitsMs = [6000, 30_000, 60_000]

export function figuresOf(record: BeatGapsRecord): ChannelFigures {
  const { channel, since, total, sumMs, maxMs, hangs, limitMs } = record
  const { p50Ms, p99Ms, p999Ms } = percentilesOf(record)
  const limits = [...new Set([...classicLimitsMs, limitMs])].sort((a, b) => a - b)
  return {
    channel,
    since,
    gaps: {
      count: total,
      observedMs: toMicroseconds(sumMs),
      meanMs: total === 0 ? 0 : toMicroseconds(sumMs / total),
      p50Ms: toMicroseconds(p50Ms),
      p99Ms: toMicroseconds(p99Ms),
      p999Ms: toMicroseconds(p999Ms),
      maxMs: toMicroseconds(maxMs),
    },
    hangs: { count: hangs.total, longestMs: toMicroseconds(hangs.maxMs) },
    fired: limits.map((limit) => firingOf(record, limit)),
  }
}

/** Rounds to what the clock is good for. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000
}

function firingOf({ bins, maxMs }: GapCounts, limitMs: number): Firing {
  if (maxMs < limitMs) return { limitMs, times: 0, exact: true }
  const reaching = bins.filter(([fromMs]) => upperEdge(fromMs) > limitMs)
  const times = reaching.reduce((sum, [, count]) => sum + count, 0)
  return { limitMs, times, exact: reaching.every(([fromMs]) => fromMs >= limitMs) }
}
