import { describeError } from '../errors.js'
import type { EventName } from '../event/catalogue.js'
import type { RecordedEvent } from '../event/event.js'
import {
  type Clock,
  formatDuration,
  type Instant,
  instant,
  later,
  type Milliseconds,
  milliseconds,
  shorter,
  zero,
} from '../time.js'
import { withinLimit } from '../watch/bounded.js'
import { type DrillFailed, type DrillStepName, StepFailure } from './drill-report.js'

/** An event of the canary, and when it was said on the machine's clock. */
export interface Sighting {
  readonly event: RecordedEvent
  readonly at: Instant
}

/**
 * After one of these the path has failed, and nothing is waited for any more. Some say which step it was, whatever is waited for just then.
 */
const contrary: ReadonlyMap<string, DrillStepName | undefined> = new Map<EventName, DrillStepName | undefined>([
  ['start-failed', undefined],
  ['start-hung', undefined],
  ['incident-unwritten', 'incident'],
  ['evidence-late', 'evidence'],
  ['terminate-failed', 'gone'],
  ['ended-unattended', 'restarted'],
  ['crash-loop', 'restarted'],
])

/** How often to look for what no event tells. */
const lookInterval = milliseconds(20)

/** Holds and stalls may delay a drill by this many limits in all: the core excuses a silence for them, and then no more. */
const mostExcuses = 2

export interface CanaryWatchParts {
  readonly canary: string
  readonly limit: Milliseconds
  readonly clock: Clock
  /** The machine's monotonic clock. */
  readonly machineTime: () => Instant
}

/** What is seen of one canary, and the patience with which it is waited for. */
export class CanaryWatch {
  readonly #parts: CanaryWatchParts
  readonly #seen: Sighting[] = []
  readonly #taken = new Set<Sighting>()
  #excused: Milliseconds = zero
  #end: { readonly reason: string; readonly kind: DrillFailed['kind'] } | undefined
  #wake: () => void = () => {}

  constructor(parts: CanaryWatchParts) {
    this.#parts = parts
  }

  /** Of the canary's hang. */
  get incident(): string | undefined {
    return this.#seen.find(({ event }) => event.incident !== undefined)?.event.incident
  }

  /** Takes note of an event; those of others are left alone, but for a stall of hangdog itself, which concerns all. */
  record(event: RecordedEvent): void {
    const { canary, limit } = this.#parts
    if (event.service !== canary && event.name !== 'supervisor-stalled') return
    const excuse = event.name === 'supervisor-stalled' || event.name === 'hold-started'
    if (excuse) this.#excused = shorter(milliseconds(this.#excused + limit), milliseconds(limit * mostExcuses))
    this.#seen.push({ event, at: this.#parts.machineTime() })
    this.#wake()
  }

  /** The drill is not to go on. What is waited for now fails with this reason. */
  end(kind: DrillFailed['kind'], reason: string): void {
    this.#end ??= { kind, reason }
    this.#wake()
  }

  /** The next event of that name, if it was said already. It stays the next one. @param since earlier ones do not count */
  find(name: EventName, since: Instant = instant(0)): Sighting | undefined {
    return this.#seen.find(
      (sighting) => sighting.event.name === name && sighting.at >= since && !this.#taken.has(sighting),
    )
  }

  /** The next event of that name. @throws StepFailure when it does not come within the limit */
  next(step: DrillStepName, name: EventName, limit: Milliseconds, since?: Instant): Promise<Sighting> {
    return this.until(step, limit, `the event "${name}"`, () => {
      const found = this.find(name, since)
      if (found !== undefined) this.#taken.add(found)
      return found
    })
  }

  /**
   * Looks again and again until there is something.
   * @param what is waited for, as the error names it
   * @throws StepFailure when there is nothing within the limit, or it is known that there will be nothing
   */
  async until<T>(
    step: DrillStepName,
    limit: Milliseconds,
    what: string,
    look: () => Promise<T | undefined> | T | undefined,
  ): Promise<T> {
    const { clock } = this.#parts
    const from = clock.now()
    for (;;) {
      if (this.#end !== undefined) throw new StepFailure(step, this.#end.reason, this.#end.kind)
      const looked = await withinLimit(this.#look(look), milliseconds(limit + this.#excused), clock)
      if (looked.kind === 'failed') throw new StepFailure(step, describeError(looked.error))
      if (looked.kind === 'done' && looked.value !== undefined) return looked.value
      const trouble = this.#seen.find(({ event }) => contrary.has(event.name))
      if (trouble !== undefined) throw new StepFailure(contrary.get(trouble.event.name) ?? step, trouble.event.message)
      if (clock.now() >= later(from, milliseconds(limit + this.#excused))) {
        throw new StepFailure(step, `${what} did not come within ${formatDuration(limit)}${this.#describeExcuses()}`)
      }
      await this.#news()
    }
  }

  async #look<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T | undefined> {
    return look()
  }

  #describeExcuses(): string {
    if (this.#excused === zero) return ''
    const names = this.#seen
      .map(({ event }) => event.name)
      .filter((name) => /^hold-started$|^supervisor-stalled$/.test(name))
    return `, nor within ${formatDuration(this.#excused)} more for holds (${[...new Set(names)].join(', ')})`
  }

  /** Resolves with the next event, and after a while without one. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.clock.schedule(lookInterval, resolve)
      this.#wake = () => {
        timer.cancel()
        resolve()
      }
    })
  }
}
