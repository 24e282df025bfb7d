import { type Clock, elapsed, type Instant, seconds } from '../time.js'
import type { Emit } from './event.js'

/** Between two reports about the same sink, however often its trouble comes and goes. */
const reportPeriod = seconds(60)

/** Counts what a sink could not write, and says so: at once, then once a minute at most, and when it is over. */
export class LossReport {
  readonly #sink: string
  readonly #clock: Clock
  readonly #emit: Emit
  #lost = 0
  #reportedAt: Instant | undefined
  /** The present trouble was reported, so its end is to be reported too. */
  #open = false

  constructor(sink: string, clock: Clock, emit: Emit) {
    this.#sink = sink
    this.#clock = clock
    this.#emit = emit
  }

  /** Lost since the last trouble whose end was reported. */
  get lost(): number {
    return this.#lost
  }

  /** @param lost how many more events are lost for good; 0 while they are kept for another attempt */
  failed(error: string, lost: number): void {
    this.#lost += lost
    const now = this.#clock.now()
    if (this.#reportedAt !== undefined && elapsed(this.#reportedAt, now) < reportPeriod) return
    // Set first: the report is an event itself and may come back here.
    this.#reportedAt = now
    this.#open = true
    this.#emit({ name: 'sink-failed', parameters: { sink: this.#sink, error, count: this.#lost } })
  }

  /** Cheap when there was no trouble; may be called after each write. */
  worked(): void {
    if (!this.#open) return
    const count = this.#lost
    this.#open = false
    this.#lost = 0
    this.#emit({ name: 'sink-recovered', parameters: { sink: this.#sink, count } })
  }
}
