import type { Milliseconds } from '../time.js'
import type { GapCounts } from './beat-gaps.js'

/**
 * Keeps countdowns. Every engine passes test/contract/countdown-engine.ts.
 *
 * Time is spent in the engine's own ticks: while the engine does not run (its process was stopped, the machine was suspended or
 * paused), at most a small share of the shortest limit is spent, however long that was.
 */
export interface CountdownEngine {
  readonly name: string
  /** Makes a countdown, disarmed. */
  create(listener: CountdownListener): Countdown
  /** Called after the engine noticed that it did not run; the listener decides what that means. */
  onStall(listener: (stall: Stall) => void): void
  /** Stops the engine; nothing is called any more. */
  close(): void
}

export interface CountdownListener {
  /** The warning point was passed without a reset. Called once per reset at most. */
  warningElapsed(): void
  /** The limit was passed without a reset. The countdown is disarmed when this is called. */
  limitElapsed(): void
}

/** One countdown: disarmed, or armed and running towards its limit. */
export interface Countdown {
  readonly armed: boolean
  /** Starts over with this limit. @param warningShare of the limit, between 0 and 1, at which the warning comes */
  arm(limit: Milliseconds, warningShare: number): void
  /**
   * Starts over with the present limit, and forgets the warning. The hot path: must not allocate; does nothing when disarmed.
   * @returns what `spent` was before
   */
  reset(): Milliseconds
  /** Moves the end further away by this much. Does nothing when disarmed. */
  extend(span: Milliseconds): void
  disarm(): void
  /** Until the limit; zero when disarmed. */
  remaining(): Milliseconds
  /** Since the last arm or reset, in the engine's own time; zero when disarmed. */
  spent(): Milliseconds
  /**
   * Takes over how far those beats were apart that the engine has heard by itself, and that nobody was told of, since this was last called.
   * Undefined when there were none, as in an engine that hears none.
   */
  takeTally?(): GapCounts | undefined
  /** Disarms for good and forgets the listener. */
  dispose(): void
}

/** A time in which the engine did not run. */
export interface Stall {
  /** How much of it was not counted. */
  readonly lost: Milliseconds
}
