import {
  type Clock,
  type Instant,
  instant,
  later,
  type Milliseconds,
  milliseconds,
  type Scheduled,
} from '../../src/time.js'

interface Entry {
  readonly due: Instant
  readonly callback: () => void
  cancelled: boolean
}

/** A clock that moves only by hand. `advance` calls what falls due, in order; `jump` lets time pass while nothing runs. */
export class FakeClock implements Clock {
  #now = instant(1000)
  #wall = Date.UTC(2026, 0, 1)
  #entries: Entry[] = []
  scheduledCount = 0

  now(): Instant {
    return this.#now
  }

  wallNow(): Date {
    return new Date(this.#wall)
  }

  schedule(delay: Milliseconds, callback: () => void): Scheduled {
    this.scheduledCount++
    const entry: Entry = { due: later(this.#now, delay), callback, cancelled: false }
    this.#entries.push(entry)
    return {
      cancel: () => {
        entry.cancelled = true
      },
    }
  }

  get pending(): number {
    return this.#entries.filter((entry) => !entry.cancelled).length
  }

  /** Moves time, calling what falls due on the way at its own time. */
  advance(ms: number): void {
    const end = later(this.#now, milliseconds(ms))
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#move(Math.max(0, next.due - this.#now))
      this.#entries = this.#entries.filter((entry) => entry !== next)
      next.callback()
    }
    this.#move(end - this.#now)
  }

  /** As `advance`, but lets promises settle after each call, and in between in small steps. */
  async run(ms: number): Promise<void> {
    const end = later(this.#now, milliseconds(ms))
    await settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.advance(Math.max(0, next.due - this.#now))
      await settle()
    }
    this.advance(end - this.#now)
    await settle()
  }

  /** Time passes while this process is stopped: nothing is called until the next `advance`. */
  jump(ms: number): void {
    this.#move(ms)
  }

  /** The operator sets the wall clock. */
  stepWall(ms: number): void {
    this.#wall += ms
  }

  #next(end: Instant): Entry | undefined {
    this.#entries = this.#entries.filter((entry) => !entry.cancelled)
    return this.#entries.filter((entry) => entry.due <= end).sort((a, b) => a.due - b.due)[0]
  }

  #move(ms: number): void {
    this.#now = later(this.#now, milliseconds(ms))
    this.#wall += ms
  }
}

/** Lets everything that is ready in the microtask and immediate queues happen. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
