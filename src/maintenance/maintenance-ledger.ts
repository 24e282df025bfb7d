import { randomBytes } from 'node:crypto'
import { describeError, HangdogError } from '../errors.js'
import type { StateDirectory } from '../state-directory.js'
import { type Clock, elapsed, type Instant, later, milliseconds, shorter, zero } from '../time.js'
import { mostMaintenances, type StoredMaintenance } from './ledger-file.js'
import { type LedgerChange, LedgerStore, ledgerPath } from './ledger-store.js'
import {
  checkRequest,
  describeAuthor,
  longestMaintenance,
  type MaintenanceRequest,
  type MaintenanceWindow,
  nameOf,
} from './window.js'

export interface MaintenanceLedgerOptions {
  readonly directory: Pick<StateDirectory, 'root'>
  readonly clock: Clock
  /** The services of this hangdog. Default: none. */
  readonly owns?: (service: string) => boolean
  /** Told what is wrong with the file, not twice in a row. Must not throw. */
  readonly troubled?: (problem: string) => void
}

/** A maintenance that was started by command. */
export interface CommandedMaintenance extends MaintenanceWindow {
  /** Undefined: every service. */
  readonly service: string | undefined
}

/** A maintenance that this process knows, and when it ends at the latest. */
interface Known {
  readonly stored: StoredMaintenance
  readonly ends: Instant
}

/**
 * The maintenances that were started by command. They are kept in one file, which all hangdogs of a state directory share (see
 * `LedgerStore`). The file is the truth: each change reads it and writes it whole, under a lock, and what another process changed is
 * seen at the next change or `refresh`. A hangdog takes out what has ended of its own services and of every service, and leaves what is
 * of services it does not have.
 *
 * A maintenance ends at its wall time, or when its span has passed on the monotonic clock since this process came to know it,
 * whichever comes first. So it outlives a restart, and ends during one. A clock that is set back does not make it longer; after a
 * restart it then lasts its whole span at most. One that is set forward makes it shorter: monitoring is on again, which is the safe side.
 */
export class MaintenanceLedger {
  readonly #store: LedgerStore
  readonly #clock: Clock
  readonly #owns: (service: string) => boolean
  #known: readonly Known[] = []
  #busy: Promise<unknown> = Promise.resolve()

  constructor({ directory, clock, owns, troubled }: MaintenanceLedgerOptions) {
    this.#store = new LedgerStore({ path: ledgerPath(directory), clock, troubled: troubled ?? (() => {}) })
    this.#clock = clock
    this.#owns = owns ?? (() => false)
  }

  /** Reads the file. Never rejects. @returns what ended by itself while no hangdog ran whose it was; it is taken out */
  async open(): Promise<readonly CommandedMaintenance[]> {
    await this.refresh()
    const ended = await this.sweep()
    return ended.map((stored) => this.#toWindow({ stored, ends: this.#clock.now() }))
  }

  /**
   * Starts a maintenance; resolves when it would survive a loss of power. Another one of the same service, or of every service, is
   * replaced. The same request within a few seconds gives the same: several hangdogs may be asked for one thing.
   * @throws HangdogError `usage` for a request that cannot be granted, `unavailable` when the file is locked or has no room, `data`
   * when it must not be written over, `create` or `permission` when it cannot be; nothing has changed then
   */
  async start(request: MaintenanceRequest): Promise<CommandedMaintenance> {
    checkRequest(request)
    const started = await this.#change(nameOf(request.service), (all) => {
      const now = this.#clock.wallNow()
      const same = all.find((each) => isSameRequest(each, request, now) && !this.#hasEnded(this.#toKnown(each)))
      if (same !== undefined) return { all, result: same }
      const made = toStored(request, now)
      const others = all.filter((each) => each.service !== request.service)
      return { all: [...makeRoom(others, now), made], result: made }
    })
    return this.#toWindow(this.#toKnown(started))
  }

  /** Stops what `start` with the same service began; others go on. @returns whether there was one @throws HangdogError as `start` */
  async stop(service: string | undefined): Promise<boolean> {
    return await this.#change(nameOf(service), (all) => {
      const stopped = all.filter((each) => each.service === service)
      const others = all.filter((each) => each.service !== service)
      return { all: others, result: stopped.some((each) => !this.#hasEnded(this.#toKnown(each))) }
    })
  }

