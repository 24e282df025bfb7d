import { HangdogError } from '../errors.js'
import {
  type Clock,
  elapsed,
  type Instant,
  later,
  type Milliseconds,
  milliseconds,
  type Scheduled,
  seconds,
  shorter,
  zero,
} from '../time.js'
import type { MaintenanceLedger } from './maintenance-ledger.js'
import { type OpenWindow, ScheduleBook, type ScheduleText } from './schedule-book.js'
import {
  type MaintenanceRequest,
  type MaintenanceStopped,
  type MaintenanceWindow,
  type ServiceMaintenance,
  toWindowRecord,
} from './window.js'

/** Told what becomes of services, each at once and once. Must not throw. */
export interface MaintenanceListener {
  /** From now on its silence is not judged. Also after a start of hangdog in the middle of a maintenance. */
  maintenanceStarted(service: string, window: MaintenanceWindow): void
  /** It is still held, now by another window: one that was replaced, extended, or outlasted by another. */
  maintenanceChanged(service: string, window: MaintenanceWindow): void
  /**
   * Its silence is judged again. By itself: also when its end was missed because no hangdog ran; then there was no start before.
   * @param window what held it
   */
  maintenanceEnded(service: string, window: MaintenanceWindow, how: 'ended-by-itself' | 'stopped'): void
}

export interface MaintenanceKeeperOptions {
  readonly clock: Clock
  readonly ledger: MaintenanceLedger
  readonly services: readonly string[]
  /** The schedule of a service; read at each look, so it should cost little. */
  readonly schedules: (service: string) => ScheduleText | undefined
  readonly listener: MaintenanceListener
  /** Told of a schedule that cannot be used. Must not throw. */
  readonly troubled?: (problem: string) => void
}

/**
 * How often to look at least. It bounds how late a step of the wall clock, the end of a suspend, and what another process changed
 * in the file of maintenances are noticed.
 */
const lookEvery = seconds(60)

/**
 * Ends that are no further apart count as the same: the two clocks are read one after the other and rounded, and hangdogs that share a
 * maintenance do not notice its end at the same time.
 */
const alike = seconds(1)

/** A timer that comes a little early would otherwise be set again and again. */
const shortestWait = milliseconds(1)

/** Knows which services are in maintenance, by command or by schedule, and says when that changes. */
export class MaintenanceKeeper {
  readonly #options: MaintenanceKeeperOptions
  readonly #clock: Clock
  readonly #ledger: MaintenanceLedger
  readonly #book: ScheduleBook
  readonly #held = new Map<string, Held>()
  /** Those that a command is about to end. */
  readonly #stopping = new Set<string>()
  #timer: Scheduled | undefined
  #isOpen = false

  constructor(options: MaintenanceKeeperOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#ledger = options.ledger
    this.#book = new ScheduleBook(options.clock, options.troubled ?? (() => {}))
  }

  /** Tells what ended while no hangdog ran, then what goes on. To be awaited before services are started. Never rejects. */
  async open(): Promise<void> {
    const ended = await this.#ledger.open()
    this.#isOpen = true
    for (const window of ended) {
      for (const service of this.#concerned(window.service)) {
        this.#options.listener.maintenanceEnded(service, window, 'ended-by-itself')
      }
    }
    this.reconsider()
  }

