import { type Clock, type Instant, instant, type Milliseconds, milliseconds, zero } from '../time.js'

/**
 * A clock that only moves while this process runs. Every look at it is one tick of our own, worth at most `allowance`: when more
 * time than that has passed since the last look, we were stopped, suspended, paused or blocked, and the rest is not counted.
 *
 * No kernel clock can do this: CLOCK_MONOTONIC goes on during SIGSTOP, s2idle and many pauses of a virtual machine.
 */
export class AwakeClock {
  readonly #clock: Clock
  #lastLook: Instant
  #lost: Milliseconds = zero
  #unreported: Milliseconds = zero
  /** The longest gap between two looks that is counted in full. */
  allowance: Milliseconds

  constructor(clock: Clock, allowance: Milliseconds) {
    this.#clock = clock
    this.#lastLook = clock.now()
    this.allowance = allowance
  }

  now(): Instant {
    const now = this.#clock.now()
    const excess = now - this.#lastLook - this.allowance
    if (excess > 0) {
      this.#lost = milliseconds(this.#lost + excess)
      this.#unreported = milliseconds(this.#unreported + excess)
    }
    this.#lastLook = now
    return instant(now - this.#lost)
  }

  /** Nobody looked because there was nothing to look for: the gap up to now was no stall. */
  resume(): void {
    this.#lastLook = this.#clock.now()
  }

  /** What was not counted since this was last asked. */
  takeLost(): Milliseconds {
    const lost = this.#unreported
    this.#unreported = zero
    return lost
  }
}
