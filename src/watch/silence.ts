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
import { HoldLedger } from './hold-ledger.js'
import type { HoldReason } from './policy.js'
import type { ServiceContext } from './service-context.js'
import { isStall, type ServiceState } from './service-state.js'
import { interruption, judge, type Sample, type Verdict, type VerdictInput } from './verdict.js'

/** The last time silence was judged, with all that went into it. */
export interface Judgement {
  readonly at: WallTime
  readonly channel: string
  readonly input: VerdictInput
  readonly verdict: Verdict
}

type HeldState = ServiceState & { readonly kind: 'held' }

/** The silence of one service: since when, what was read meanwhile, how it was judged and what held it. */
export class Silence {
  readonly holds: HoldLedger
  lastJudgement: Judgement | undefined
  #since: Instant | undefined
  #before: Sample | undefined
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

  /** A sign of life: the silence and its holds are forgotten. */
  over(): void {
    this.#since = undefined
    this.holds.wipe()
  }

  /** Reads the process and the machine at the warning point, to compare with at expiry. */
  readAtWarning(channel: string): Sample | undefined {
    this.#before = this.#sample(channel)
    return this.#before
  }

  forgetReading(): void {
    this.#before = undefined
  }

  /** Drains waiting beats, then concludes. What is concluded is dispatched, unless the state has changed meanwhile. */
  async judge(state: ServiceState): Promise<void> {
    if (state.kind !== 'expired') return
    const { parts, policy } = this.#context
    await parts.drain()
    // A beat that waited in a socket has changed the state; so has an exit.
    const now = this.#context.state === state ? this.#sample(state.channel) : undefined
    if (now === undefined) return
    const heldSoFar = this.holds.soFar()
    const input: VerdictInput = { before: this.#before, now, limits: policy.holds, heldSoFar, starting: state.starting }
    const verdict: Verdict = state.triggered ? { kind: 'hung', hang: { kind: 'triggered' } } : judge(input)
    this.lastJudgement = { at: parts.clock.wallNow(), channel: state.channel, input, verdict }
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
    parts.clock.schedule(interval, () => this.#lookAtHold(state))
  }

  #lookAtHold(state: HeldState): void {
    const { parts, policy } = this.#context
    const subject = this.#context.subjectOf(state.channel)
    if (this.#context.state !== state || subject === undefined) return
    const reason = interruption(parts.platform.readProcess(subject))
    if (reason === undefined) this.#context.dispatch({ kind: 'holdCleared' })
    else if ((this.holds.soFar()[state.reason] ?? 0) < policy.holds[state.reason]) this.watchHold(state)
    else this.#context.dispatch({ kind: 'judgedHung', hang: { kind: 'held-too-long', reason: state.reason } })
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

  #sample(channel: string): Sample | undefined {
    const { parts } = this.#context
    const subject = this.#context.subjectOf(channel)
    if (subject === undefined) return undefined
    const at = parts.clock.now()
    return { at, process: parts.platform.readProcess(subject), machine: parts.platform.readMachine() }
  }
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