  /** What holds a service now: its own maintenance or that of every service, the one that lasts longer. */
  active(service: string): CommandedMaintenance | undefined {
    let longest: Known | undefined
    for (const known of this.#known) {
      const isItsOwn = known.stored.service === undefined || known.stored.service === service
      if (!isItsOwn || this.#hasEnded(known)) continue
      if (longest === undefined || known.ends > longest.ends) longest = known
    }
    return longest === undefined ? undefined : this.#toWindow(longest)
  }

  /** All that go on, of the services of all hangdogs. */
  list(): readonly CommandedMaintenance[] {
    return this.#known.filter((known) => !this.#hasEnded(known)).map((known) => this.#toWindow(known))
  }

  /** Looks whether another process changed the file. Never rejects. @returns whether it may have */
  refresh(): Promise<boolean> {
    return this.#inTurn(async () => {
      const all = await this.#store.readIfChanged()
      if (all !== undefined) this.#adopt(all)
      return all !== undefined
    })
  }

  /** Takes out what has ended and is ours to take out. Never rejects. @returns what was taken out */
  async sweep(): Promise<readonly StoredMaintenance[]> {
    if (!this.#known.some((known) => this.#isOver(known))) return []
    try {
      return await this.#change('what has ended', (all) => {
        const over = all.filter((each) => this.#isOver(this.#toKnown(each)))
        return { all: all.filter((each) => !over.includes(each)), result: over }
      })
    } catch (error) {
      this.#store.report(`a maintenance that has ended stays in the file: ${describeError(error)}`)
      return []
    }
  }

  /** Resolves when nothing is read or written any more. Never rejects. */
  async close(): Promise<void> {
    await this.#busy
  }

  #isOver(known: Known): boolean {
    const { service } = known.stored
    return this.#hasEnded(known) && (service === undefined || this.#owns(service))
  }

  #hasEnded({ stored, ends }: Known): boolean {
    return this.#clock.now() >= ends || this.#clock.wallNow() >= stored.until
  }

  #toWindow({ stored, ends }: Known): CommandedMaintenance {
    const wall = this.#clock.wallNow().getTime()
    const byWall = milliseconds(Math.max(0, stored.until.getTime() - wall))
    const byClock = elapsed(this.#clock.now(), ends)
    const wasSetBack = byWall - byClock > roundingMs
    return {
      id: stored.id,
      service: stored.service,
      source: 'command',
      everyService: stored.service === undefined,
      since: stored.since,
      until: wasSetBack && byClock > 0 ? new Date(wall + byClock) : stored.until,
      remaining: shorter(byWall, byClock),
      reason: stored.reason,
      by: describeAuthor(stored.by),
    }
  }

  /** When a maintenance ends at the latest is settled when it is seen first. */
  #toKnown(stored: StoredMaintenance): Known {
    const known = this.#known.find((each) => each.stored.id === stored.id)
    if (known !== undefined) return known
    const left = stored.until.getTime() - this.#clock.wallNow().getTime()
    const span = left <= 0 ? zero : shorter(milliseconds(left), stored.span)
    return { stored, ends: later(this.#clock.now(), span) }
  }

  #adopt(all: readonly StoredMaintenance[]): void {
    this.#known = all.map((stored) => this.#toKnown(stored))
  }

  /** What is known changes only when what is stored did. */
  #change<T>(thing: string, change: LedgerChange<T>): Promise<T> {
    return this.#inTurn(async () => {
      const { all, result } = await this.#store.change(thing, change)
      this.#adopt(all)
      return result
    })
  }

  /** One after the other, so that what is known is always what one reading of the file said. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#busy.then(work)
    this.#busy = turn.catch(() => undefined)
    return turn
  }
}

/** The wall clock has whole milliseconds, the other one has not, and they are read one after the other. */
const roundingMs = 1000

/** Within which a request that says the same counts as the same one. */
const repeatMs = 10_000

function isSameRequest(stored: StoredMaintenance, request: MaintenanceRequest, now: Date): boolean {
  const { service, span, reason, by } = stored
  if (service !== request.service || span !== toSpan(request) || reason !== request.reason) return false
  if (by.uid !== request.author.uid || by.pid !== request.author.pid) return false
  return Math.abs(now.getTime() - stored.since.getTime()) <= repeatMs
}

function toStored(request: MaintenanceRequest, now: Date): StoredMaintenance {
  const { service, reason, author } = request
  const span = toSpan(request)
  const until = new Date(now.getTime() + span)
  return { id: randomBytes(8).toString('hex'), service, since: now, until, span, reason, by: author }
}

/** Wall times have whole milliseconds. */
function toSpan(request: MaintenanceRequest): StoredMaintenance['span'] {
  return milliseconds(Math.max(1, Math.round(request.for)))
}

/**
 * What ended long ago is of services that no hangdog has any more. Where there is no other room, whatever has ended makes some.
 * @throws HangdogError `unavailable` when all go on
 */
function makeRoom(all: readonly StoredMaintenance[], now: Date): readonly StoredMaintenance[] {
  for (const keptFor of [longestMaintenance, 0]) {
    const kept = all.filter(({ until }) => now.getTime() - until.getTime() < keptFor)
    if (kept.length < mostMaintenances) return kept
  }
  throw new HangdogError('unavailable', `cannot start a maintenance: there are ${mostMaintenances}, which is the most`)
}
