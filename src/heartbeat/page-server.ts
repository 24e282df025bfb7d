/** What keeps pages of shared memory: the native guard (src/platform/guard.ts). */
export interface PageKeeper {
  listen(listener: { pageBeaten(countdown: number): void }): void
  /** @throws HangdogError `unavailable` */
  openPage(lines: number): { readonly page: number; readonly file: number }
  /** No line of it may be bound. */
  closePage(page: number): void
  /** @throws HangdogError `unavailable` when there is no such line */
  bindLine(page: number, line: number, countdown: number): void
  unbindLine(countdown: number): void
  pageBeats(countdown: number): number
}

/** Gives each beat in shared memory that somebody needs to hear of to whom it belongs. */
export class PageServer {
  readonly keeper: PageKeeper
  readonly #beaten = new Map<number, () => void>()

  constructor(keeper: PageKeeper) {
    this.keeper = keeper
    keeper.listen({ pageBeaten: (countdown) => this.#beaten.get(countdown)?.() })
  }

  /** @throws HangdogError `unavailable` when there is no such line */
  bind(page: number, line: number, countdown: number, beaten: () => void): void {
    this.keeper.bindLine(page, line, countdown)
    this.#beaten.set(countdown, beaten)
  }

  unbind(countdown: number): void {
    this.#beaten.delete(countdown)
    this.keeper.unbindLine(countdown)
  }
}
