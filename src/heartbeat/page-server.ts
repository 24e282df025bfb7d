import { type Clock, elapsed, type Instant, type Milliseconds, milliseconds, type Scheduled, seconds } from '../time.js'

/** What keeps pages of shared memory: the native guard (src/platform/guard.ts). */
export interface PageKeeper {
  listen(listener: { pageBeaten(countdown: number, silent: Milliseconds | undefined): void }): void
  /** @throws HangdogError `unavailable` */
  openPage(lines: number): { readonly page: number; readonly file: number }
  /** No line of it may be bound. */
  closePage(page: number): void
  /** @param pid whose beats count; 0 for anybody's @throws HangdogError `unavailable` when there is no such line */
  bindLine(page: number, line: number, countdown: number, pid: number): void
  unbindLine(countdown: number): void
  /** As the service counts its beats; `spent` is since the last, `beater` the process that opened the page, 0 for none. */
  pageReading(countdown: number): { readonly beats: number; readonly spent: Milliseconds; readonly beater: number }
}

/** Who a line belongs to. */
export interface LineOwner {
  /** There was a beat that somebody has to hear of. @param silent the time from the one before, where that is known */
  beaten(silent: Milliseconds | undefined): void
  /** So many beats of which nobody had to hear were that far apart, on average. */
  gapsSeen(gap: Milliseconds, count: number): void
  /** Another process than the one whose beats count has opened the page; told at each look, once a second. */
  openedByOther(pid: number): void
  /** Whose beats count; 0 for anybody's. */
  readonly pid: number
}

/**
 * How often the counts of quiet beats are read, so that their gaps are known: one that is longer is known exactly, shorter ones are averaged
 * over this time.
 */
const lookInterval = seconds(1)

interface Line {
  readonly owner: LineOwner
  /** As of the last look; undefined before it, and when a beat was told since, which has counted its gap itself. */
  last: { readonly beats: number; readonly beatAt: Milliseconds } | undefined
}

/** Gives each beat in shared memory that somebody needs to hear of to whom it belongs, and sums up the others. */
export class PageServer {
  readonly keeper: PageKeeper
  readonly #clock: Clock
  readonly #openedAt: Instant
  readonly #lines = new Map<number, Line>()
  #timer: Scheduled | undefined

  constructor(keeper: PageKeeper, clock: Clock) {
    this.keeper = keeper
    this.#clock = clock
    this.#openedAt = clock.now()
    keeper.listen({ pageBeaten: (countdown, silent) => this.#beaten(countdown, silent) })
  }

  /** @throws HangdogError `unavailable` when there is no such line */
  bind(page: number, line: number, countdown: number, owner: LineOwner): void {
    this.keeper.bindLine(page, line, countdown, owner.pid)
    this.#lines.set(countdown, { owner, last: undefined })
    this.#timer ??= this.#clock.schedule(lookInterval, () => this.#look())
  }

  unbind(countdown: number): void {
    this.#lines.delete(countdown)
    this.keeper.unbindLine(countdown)
    if (this.#lines.size === 0) this.close()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #beaten(countdown: number, silent: Milliseconds | undefined): void {
    const line = this.#lines.get(countdown)
    if (line === undefined) return
    line.last = undefined
    line.owner.beaten(silent)
  }

  #look(): void {
    const now = elapsed(this.#openedAt, this.#clock.now())
    for (const [countdown, line] of this.#lines) {
      const { beats, spent, beater } = this.keeper.pageReading(countdown)
      const { last, owner } = line
      if (owner.pid !== 0 && beater !== 0 && beater !== owner.pid) owner.openedByOther(beater)
      const count = last === undefined ? 0 : beats - last.beats
      if (last !== undefined && count === 0) continue
      const beatAt = milliseconds(Math.max(0, now - spent))
      line.last = { beats, beatAt }
      if (last !== undefined && count > 0 && beatAt > last.beatAt)
        line.owner.gapsSeen(milliseconds((beatAt - last.beatAt) / count), count)
    }
    this.#timer = this.#clock.schedule(lookInterval, () => this.#look())
  }
}