  /** Looks again at once, as after a change of a property. */
  reconsider(): void {
    if (!this.#isOpen) return
    this.#timer?.cancel()
    const wait = this.#look()
    this.#timer = this.#clock.schedule(wait, () => this.#timeCame())
  }

  /** What holds a service, as of the last look. */
  active(service: string): MaintenanceWindow | undefined {
    const held = this.#held.get(service)
    return held && { ...held.window, remaining: elapsed(this.#clock.now(), held.ends) }
  }

  /**
   * Starts a maintenance by command; resolves when it is in force and would survive a loss of power.
   * @returns those that it is for @throws HangdogError `usage` for an unknown service, otherwise as `MaintenanceLedger.start`
   */
  async start(request: MaintenanceRequest): Promise<readonly ServiceMaintenance[]> {
    this.#checkService(request.service)
    await this.#ledger.start(request)
    this.reconsider()
    return this.#statusOf(request.service)
  }

  /** Stops what `start` with the same service began. @throws HangdogError as `start` */
  async stop(service: string | undefined): Promise<MaintenanceStopped> {
    this.#checkService(service)
    const stopped = await this.#stopNow(service)
    return { stopped, services: this.#statusOf(service) }
  }

  /** What a command ends was stopped, however little was left of it. */
  async #stopNow(service: string | undefined): Promise<boolean> {
    const windows = this.#ledger.list().filter((window) => window.service === service)
    for (const { id } of windows) this.#stopping.add(id)
    try {
      const stopped = await this.#ledger.stop(service)
      this.reconsider()
      return stopped
    } finally {
      for (const { id } of windows) this.#stopping.delete(id)
    }
  }

  /** Of all services, by what the file says now: another process may have changed it a moment ago. Never rejects. */
  async status(): Promise<readonly ServiceMaintenance[]> {
    await this.#ledger.refresh()
    this.reconsider()
    return this.#statusOf(undefined)
  }

  /** Services stay as they are. Resolves when nothing is written any more. Never rejects. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#timer?.cancel()
    await this.#ledger.close()
  }

  #timeCame(): void {
    this.reconsider()
    void this.#ledger.refresh().then(async (changed) => {
      if (!this.#isOpen) return
      if (changed) this.reconsider()
      await this.#ledger.sweep()
    })
  }

  /** @returns how long nothing can change by itself */
  #look(): Milliseconds {
    const commanded = new Map(this.#ledger.list().map((window) => [window.service, window]))
    let wait = lookEvery
    for (const service of this.#options.services) {
      const { window: scheduled, next } = this.#lookAtSchedule(service)
      const windows = [commanded.get(service), commanded.get(undefined), scheduled]
      const window = longest(windows, this.#held.get(service)?.window)
      this.#compare(service, window)
      if (window !== undefined) wait = shorter(wait, window.remaining)
      if (next !== undefined) wait = shorter(wait, this.#until(next))
    }
    return wait > shortestWait ? wait : shortestWait
  }

  #lookAtSchedule(service: string): {
    readonly window: MaintenanceWindow | undefined
    readonly next: Date | undefined
  } {
    const written = this.#options.schedules(service)
    if (written === undefined) return { window: undefined, next: undefined }
    const { window, next } = this.#book.look(written)
    return { window: window && toWindow(window, written), next }
  }

  #compare(service: string, window: MaintenanceWindow | undefined): void {
    const before = this.#held.get(service)
    if (before?.window.id === window?.id) return
    const { listener } = this.#options
    if (window !== undefined) {
      this.#held.set(service, { window, ends: later(this.#clock.now(), window.remaining) })
      if (before === undefined) listener.maintenanceStarted(service, window)
      else listener.maintenanceChanged(service, window)
    } else if (before !== undefined) {
      this.#held.delete(service)
      listener.maintenanceEnded(service, before.window, this.#isOver(before) ? 'ended-by-itself' : 'stopped')
    }
  }

  #isOver({ window, ends }: Held): boolean {
    // Another hangdog, or a rounded clock, may have taken out what was about to end; our own command has not.
    const rest = this.#stopping.has(window.id) ? zero : alike
    return elapsed(this.#clock.now(), ends) <= rest || this.#until(window.until) <= rest
  }

  #until(wall: Date): Milliseconds {
    return milliseconds(Math.max(0, wall.getTime() - this.#clock.wallNow().getTime()))
  }

  #statusOf(service: string | undefined): readonly ServiceMaintenance[] {
    return this.#concerned(service).map((name) => {
      const window = this.active(name)
      const { next } = this.#lookAtSchedule(name)
      return { service: name, window: window ? toWindowRecord(window) : null, nextStart: next?.toISOString() ?? null }
    })
  }

  #concerned(service: string | undefined): readonly string[] {
    const { services } = this.#options
    return service === undefined ? services : services.filter((name) => name === service)
  }

  #checkService(service: string | undefined): void {
    const { services } = this.#options
    if (service === undefined || services.includes(service)) return
    throw new HangdogError('usage', `cannot find service "${service}": expected one of ${services.join(', ')}`)
  }
}

interface Held {
  readonly window: MaintenanceWindow
  readonly ends: Instant
}

function toWindow(window: OpenWindow, { text }: ScheduleText): MaintenanceWindow {
  return {
    ...window,
    id: `${window.since.toISOString()} ${text}`,
    source: 'schedule',
    everyService: false,
    reason: text,
    by: 'MaintenanceSchedule',
  }
}

/** The one that lasts longest. What holds already goes on to hold beside one that ends at the same time, give or take the rounding. */
function longest(
  windows: readonly (MaintenanceWindow | undefined)[],
  held: MaintenanceWindow | undefined,
): MaintenanceWindow | undefined {
  let found = windows.find((window) => window !== undefined && window.id === held?.id)
  for (const window of windows) {
    if (window === undefined) continue
    if (found === undefined || window.remaining > found.remaining + alike) found = window
  }
  return found
}
