import type { ProcessReading } from '../platform/platform.js'
import { elapsed, type Milliseconds, type WallTime } from '../time.js'
import type { HoldReason } from './policy.js'
import { cpuShare, describeHang, type Hang, type Sample, type Verdict, type VerdictInput } from './verdict.js'

/** One judging of a silence, with all that went into it. */
export interface Judgement {
  readonly at: WallTime
  readonly channel: string
  readonly input: VerdictInput
  readonly verdict: Verdict
  /** Beats on the channel in all. */
  readonly beats: number
  /** How long nothing had been heard, in our own ticks and on from the end of the countdown. */
  readonly silent: Milliseconds
  readonly limit: Milliseconds
  /** The moment of the warning, for comparing clocks; undefined when there was none. */
  readonly warned: { readonly wall: WallTime; readonly silent: Milliseconds } | undefined
}

/** A verdict for people and files: the rule that decided, what it went by, and what each clock said. Field names are stable. */
export interface JudgementRecord {
  /** Wall time, ISO 8601 in UTC. */
  readonly at: string
  readonly channel: string
  readonly verdict: Verdict
  readonly sentence: string
  /** Name of the rule that decided, and why it did. */
  readonly rule: string
  readonly reason: string
  readonly readingAtWarning: ProcessReading | null
  readonly readingAtExpiry: ProcessReading
  /** Of one CPU, from the warning to the end of the countdown. */
  readonly cpuPercent: number | null
  readonly beats: number
  readonly heldSoFarMs: VerdictInput['heldSoFar']
  readonly holds: readonly HoldRecord[]
  readonly clocks: ClockRecord
}

/** What is left of the time for which a silence may be held. */
export interface HoldRecord {
  readonly reason: HoldReason
  readonly usedMs: number
  readonly limitMs: number
  readonly leftMs: number
}

/** What each clock said of one silence. Spans in ms. */
export interface ClockRecord {
  readonly limitMs: number
  /** In hangdog's own ticks: what counts. */
  readonly silentMs: number
  /** From the warning to the verdict; null when there was no warning. */
  readonly sinceWarning: {
    /** In hangdog's own ticks, in which time that it did not run is left out. */
    readonly ownMs: number
    readonly monotonicMs: number
    /** The monotonic clock and the time in which the machine was suspended. */
    readonly bootMs: number | null
    readonly wallMs: number
    /** What hangdog's own ticks left out. */
    readonly stallMs: number
  } | null
}

export function recordJudgement(judgement: Judgement): JudgementRecord {
  const { at, channel, input, verdict, beats } = judgement
  const share = cpuShare(input)
  return {
    at: at.toISOString(),
    channel,
    verdict,
    sentence: describeVerdict(verdict),
    ...ruleOf(verdict, share),
    readingAtWarning: input.before?.process ?? null,
    readingAtExpiry: input.now.process,
    cpuPercent: share === undefined ? null : Math.round(share * 100),
    beats,
    heldSoFarMs: input.heldSoFar,
    holds: recordHolds(input),
    clocks: recordClocks(judgement),
  }
}

/** @returns one for each reason that a silence may be held for */
export function recordHolds({ limits, heldSoFar }: Pick<VerdictInput, 'limits' | 'heldSoFar'>): readonly HoldRecord[] {
  const reasons: readonly HoldReason[] = [
    'stopped',
    'traced',
    'frozen',
    'starved',
    'machine-suspended',
    'machine-paused',
    'supervisor-stalled',
  ]
  return reasons.map((reason) => {
    const limitMs = limits[reason]
    const usedMs = Math.round(heldSoFar[reason] ?? 0)
    return { reason, usedMs, limitMs, leftMs: Math.max(0, limitMs - usedMs) }
  })
}

function recordClocks({ at, input, silent, limit, warned }: Judgement): ClockRecord {
  const { before, now } = input
  const silentMs = Math.round(silent)
  if (before === undefined || warned === undefined) return { limitMs: limit, silentMs, sinceWarning: null }
  const monotonicMs = Math.round(elapsed(before.at, now.at))
  const ownMs = Math.min(monotonicMs, Math.max(0, Math.round(silent - warned.silent)))
  const sinceWarning = {
    ownMs,
    monotonicMs,
    bootMs: bootSpan(before, now, monotonicMs),
    wallMs: at.getTime() - warned.wall.getTime(),
    stallMs: monotonicMs - ownMs,
  }
  return { limitMs: limit, silentMs, sinceWarning }
}

function bootSpan(before: Sample, now: Sample, monotonicMs: number): number | null {
  const [then, since] = [before.machine.suspended, now.machine.suspended]
  return then === undefined || since === undefined ? null : monotonicMs + Math.max(0, Math.round(since - then))
}

interface Rule {
  readonly rule: string
  readonly reason: string
}

/** Which rule of `judge` gave this verdict. */
function ruleOf(verdict: Verdict, share: number | undefined): Rule {
  switch (verdict.kind) {
    case 'gone':
      return { rule: 'process-gone', reason: 'the process had ended: that is no hang' }
    case 'held':
      return { rule: `hold-${verdict.reason}`, reason: `${verdict.detail}, and the time for that is not used up` }
    case 'hung':
      return hangRule(verdict.hang, share)
    default:
      return verdict satisfies never
  }
}

function hangRule(hang: Hang, share: number | undefined): Rule {
  const cpu = share === undefined ? '' : `; it used ${Math.round(share * 100)} % of a CPU since the warning`
  const none = `nothing excused the silence${cpu}`
  switch (hang.kind) {
    case 'busy-loop':
      return { rule: 'cpu-share', reason: `${none}, and half of a CPU or more is a busy loop` }
    case 'blocked-in-kernel':
      return { rule: 'blocked-in-kernel', reason: `${none}, and its main thread cannot be interrupted (D)` }
    case 'waiting':
      return { rule: 'asleep', reason: `${none}, and its main thread sleeps` }
    case 'dead-main-thread':
      return { rule: 'dead-main-thread', reason: 'its main thread has ended while others live on' }
    case 'held-too-long':
      return { rule: 'hold-used-up', reason: `it was ${hang.reason} for longer than may be excused` }
    case 'never-started':
      return {
        rule: 'no-first-sign',
        reason: 'it gave no sign of life within its start limit, and nothing excused that',
      }
    case 'triggered':
      return { rule: 'triggered', reason: 'it asked for it itself (WATCHDOG=trigger)' }
    case 'unknown':
      return { rule: 'silence', reason: `${none}; ${hang.detail}` }
    default:
      return hang satisfies never
  }
}

function describeVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'hung':
      return `hung: ${describeHang(verdict.hang)}`
    case 'held':
      return `held: ${verdict.detail}`
    case 'gone':
      return 'the process had ended by itself'
    default:
      return verdict satisfies never
  }
}
