import { type Clock, elapsed, type Instant } from '../time.js'

/** Reports that are kept: with one in five seconds, the last five minutes. */
const reportLimit = 60

/** What a service's preload said of its event loop. */
export interface LoopReport {
  /** How long ago it came in, in ms. */
  readonly agoMs: number
  /** Longest delay of the loop since the report before, in ms. */
  readonly lagMs: number
  /** Absent when an older preload speaks. */
  readonly heapUsedBytes?: number
  readonly heapLimitBytes?: number
}

/** Used and greatest size of V8's heap, in bytes. */
export interface HeapReport {
  readonly used: number
  readonly limit: number
}

interface Kept {
  readonly at: Instant
  readonly lagMs: number
  heap?: HeapReport
}

/** The last reports of one service's event loop. They are here, not in the service, so that they can be read while it hangs. */
export class LoopHistory {
  readonly #clock: Clock
  /** A ring: the oldest is overwritten. */
  readonly #kept: Kept[] = []
  #next = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  lagReported(lagMs: number): void {
    this.#kept[this.#next] = { at: this.#clock.now(), lagMs }
    this.#next = (this.#next + 1) % reportLimit
  }

  /** Belongs to the lag that was reported right before. */
  heapReported(heap: HeapReport): void {
    const last = this.#kept.at(this.#next - 1)
    if (last !== undefined) last.heap = heap
  }

  /** The oldest first. */
  reports(): readonly LoopReport[] {
    const now = this.#clock.now()
    const inOrder = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)]
    return inOrder.map(({ at, lagMs, heap }) => ({
      agoMs: Math.round(elapsed(at, now)),
      lagMs,
      ...(heap === undefined ? {} : { heapUsedBytes: heap.used, heapLimitBytes: heap.limit }),
    }))
  }
}
