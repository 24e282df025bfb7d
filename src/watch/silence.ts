import type { ProcessIdentity } from '../platform/platform.js'
import {
  elapsed,
  formatDuration,
  type Instant,
  instant,
  longer,
  type Milliseconds,
  milliseconds,
  seconds,
  shorter,
  type WallTime,
} from '../time.js'
import { withinLimit } from './bounded.js'
import { HoldLedger } from './hold-ledger.js'
import type { Judgement } from './judgement.js'
import type { HoldReason } from './policy.js'
import type { ServiceContext } from './service-context.js'
import { isStall, type ServiceState } from './service-state.js'
import { type Hang, interruption, judge, type Sample, type Verdict, type VerdictInput } from './verdict.js'

type HeldState = ServiceState & { readonly kind: 'held' }

/** The last time hangdog itself did not run, as far as this service was concerned. Field names are stable. */
export interface StallNote {
  readonly at: string
  readonly lostMs: number
  readonly reason: HoldReason
}

/** The silence of one service: since when, what was read meanwhile, how it was judged and what held it. */
export class Silence {
  readonly holds: HoldLedger
  lastJudgement: Judgement | undefined
  lastStall: StallNote | undefined
  #since: Instant | undefined
  /** The reading of the warning point, and when that was. */
  #before: { readonly sample: Sample; readonly wall: WallTime; readonly silent: Milliseconds } | undefined
  #judged = false
  readonly #context: ServiceContext

  constructor(context: ServiceContext) {
    this.#context = context
    this.holds = new HoldLedger(context.parts.clock)
  }

