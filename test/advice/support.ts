import { milliseconds } from '../../src/time.js'
import { BeatGaps, type GapCounts } from '../../src/watch/beat-gaps.js'
import type { BeatGapsRecord } from '../../src/watch/gap-book.js'

/** What is counted of gaps, each so many times. */
export function countsOf(gaps: readonly (readonly [ms: number, times: number])[]): GapCounts {
  const histogram = new BeatGaps()
  for (const [ms, times] of gaps) for (let at = 0; at < times; at++) histogram.record(milliseconds(ms))
  return histogram.counts()
}

/** A service that beats once a second for an hour, unless told otherwise. */
export function recordOf(
  gaps: readonly (readonly [ms: number, times: number])[] = [[1000, 3600]],
  rest: Partial<BeatGapsRecord> = {},
): BeatGapsRecord {
  return {
    service: 'web',
    channel: 'main',
    since: '2026-01-01T00:00:00.000Z',
    limitMs: 60_000,
    ownLimit: false,
    ...countsOf(gaps),
    hangs: countsOf([]),
    ...rest,
  }
}
