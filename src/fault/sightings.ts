import type { EventName } from '../event/catalogue.js'
import type { EventSink, RecordedEvent } from '../event/event.js'

/** An event, and when it was said, in ms of this process's monotonic clock. */
export interface Sighting {
  readonly event: RecordedEvent
  readonly atMs: number
}

/** Remembers the events of a trial, and lets it wait for what has to come. */
export class Sightings implements EventSink {
  readonly #seen: Sighting[] = []
  readonly #tell: (event: RecordedEvent) => void
  #wake: () => void = () => {}

  /** @param tell is given each event at once */
  constructor(tell: (event: RecordedEvent) => void) {
    this.#tell = tell
  }

  record(event: RecordedEvent): void {
    this.#seen.push({ event, atMs: performance.now() })
    this.#tell(event)
    this.#wake()
  }

  flush(): Promise<void> {
    return Promise.resolve()
  }

  /** The first event that has one of the names. */
  find(...names: readonly EventName[]): Sighting | undefined {
    return this.#seen.find(({ event }) => names.some((name) => name === event.name))
  }

  /** Of the hang. */
  get incident(): string | undefined {
    return this.#seen.find(({ event }) => event.incident !== undefined)?.event.incident
  }

  /** Waits for one of the names. @returns undefined when none came within the limit, or the signal was aborted */
  async next(names: readonly EventName[], limitMs: number, signal: AbortSignal): Promise<Sighting | undefined> {
    const end = performance.now() + limitMs
    for (;;) {
      const found = this.find(...names)
      if (found !== undefined || signal.aborted || performance.now() >= end) return found
      await this.#news(end - performance.now(), signal)
    }
  }

  #news(limitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, limitMs)
      signal.addEventListener('abort', wake)
      this.#wake = wake
    })
  }
}
