import { type Clock, type Milliseconds, seconds } from '../time.js'
import { type Emit, type EventSink, type RecordedEvent, toRecord } from './event.js'
import { LossReport } from './loss-report.js'

export interface EventLogOptions {
  readonly clock: Clock
  /** Each gets every event, in this order. More can be added later, because a sink may need `emit` to report its own trouble. */
  readonly sinks: readonly EventSink[]
  /** How long flush and close wait for the sinks in all. Default 2 s. */
  readonly flushTimeout?: Milliseconds
}

/** Where events go from the one hook of the core. */
export interface EventLog {
  readonly emit: Emit
  add(sink: EventSink): void
  /** The last 200 events, oldest first. */
  recent(): readonly RecordedEvent[]
  /** Resolves when every sink has what was emitted so far or cannot have it, and after the time limit at the latest. Never rejects. */
  flush(): Promise<void>
  /** Flushes, and closes the sinks that can be closed. Events that are emitted later are only kept in memory. Never rejects. */
  close(): Promise<void>
}

const recentLimit = 200

export function createEventLog(options: EventLogOptions): EventLog {
  return new FanOut(options)
}

interface Outlet {
  readonly sink: EventSink & { close?(): Promise<void> }
  readonly losses: LossReport
}

class FanOut implements EventLog {
  readonly #clock: Clock
  readonly #flushTimeout: Milliseconds
  readonly #recent: RecordedEvent[] = []
  #outlets: readonly Outlet[] = []

  constructor({ clock, sinks, flushTimeout }: EventLogOptions) {
    this.#clock = clock
    this.#flushTimeout = flushTimeout ?? seconds(2)
    for (const sink of sinks) this.add(sink)
  }

  readonly emit: Emit = (event) => {
    const record = toRecord(event, this.#clock.wallNow())
    if (this.#recent.push(record) > recentLimit) this.#recent.shift()
    for (const { sink, losses } of this.#outlets) {
      try {
        sink.record(record)
        losses.worked()
      } catch (error) {
        losses.failed(`internal error: ${String(error)}`, 1)
      }
    }
  }

  add(sink: EventSink): void {
    const losses = new LossReport(`sink ${this.#outlets.length + 1}`, this.#clock, this.emit)
    this.#outlets = [...this.#outlets, { sink, losses }]
  }

  recent(): readonly RecordedEvent[] {
    return [...this.#recent]
  }

  flush(): Promise<void> {
    return this.#within(this.#outlets.map(async ({ sink }) => sink.flush()))
  }

  async close(): Promise<void> {
    await this.flush()
    const outlets = this.#outlets
    this.#outlets = []
    await this.#within(outlets.map(async ({ sink }) => sink.close?.()))
  }

  /** A sink may wait for a disk that does not answer; nobody waits for it longer than this. */
  async #within(work: readonly Promise<void>[]): Promise<void> {
    let limit: { cancel(): void } | undefined
    const timeout = new Promise<void>((resolve) => {
      limit = this.#clock.schedule(this.#flushTimeout, resolve)
    })
    await Promise.race([Promise.allSettled(work), timeout])
    limit?.cancel()
  }
}
