import { describeError } from '../errors.js'
import type { Emit } from '../event/event.js'
import { type Clock, formatDuration, type Scheduled, seconds } from '../time.js'
import { withinLimit } from '../watch/bounded.js'
import type { Supervisor } from '../watch/supervisor.js'
import type { GapStore } from './gap-store.js'

export interface GapKeepingOptions {
  readonly supervisor: Pick<Supervisor, 'services' | 'gaps' | 'restoreGaps'>
  readonly store: GapStore
  readonly clock: Clock
  readonly emit: Emit
}

/** What is counted between two rounds is lost with a hangdog that is killed. */
const schedule = '*/10 * * * *'
const firstRound = seconds(600)

/** How long a hangdog that ends waits for its disk; what is not written by then is as old as the last round. */
const closeLimit = seconds(5)

/** Files written at the same time: one in the background, some when everybody waits for the end. */
const widthAtClose = 8

/**
 * Goes on with what was counted of the services that there are now, and keeps it on disk every ten minutes and at the end. To be
 * called before they are started. node-cron is loaded with the first round.
 */
export async function keepGaps(options: GapKeepingOptions): Promise<{ close(): Promise<void> }> {
  const { clock, emit } = options
  const names = options.supervisor.services.map(({ spec }) => spec.name)
  for (const name of names) await restore(name, options)
  let closed = false
  let task: { destroy(): void | Promise<void> } | undefined
  const round = (): Promise<void> => new Round(names, options).write(1)
  const first: Scheduled = clock.schedule(firstRound, async () => {
    await round()
    const { schedule: plan } = await import('node-cron')
    if (!closed) task = plan(schedule, round, { unref: true, noOverlap: true, suppressMissedWarning: true })
  })
  return {
    close: async () => {
      if (closed) return
      closed = true
      first.cancel()
      void task?.destroy()
      const last = new Round(names, options)
      const written = await withinLimit(last.write(widthAtClose), closeLimit, clock)
      if (written.kind === 'done') return
      const error = `not on disk within ${formatDuration(closeLimit)}`
      emit({ name: 'gaps-unwritten', parameters: { services: last.left, error } })
    },
  }
}

async function restore(service: string, { supervisor, store, emit }: GapKeepingOptions): Promise<void> {
  const stored = await store.read(service)
  if (stored.kind === 'kept') supervisor.restoreGaps(stored.records)
  if (stored.kind !== 'damaged') return
  const { file, reason } = stored
  // Where it cannot be moved, the next round writes over it: nobody could have used it.
  const aside = await store.setAside(file).catch((error: unknown) => `nothing (${describeError(error)})`)
  emit({ name: 'gaps-damaged', service, parameters: { file, reason, aside } })
}

/** Writes the files of all services once, one service after the other: the records of ten thousand are not to be in memory at once. */
class Round {
  /** Services that nothing has been tried for yet. */
  left: number
  readonly #names: readonly string[]
  readonly #options: GapKeepingOptions
  readonly #failures: unknown[] = []

  constructor(names: readonly string[], options: GapKeepingOptions) {
    this.left = names.length
    this.#names = names
    this.#options = options
  }

  /** Never rejects. @param width so many at the same time */
  async write(width: number): Promise<void> {
    const names = this.#names.values()
    await Promise.all(Array.from({ length: width }, () => this.#writeEach(names)))
    const [first] = this.#failures
    if (first === undefined) return
    const parameters = { services: this.#failures.length, error: describeError(first) }
    this.#options.emit({ name: 'gaps-unwritten', parameters })
  }

  async #writeEach(names: Iterable<string>): Promise<void> {
    const { supervisor, store } = this.#options
    for (const name of names) {
      try {
        const records = supervisor.gaps(name)
        if (records.some(({ total, hangs }) => total + hangs.total > 0)) await store.write(name, records)
      } catch (error) {
        this.#failures.push(error)
      }
      this.left--
    }
  }
}
