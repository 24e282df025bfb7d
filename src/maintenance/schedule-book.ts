import { describeError } from '../errors.js'
import { type Clock, elapsed, type Instant, later, type Milliseconds, milliseconds, shorter } from '../time.js'
import {
  isWithin,
  type MaintenanceSchedule,
  nextStart,
  parseMaintenanceSchedule,
  type ScheduledWindow,
} from './schedule.js'
import { openTimeZone } from './time-zone.js'

/** A schedule as it is set: both texts are property values. */
export interface ScheduleText {
  /** Empty for no schedule. */
  readonly text: string
  /** Name of a time zone; empty for that of the machine. */
  readonly zone: string
}

/** A window that has started and not ended. */
export interface OpenWindow extends ScheduledWindow {
  readonly remaining: Milliseconds
}

/** What a schedule says of the present. */
export interface ScheduleState {
  readonly window: OpenWindow | undefined
  /** When the next window starts; also while one is open. */
  readonly next: Date | undefined
}

/**
 * Answers what schedules say of the present. Many services have the same schedule, and it changes its answer seldom: so each is worked
 * out once, until the answer changes or the wall clock is set back.
 *
 * A window ends at its wall time, or when its length has passed on the monotonic clock, whichever comes first: a clock that is set
 * back neither makes the latest window longer nor opens it again.
 */
export class ScheduleBook {
  readonly #clock: Clock
  readonly #troubled: (problem: string) => void
  readonly #pages = new Map<string, Page>()

  /** @param troubled told of a schedule that cannot be used, once; it holds nothing. Must not throw. */
  constructor(clock: Clock, troubled: (problem: string) => void) {
    this.#clock = clock
    this.#troubled = troubled
  }

  look(written: ScheduleText): ScheduleState {
    if (written.text === '') return idle
    const page = this.#find(written)
    if (page.schedule === undefined) return idle
    const wall = this.#clock.wallNow().getTime()
    if (wall < page.from || wall >= page.to) this.#turn(page, page.schedule, wall)
    const { window, latest, next } = page
    if (window === undefined || latest === undefined) return { window: undefined, next }
    const left = shorter(milliseconds(window.until.getTime() - wall), elapsed(this.#clock.now(), latest.ends))
    return { window: left === 0 ? undefined : { ...window, remaining: left }, next }
  }

  #find({ text, zone }: ScheduleText): Page {
    const key = `${zone} ${text}`
    const known = this.#pages.get(key)
    if (known !== undefined) return known
    const schedule = this.#parse(text, zone)
    const page: Page = { zone, schedule, from: 0, to: 0, window: undefined, latest: undefined, next: undefined }
    if (this.#pages.size >= mostPages) this.#pages.clear()
    this.#pages.set(key, page)
    return page
  }

  #parse(text: string, zone: string): MaintenanceSchedule | undefined {
    try {
      openTimeZone(zone)
      return parseMaintenanceSchedule(text)
    } catch (error) {
      this.#troubled(describeError(error))
      return undefined
    }
  }

  #turn(page: Page, schedule: MaintenanceSchedule, wall: number): void {
    const window = isWithin(schedule, page.zone, new Date(wall))
    const next = nextStart(schedule, page.zone, new Date(wall))
    if (window !== undefined && window.since.getTime() !== page.latest?.since.getTime()) {
      const left = milliseconds(window.until.getTime() - wall)
      page.latest = { since: window.since, ends: later(this.#clock.now(), left) }
    }
    page.window = window
    page.next = next
    page.from = wall
    page.to = Math.min(window?.until.getTime() ?? Infinity, next?.getTime() ?? Infinity)
  }
}

const idle: ScheduleState = { window: undefined, next: undefined }

/** Many more than there are schedules; texts that are no longer set are forgotten with all others. */
const mostPages = 20_000

/** One schedule, and its answer while `from` <= wall time < `to`, in milliseconds since 1970. */
interface Page {
  readonly zone: string
  /** Undefined when it cannot be used. */
  readonly schedule: MaintenanceSchedule | undefined
  from: number
  to: number
  window: ScheduledWindow | undefined
  /** The window that was open last, and when it ends on the monotonic clock. */
  latest: { readonly since: Date; readonly ends: Instant } | undefined
  next: Date | undefined
}
