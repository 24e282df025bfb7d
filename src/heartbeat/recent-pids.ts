import { type Clock, elapsed, type Instant, type Milliseconds } from '../time.js'

const most = 1024

/** Remembers process numbers for a while, from when each was first added. They are used again, so that it should not be long. */
export class RecentPids {
  readonly #clock: Clock
  readonly #span: Milliseconds
  /** The oldest first. */
  readonly #since = new Map<number, Instant>()

  constructor(clock: Clock, span: Milliseconds) {
    this.#clock = clock
    this.#span = span
  }

  add(pid: number): void {
    if (this.has(pid)) return
    const [oldest] = this.#since.keys()
    if (oldest !== undefined && this.#since.size >= most) this.#since.delete(oldest)
    this.#since.set(pid, this.#clock.now())
  }

  has(pid: number): boolean {
    const since = this.#since.get(pid)
    if (since === undefined) return false
    if (elapsed(since, this.#clock.now()) <= this.#span) return true
    this.#since.delete(pid)
    return false
  }

  delete(pid: number): void {
    this.#since.delete(pid)
  }

  clear(): void {
    this.#since.clear()
  }
}
