import { type Clock, elapsed, type Instant, seconds } from '../time.js'

/** A near miss is news again after this time … */
const toldAtLeastEvery = seconds(3600)
/** … or when it exceeds all before it by this factor: maxima that creep up would be told one by one otherwise. */
const newMaximum = 1.1

/** Decides which near misses of a service are worth an event, and counts the others. */
export class NearMissLedger {
  /** All that there were. */
  count = 0
  readonly #clock: Clock
  #untold = 0
  #told: { readonly at: Instant; readonly percent: number } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns how many there were since the last that was told, this one included; undefined when this one is not to be told */
  happened(percent: number): number | undefined {
    this.count++
    this.#untold++
    const now = this.#clock.now()
    const told = this.#told
    const isNews =
      told === undefined || percent > told.percent * newMaximum || elapsed(told.at, now) >= toldAtLeastEvery
    if (!isNews) return undefined
    const count = this.#untold
    this.#untold = 0
    this.#told = { at: now, percent: Math.max(percent, told?.percent ?? 0) }
    return count
  }
}
