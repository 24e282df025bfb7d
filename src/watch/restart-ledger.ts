import type { ExitStatus } from '../platform/platform.js'
import { type Clock, elapsed, type Instant, type Milliseconds, milliseconds, shorter, zero } from '../time.js'
import type { RestartPolicy } from './policy.js'

/** How a run of a service ended. */
export type RunEnd =
  | { readonly kind: 'exited'; readonly status: ExitStatus }
  | { readonly kind: 'hung' }
  | { readonly kind: 'not-started' }

export type RestartDecision =
  | { readonly kind: 'restart'; readonly delay: Milliseconds; readonly failures: number }
  /** The policy does not restart after such an end. */
  | { readonly kind: 'leave'; readonly failures: number; readonly clean: boolean }
  | { readonly kind: 'exhausted'; readonly failures: number }

/** Up to this share is added to or taken from each delay, so that services that failed together do not return together. */
const jitter = 0.1

/**
 * Decides whether and when a service that ended is started again: exponential back-off with jitter, and a limit per period. The first
 * restart after a quiet period comes at once. (Failure actions in the sense of the SCM take this place when they come.)
 */
export class RestartLedger {
  readonly #clock: Clock
  readonly #random: () => number
  #restarts: Instant[] = []
  #failures = 0
  total = 0

  /** @param random as Math.random */
  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Unexpected ends since the last quiet period. */
  get failures(): number {
    return this.#failures
  }

  decide(policy: RestartPolicy, end: RunEnd): RestartDecision {
    const now = this.#clock.now()
    this.#restarts = this.#restarts.filter((at) => elapsed(at, now) < policy.period)
    if (this.#restarts.length === 0) this.#failures = 0
    const clean = isClean(end)
    if (!clean) this.#failures++
    if (policy.mode === 'never' || (policy.mode === 'on-failure' && clean)) {
      return { kind: 'leave', failures: this.#failures, clean }
    }
    if (this.#restarts.length >= policy.limit) return { kind: 'exhausted', failures: this.#failures }
    const delay = this.#delay(policy)
    this.#restarts.push(now)
    this.total++
    return { kind: 'restart', delay, failures: this.#failures }
  }

  #delay(policy: RestartPolicy): Milliseconds {
    const earlier = this.#restarts.length
    if (earlier === 0) return zero
    const full = shorter(milliseconds(policy.delay * 2 ** (earlier - 1)), policy.longestDelay)
    return milliseconds(full * (1 + jitter * (2 * this.#random() - 1)))
  }
}

function isClean(end: RunEnd): boolean {
  return end.kind === 'exited' && end.status.kind === 'code' && end.status.code === 0
}

export function describeExit(status: ExitStatus): string {
  switch (status.kind) {
    case 'code':
      return `exit code ${status.code}`
    case 'signal':
      return `ended by ${status.signal}`
    case 'unknown':
      return status.handedOver === true
        ? 'exit code unknown, as it had been handed over to (MAINPID) and was no child of hangdog'
        : 'exit code unknown, as another hangdog had started it'
    default:
      return status satisfies never
  }
}

/** How a run came to its end, for people. */
export function describeEnd(end: RunEnd): string {
  switch (end.kind) {
    case 'exited':
      return describeExit(end.status)
    case 'hung':
      return 'ended because it hung'
    case 'not-started':
      return 'could not be started'
    default:
      return end satisfies never
  }
}
