import { type Instant, instant } from '../time.js'

/**
 * What a canary writes down about itself, a line each: `WHAT PID NANOSECONDS`. The time is that of the machine's monotonic clock, which
 * is the same in every process, so that hangdog's own clock and countdown need not be believed.
 */
export type CanaryNote = 'beat' | 'hung'

/** With this code ends a canary that cannot write its record, as on a full disk. The number is that of sysexits.h for such a thing. */
export const unrecordedExitCode = 74

/** One process of a canary, as it described itself. */
export interface CanaryRun {
  readonly pid: number
  readonly beats: number
  readonly lastBeat: Instant
  /** Nothing more comes from it. */
  readonly hung: boolean
}

/** The machine's monotonic clock, in milliseconds since it started. */
export function machineTime(): Instant {
  return toInstant(process.hrtime.bigint())
}

export function formatNote(what: CanaryNote, pid: number, at: bigint): string {
  return `${what} ${pid} ${at}\n`
}

/** The processes that wrote down something, oldest first. A line that is not whole yet is left out. */
export function parseRecord(text: string): readonly CanaryRun[] {
  const runs = new Map<number, CanaryRun>()
  for (const [, what, digits, time = ''] of text.matchAll(/^(beat|hung) (\d+) (\d+)\n/gm)) {
    const pid = Number(digits)
    const run = runs.get(pid) ?? { pid, beats: 0, lastBeat: instant(0), hung: false }
    if (what === 'hung') runs.set(pid, { ...run, hung: true })
    else runs.set(pid, { ...run, beats: run.beats + 1, lastBeat: toInstant(BigInt(time)) })
  }
  return [...runs.values()]
}

function toInstant(nanoseconds: bigint): Instant {
  return instant(Number(nanoseconds) / 1e6)
}
