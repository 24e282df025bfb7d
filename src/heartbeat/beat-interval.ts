/** Beats within one limit: some may be late or lost without any harm. */
const beatsPerLimit = 12
const shortestIntervalMs = 10
/** However long the limit is that a program was told, its preload beats this often. */
export const longestIntervalMs = 1000

/** Assumed when hangdog did not say; the default of ClusSvcHeartbeatTimeout. */
const defaultLimitMs = 60_000

/** How often the preload of a program whose limit is this long beats. @param limitUsec the text of WATCHDOG_USEC */
export function beatInterval(limitUsec: string | undefined): number {
  const given = Number(limitUsec) / 1000
  const limitMs = given > 0 ? given : defaultLimitMs
  return Math.min(longestIntervalMs, Math.max(shortestIntervalMs, Math.floor(limitMs / beatsPerLimit)))
}
