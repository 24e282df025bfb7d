import { type Clock, elapsed, fraction, type Instant, later, type Milliseconds, milliseconds } from '../time.js'

/** What one service may send. */
export interface FloodLimit {
  readonly lines: number
  readonly window: Milliseconds
}

/** 100,000 lines a second: thousands of times what a watchdog needs, and a fraction of what one core can read. */
export const defaultFloodLimit: FloodLimit = { lines: 2000, window: milliseconds(20) }

/**
 * Says when a service has sent more than its share and must wait. The clock is read once per `lines` lines, not per line, so that
 * counting costs an addition.
 */
export class FloodGate {
  readonly #clock: Clock
  readonly #limit: FloodLimit
  #lines = 0
  #windowStart: Instant

  constructor(clock: Clock, limit: FloodLimit) {
    this.#clock = clock
    this.#limit = limit
    this.#windowStart = clock.now()
  }

  /** Takes note of lines that came. @returns how long the service must wait; undefined when it need not */
  passed(lines: number): Milliseconds | undefined {
    this.#lines += lines
    return this.#lines < this.#limit.lines ? undefined : this.#judge()
  }

  #judge(): Milliseconds | undefined {
    const now = this.#clock.now()
    const owed = fraction(this.#limit.window, this.#lines / this.#limit.lines)
    const spent = elapsed(this.#windowStart, now)
    this.#lines = 0
    if (spent >= owed) {
      this.#windowStart = now
      return undefined
    }
    this.#windowStart = later(this.#windowStart, owed)
    return milliseconds(owed - spent)
  }
}
