import { type Clock, elapsed, type Instant, seconds } from '../time.js'

/** The same thing is reported at most this often. */
export const reportInterval = seconds(60)

interface Entry {
  /** Since the last report. */
  pending: number
  total: number
  reportedAt: Instant | undefined
}

/** Counts what may happen very often, and reports each kind of it at once, but then at most once a minute. */
export class RareReport<Kind extends string> {
  readonly #clock: Clock
  readonly #write: (kind: Kind, count: number, detail: string) => void
  readonly #entries = new Map<Kind, Entry>()

  constructor(clock: Clock, write: (kind: Kind, count: number, detail: string) => void) {
    this.#clock = clock
    this.#write = write
  }

  note(kind: Kind, detail: string): void {
    const entry = this.#entry(kind)
    entry.pending++
    entry.total++
    const now = this.#clock.now()
    if (entry.reportedAt !== undefined && elapsed(entry.reportedAt, now) < reportInterval) return
    const count = entry.pending
    entry.pending = 0
    entry.reportedAt = now
    this.#write(kind, count, detail)
  }

  /** All of each kind so far. */
  totals(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#entries].map(([kind, entry]) => [kind, entry.total]))
  }

  #entry(kind: Kind): Entry {
    const known = this.#entries.get(kind)
    if (known !== undefined) return known
    const made: Entry = { pending: 0, total: 0, reportedAt: undefined }
    this.#entries.set(kind, made)
    return made
  }
}
