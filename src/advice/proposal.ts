import { formatDuration, milliseconds } from '../time.js'
import type { ChannelFigures } from './figures.js'

/** A span that a limit should not be shorter than, and why. */
export interface Need {
  readonly ms: number
  readonly why: string
}

/** The shortest timeout of MSCS was as long as twelve beats of its service; less 5 %, because beats come late. */
const leastBeats = 12
/** Twice what has been seen: the worst is still to come. */
const timesMaximum = 2
const timesP999 = 3

/** A beat that is meant to come every 500 ms comes every 503, or every 520: what was meant is what counts. */
const lateness = 0.05

/** What the gaps of one channel ask of its limit, the most first. */
export function needsOf({ channel, gaps }: ChannelFigures): readonly Need[] {
  const needs = [
    { ms: leastBeats * gaps.meanMs * (1 - lateness), of: `${leastBeats} times the mean gap`, spanMs: gaps.meanMs },
    { ms: timesMaximum * gaps.maxMs, of: `${timesMaximum} times the longest gap`, spanMs: gaps.maxMs },
    { ms: timesP999 * gaps.p999Ms, of: `${timesP999} times the 99.9th percentile`, spanMs: gaps.p999Ms },
  ]
  return needs
    .sort((a, b) => b.ms - a.ms)
    .map(({ ms, of, spanMs }) => ({ ms, why: `${of} on ${channel} (${show(spanMs)}) asks for ${show(ms)}` }))
}

function show(ms: number): string {
  return formatDuration(milliseconds(ms))
}

/** Below it the jitter of a shared machine counts for more than what a service does within the time of an observation. */
const shortestProposalMs = 500

const secondMs = 1000
const minuteMs = 60 * secondMs
const hourMs = 60 * minuteMs

/** Limits as people write them. */
const stepsMs: readonly number[] = [
  ...[500, 600, 800],
  ...[1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50].map((value) => value * secondMs),
  ...[1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 50].map((value) => value * minuteMs),
]

/** The next limit that reads well, not below what is needed. From an hour on whole hours. */
export function roundUp(needMs: number): number {
  const wanted = Math.max(needMs, shortestProposalMs)
  return stepsMs.find((step) => step >= wanted) ?? Math.ceil(wanted / hourMs) * hourMs
}

/** The minimum of ClusSvcHeartbeatTimeout; shorter limits have a property of their own. */
const shortestClassicMs = 6 * secondMs

/**
 * The command line that applies a limit.
 * @param presentMs the limit there is: one below 6 s comes from the other property, which has to go then
 */
export function commandFor(service: string, limitMs: number, presentMs: number): string {
  const set = `hangdog prop set --service ${service}`
  if (limitMs < shortestClassicMs) return `${set} HeartbeatTimeoutMilliseconds=${limitMs}`
  const classic = `${set} ClusSvcHeartbeatTimeout=${Math.ceil(limitMs / secondMs)}`
  return presentMs < shortestClassicMs ? `${classic} HeartbeatTimeoutMilliseconds=0` : classic
}
