import { describeError } from '../errors.js'
import type { Emit } from '../event/event.js'
import {
  type Clock,
  elapsed,
  fraction,
  type Instant,
  longer,
  type Milliseconds,
  milliseconds,
  type Scheduled,
  seconds,
  shorter,
  zero,
} from '../time.js'
import type { BeatReceiver } from '../watch/sign-of-life.js'
import { RareReport } from './rare-report.js'
import type { HeartbeatSource, ProbeTiming, StartedProcess } from './source.js'

/** A way to ask from outside whether a service is well. */
export interface Probe {
  readonly description: string
  /** The service was started anew; what was learnt about the last run is void. */
  serviceStarted?(process: StartedProcess): void
  /** Asks once. Must settle within about `timeout`, by itself; may reject. */
  look(timeout: Milliseconds): Promise<ProbeOutcome>
}

export type ProbeOutcome =
  | { readonly kind: 'success' }
  /** Nothing new: neither a beat nor worth a report. */
  | { readonly kind: 'silence' }
  | { readonly kind: 'failure'; readonly reason: string }
  /** hangdog itself could not ask (no descriptors, no memory): nothing is known about the service. */
  | { readonly kind: 'not-asked'; readonly reason: string }

export const success: ProbeOutcome = { kind: 'success' }

export function failure(reason: string): ProbeOutcome {
  return { kind: 'failure', reason }
}

const shortestInterval = milliseconds(20)
const longestInterval = seconds(10)

/** Until the first success of a run, looks come at least this often, so that the countdown is armed soon. */
const startInterval = seconds(1)

/** A service that starts answers no probe yet; only after this long without a success is that worth an event. */
const startGrace = seconds(10)

/** So often in a row hangdog excuses a service because it could not ask; a machine that bad has to be acted on as well. */
const longestNotAsked = 10

/** A third of the limit each, so that one failed look does not use it up. */
export function defaultTiming(limit: Milliseconds): ProbeTiming {
  const interval = longer(shortestInterval, shorter(longestInterval, fraction(limit, 1 / 3)))
  return { interval, timeout: interval }
}

export interface ProbeSurroundings {
  readonly receiver: BeatReceiver
  readonly clock: Clock
  readonly emit: Emit
  /** Asked before each look, so that a changed limit takes effect at once. */
  readonly timing: () => ProbeTiming
}

/** Runs a probe at its interval while the service runs. Never two looks at once: one that does not come back is silence. */
export class ProbeSource implements HeartbeatSource {
  readonly description: string
  readonly slowestPace = zero
  readonly #probe: Probe
  readonly #surroundings: ProbeSurroundings
  readonly #report: RareReport<'probes-failed'>
  #run: Run | undefined
  #looking = false
  #successes = 0

  constructor(probe: Probe, surroundings: ProbeSurroundings) {
    const { clock, emit, receiver } = surroundings
    this.description = probe.description
    this.#probe = probe
    this.#surroundings = surroundings
    this.#report = new RareReport(clock, (_, count, reason) => {
      const parameters = { probe: probe.description, reason, count }
      emit({ name: 'probe-failed', service: receiver.service, parameters })
    })
  }

  environment(): Readonly<Record<string, string>> {
    return {}
  }

  serviceStarted(process: StartedProcess): void {
    this.serviceEnded()
    this.#probe.serviceStarted?.(process)
    const run: Run = { startedAt: this.#surroundings.clock.now(), succeeded: false, quietFailures: 0, notAsked: 0 }
    this.#run = run
    this.#plan(run)
  }

  serviceEnded(): void {
    this.#run?.next?.cancel()
    this.#run = undefined
  }

  /** The next look must not come at the pace of the old limit. */
  limitChanged(): void {
    const run = this.#run
    run?.next?.cancel()
    if (run !== undefined) this.#plan(run)
  }

  async close(): Promise<void> {
    this.serviceEnded()
  }

  counters(): Readonly<Record<string, number>> {
    const quiet = this.#run?.quietFailures ?? 0
    const failed = (this.#report.totals()['probes-failed'] ?? 0) + quiet
    return { 'probes-succeeded': this.#successes, 'probes-failed': failed }
  }

  #plan(run: Run): void {
    const { interval } = this.#surroundings.timing()
    run.next = this.#surroundings.clock.schedule(run.succeeded ? interval : shorter(interval, startInterval), () => {
      this.#plan(run)
      if (!this.#looking) void this.#look(run)
    })
  }

  async #look(run: Run): Promise<void> {
    const { clock, timing } = this.#surroundings
    const { timeout } = timing()
    this.#looking = true
    let late = false
    // A probe keeps to its limit by itself, but a file system that hangs lets nobody go.
    const watch = clock.schedule(milliseconds(timeout * 2), () => {
      late = true
      this.#settled(run, failure(`no answer within ${Math.round(timeout)} ms`))
    })
    const outcome = await this.#probe.look(timeout).catch((error: unknown) => failure(describeError(error)))
    watch.cancel()
    this.#looking = false
    if (!late) this.#settled(run, outcome)
  }

  #settled(run: Run, outcome: ProbeOutcome): void {
    // What was asked of the last run says nothing about this one.
    if (run !== this.#run) return
    const { clock, receiver } = this.#surroundings
    if (outcome.kind === 'silence') return
    run.notAsked = outcome.kind === 'not-asked' ? run.notAsked + 1 : 0
    if (outcome.kind === 'not-asked' && run.notAsked <= longestNotAsked) {
      // Time in which hangdog could not ask is no silence of the service; there is time for two more tries.
      receiver.signOfLife({ kind: 'extend', span: milliseconds(2 * this.#surroundings.timing().interval) })
    }
    if (outcome.kind === 'success') {
      run.succeeded = true
      this.#successes++
      receiver.contact()
      receiver.beat()
    } else if (run.succeeded || elapsed(run.startedAt, clock.now()) >= startGrace) {
      this.#report.note('probes-failed', outcome.reason)
    } else {
      run.quietFailures++
    }
  }
}

interface Run {
  readonly startedAt: Instant
  succeeded: boolean
  quietFailures: number
  /** Times in a row that hangdog itself could not ask. */
  notAsked: number
  next?: Scheduled
}