  /** How long nothing has been heard; zero when the service is not silent. */
  length(): Milliseconds {
    const now = this.#context.parts.clock.now()
    return elapsed(this.#since ?? now, now)
  }

  /** The countdown ended; the silence began one limit ago, unless it goes on from an earlier end. */
  limitPassed(limit: Milliseconds): void {
    this.#since ??= instant(this.#context.parts.clock.now() - limit)
  }

  /** hangdog did not run; that time is no silence. */
  stalled(lost: Milliseconds, reason: HoldReason): void {
    this.lastStall = { at: this.#context.parts.clock.wallNow().toISOString(), lostMs: Math.round(lost), reason }
  }

  /** A sign of life: the silence and its holds are forgotten. */
  over(): void {
    this.#since = undefined
    this.#judged = false
    this.holds.wipe()
  }

  /** Reads the process and the machine at the warning point, to compare with at expiry. */
  readAtWarning(channel: string, silent: Milliseconds): Sample | undefined {
    const sample = this.#sample(channel)
    this.#before = sample && { sample, wall: this.#context.parts.clock.wallNow(), silent }
    return sample
  }

  /** What the present silence was judged to be, the last time it was. */
  get judgement(): Judgement | undefined {
    return this.#judged ? this.lastJudgement : undefined
  }

  forgetReading(): void {
    this.#before = undefined
  }

  /** Drains waiting beats, then concludes. What is concluded is dispatched, unless the state has changed meanwhile. */
  async judge(state: ServiceState): Promise<void> {
    if (state.kind !== 'expired') return
    const { parts } = this.#context
    await parts.drain()
    // A beat that waited in a socket has changed the state; so has an exit.
    const now = this.#context.state === state ? this.#sample(state.channel) : undefined
    if (now === undefined) return
    const read = this.#inputOf(now, state.starting)
    const first: Verdict = state.triggered ? { kind: 'hung', hang: { kind: 'triggered' } } : judge(read)
    const halted = mayBeHalted(first) && (await this.#isHalted(this.#context.subjectOf(state.channel)))
    if (this.#context.state !== state) return
    const input = halted ? withHalt(read) : read
    const verdict = halted ? judge(input) : first
    this.#conclude(state.channel, input, verdict)
    if (verdict.kind === 'gone') this.#context.subjectGone(state.channel)
    if (verdict.kind === 'held') {
      const alone = this.#context.subjectOf(state.channel) !== this.#context.process?.identity
      this.#context.dispatch({ kind: 'judgedHeld', reason: verdict.reason, alone })
    }
    if (verdict.kind === 'hung') this.#context.dispatch({ kind: 'judgedHung', hang: verdict.hang })
  }

  /** Looks, every so often, whether what keeps the process from running is over, or has lasted too long. */
  watchHold(state: ServiceState): void {
    if (state.kind !== 'held') return
    const { parts, policy } = this.#context
    const interval = longer(milliseconds(50), shorter(seconds(1), milliseconds(policy.heartbeatTimeout / 4)))
    parts.clock.schedule(interval, () => void this.#lookAtHold(state))
  }

  async #lookAtHold(state: HeldState): Promise<void> {
    const { parts, policy } = this.#context
    const subject = this.#context.subjectOf(state.channel)
    if (this.#context.state !== state || subject === undefined) return
    const halted = state.reason === 'traced' && (await this.#isHalted(subject))
    if (this.#context.state !== state) return
    const reason = halted ? 'traced' : interruption(parts.platform.readProcess(subject))
    if (reason === undefined) this.#context.dispatch({ kind: 'holdCleared' })
    else if ((this.holds.soFar()[state.reason] ?? 0) < policy.holds[state.reason]) this.watchHold(state)
    else {
      const hang: Hang = { kind: 'held-too-long', reason: state.reason }
      const now = this.#sample(state.channel)
      if (now !== undefined) this.#conclude(state.channel, this.#inputOf(now, state.starting), { kind: 'hung', hang })
      this.#context.dispatch({ kind: 'judgedHung', hang })
    }
  }

  #inputOf(now: Sample, starting: boolean): VerdictInput {
    const { holds: limits } = this.#context.policy
    return { before: this.#before?.sample, now, limits, heldSoFar: this.holds.soFar(), starting }
  }

  #conclude(channel: string, input: VerdictInput, verdict: Verdict): void {
    const { parts, policy } = this.#context
    const limit = input.starting ? policy.startTimeout : this.#context.limitOf(channel)
    const beats = this.#context.beatsOn(channel)
    const about = { channel, input, verdict, beats, silent: this.length(), limit, warned: this.#before }
    this.lastJudgement = { at: parts.clock.wallNow(), ...about }
    this.#judged = true
  }

  holdStarted(state: HeldState): void {
    this.holds.begin(state.reason)
    // A stall concerns all services at once; the supervisor reports it once for all.
    if (isStall(state.reason)) return
    const { parts, spec } = this.#context
    const limit = formatDuration(this.holdLimit(state.reason))
    const parameters = { silentMs: Math.round(this.length()), reason: state.reason, limit }
    parts.emit({ name: 'hold-started', service: spec.name, parameters })
  }

  holdEnded(reason: HoldReason, next: ServiceState): void {
    const heldMs = Math.round(this.holds.end())
    if (isStall(reason)) return
    const { parts, spec } = this.#context
    parts.emit({
      name: 'hold-ended',
      service: spec.name,
      parameters: { reason, heldMs, outcome: describeOutcome(next) },
    })
  }

  /** How long a hold for this reason may last in all. */
  holdLimit(reason: HoldReason): Milliseconds {
    const { policy } = this.#context
    const limit = policy.holds[reason]
    return reason === 'starved' || isStall(reason) ? shorter(limit, policy.heartbeatTimeout) : limit
  }

  async #isHalted(subject: ProcessIdentity | undefined): Promise<boolean> {
    const { clock, evidence } = this.#context.parts
    if (subject === undefined || evidence.isHalted === undefined) return false
    const answer = await withinLimit(evidence.isHalted(subject), haltLimit, clock)
    return answer.kind === 'done' && answer.value
  }

  #sample(channel: string): Sample | undefined {
    const { parts } = this.#context
    const subject = this.#context.subjectOf(channel)
    if (subject === undefined) return undefined
    const at = parts.clock.now()
    return { at, process: parts.platform.readProcess(subject), machine: parts.platform.readMachine() }
  }
}

/** How long a verdict waits for a debugger's answer. Only a program that a debugger can be attached to is asked at all. */
const haltLimit = milliseconds(5500)

/** A halted program waits for its debugger: it uses no CPU, and waits for a lock rather than for anything to come in. */
function mayBeHalted(verdict: Verdict): boolean {
  if (verdict.kind !== 'hung') return false
  const { hang } = verdict
  if (hang.kind === 'waiting') return hang.waitChannel === 'unknown' || hang.waitChannel.startsWith('futex')
  return hang.kind === 'unknown' || hang.kind === 'never-started'
}

function withHalt(input: VerdictInput): VerdictInput {
  const { now } = input
  if (now.process.kind === 'gone') return input
  return { ...input, now: { ...now, process: { ...now.process, halted: true } } }
}

function describeOutcome(next: ServiceState): string {
  switch (next.kind) {
    case 'armed':
    case 'starting':
      return 'it runs again; the countdown started over'
    case 'expired':
      return 'still silent; judged again'
    case 'recovering':
    case 'reported':
      return 'it lasted longer than allowed'
    default:
      return `the service is ${next.kind}`
  }
}
