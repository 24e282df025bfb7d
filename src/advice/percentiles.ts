import { build } from 'hdr-histogram-js'
import { type GapCounts, upperEdge } from '../watch/beat-gaps.js'

/** The spans that half, 99 % and 99.9 % of the gaps do not exceed. */
export interface Percentiles {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** What the histogram of the library counts in, because it takes whole numbers: all edges of our bins are whole in these. */
const unitsPerMs = 8.192

/**
 * Computed from the upper edges of the bins, and never above the maximum: so a percentile is not too little, and at most an eighth
 * too much.
 */
export function percentilesOf({ bins, maxMs }: GapCounts): Percentiles {
  const highest = Math.max(shortestRange, Math.ceil(maxMs * unitsPerMs))
  const histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highest,
    numberOfSignificantValueDigits: 4,
    bitBucketSize: 64,
  })
  for (const [fromMs, count] of bins) {
    histogram.recordValueWithCount(Math.min(Math.round(upperEdge(fromMs) * unitsPerMs), highest), count)
  }
  const at = (percentile: number): number => Math.min(histogram.getValueAtPercentile(percentile) / unitsPerMs, maxMs)
  return { p50Ms: at(50), p99Ms: at(99), p999Ms: at(99.9) }
}

/** The library wants a range of at least a factor of two; the first bin begins at 8 of our units. */
const shortestRange = 16
