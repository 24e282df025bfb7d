import { describeError } from '../errors.js'
import { nextStart, parseDrillSchedule } from '../maintenance/schedule.js'
import { type Clock, milliseconds, type Scheduled, seconds, shorter } from '../time.js'

/** When drills of one service are held. */
export interface DrillAppointment {
  readonly service: string
  /** As DrillSchedule has it; the empty text stands for never. */
  readonly cron: string
  /** Whose clocks the expression is about; see `openTimeZone`. */
  readonly zone: string
}

export interface DrillRoundsParts {
  readonly clock: Clock
  /** Asked at `reconsider`. */
  readonly schedules: () => readonly DrillAppointment[]
  /** The time has come. Must return at once and not throw. */
  readonly due: (service: string) => void
  /** The schedule of this service cannot be kept; told once for each text. */
  readonly refused: (service: string, reason: string) => void
}

interface Round extends DrillAppointment {
  /** Undefined when there will be none. */
  readonly next: Date | undefined
}

/** The wall clock can be set, and stands still for no one who sleeps: it is looked at this often. */
const longestWait = seconds(60)

/**
 * Keeps the times of all scheduled drills, with one timer. What a schedule means is told by maintenance/schedule.ts. A time that passed
 * while the machine slept is made up for once; one from before hangdog was started is not.
 */
export class DrillRounds {
  readonly #parts: DrillRoundsParts
  #rounds: readonly Round[] = []
  #timer: Scheduled | undefined

  constructor(parts: DrillRoundsParts) {
    this.#parts = parts
  }

  /** Reads the schedules, for the first time or again. One that has not changed keeps the time it waits for. */
  reconsider(): void {
    const before = this.#rounds
    this.#rounds = this.#parts.schedules().map((appointment) => {
      const kept = before.find((round) => isSame(round, appointment))
      return kept ?? { ...appointment, next: this.#findNext(appointment) }
    })
    this.#wait()
  }

  /** The next drill of a service; undefined when there is none. */
  next(service: string): Date | undefined {
    return this.#rounds.find((round) => round.service === service)?.next
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#rounds = []
  }

  #wait(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    const times = this.#rounds.flatMap(({ next }) => (next === undefined ? [] : [next.getTime()]))
    if (times.length === 0) return
    const left = Math.max(0, Math.min(...times) - this.#parts.clock.wallNow().getTime())
    this.#timer = this.#parts.clock.schedule(shorter(milliseconds(left), longestWait), () => this.#look())
  }

  #look(): void {
    const now = this.#parts.clock.wallNow()
    const due = this.#rounds.filter(({ next }) => next !== undefined && next <= now)
    this.#rounds = this.#rounds.map((round) =>
      due.includes(round) ? { ...round, next: this.#findNext(round) } : round,
    )
    this.#wait()
    for (const { service } of due) this.#parts.due(service)
  }

  #findNext({ service, cron, zone }: DrillAppointment): Date | undefined {
    if (cron === '') return undefined
    try {
      return nextStart(parseDrillSchedule(cron), zone, this.#parts.clock.wallNow())
    } catch (error) {
      this.#parts.refused(service, describeError(error))
      return undefined
    }
  }
}

function isSame(a: DrillAppointment, b: DrillAppointment): boolean {
  return a.service === b.service && a.cron === b.cron && a.zone === b.zone
}
