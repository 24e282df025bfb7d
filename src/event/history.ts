import { basename } from 'node:path'
import { describeError } from '../errors.js'
import { checkInstanceName } from '../state-directory.js'
import { type Clock, type Milliseconds, milliseconds, type Scheduled, seconds } from '../time.js'
import type { Emit, EventSink, RecordedEvent } from './event.js'
import { HistoryAppender, longestLine, type RotationLimits } from './history-appender.js'
import { encodeLine } from './history-line.js'
import { LossReport } from './loss-report.js'

export interface HistoryOptions {
  /** The `events` part of the state directory; must exist. */
  readonly directory: string
  /** The stem of the file's name. Two live instances must not share it. */
  readonly instance: string
  readonly clock: Clock
  /** Told of torn files and of trouble with writing; usually the event log this history is a sink of. */
  readonly report: Emit
  /** Default 10 MB and 7 days. */
  readonly rotation?: RotationLimits
}

export interface History extends EventSink {
  /** Writes and syncs what is waiting, if that is possible now, and closes the file. What is recorded later is lost. */
  close(): Promise<void>
}

const defaultRotation: RotationLimits = { maxBytes: 10_000_000, maxAge: seconds(7 * 24 * 3600) }

/** Bytes that may wait while the disk does not take them; beyond it the oldest events are lost, and counted. */
const queueLimit = 4_000_000

const firstRetry = seconds(1)
const longestRetry = 30_000

/**
 * The event history on disk: one JSON line an event, appended in order by one writer. `record` only queues. Events of level warning
 * and above are synced to the disk, many by one sync.
 * @throws HangdogError `usage` when the instance name cannot be a file name; nothing else throws or rejects
 */
export function openHistory(options: HistoryOptions): History {
  checkInstanceName(options.instance)
  return new QueuedHistory(options)
}

interface Waiting {
  readonly line: string
  readonly mustSync: boolean
}

class QueuedHistory implements History {
  readonly #clock: Clock
  readonly #appender: HistoryAppender
  readonly #losses: LossReport
  #queue: Waiting[] = []
  #queuedBytes = 0
  #flushed: (() => void)[] = []
  #working = false
  #retry: Scheduled | undefined
  #retryDelay: Milliseconds = firstRetry
  #closed = false

  constructor({ directory, instance, clock, report, rotation }: HistoryOptions) {
    this.#clock = clock
    this.#appender = new HistoryAppender(directory, instance, clock, rotation ?? defaultRotation)
    this.#appender.tornFound = (path) =>
      report({ name: 'history-torn', parameters: { file: basename(path), lines: 1 } })
    this.#losses = new LossReport(`the history ${this.#appender.path}`, clock, report)
  }

  record(event: RecordedEvent): void {
    if (this.#closed) return
    const line = encodeLine(event)
    if (line.length > longestLine) {
      this.#losses.failed(`event ${event.id} is too long`, 1)
      return
    }
    this.#queue.push({ line, mustSync: event.level !== 'information' })
    this.#queuedBytes += line.length
    if (this.#queuedBytes > queueLimit) this.#dropOldest()
    if (this.#retry === undefined) this.#start()
  }

  flush(): Promise<void> {
    return new Promise((resolve) => {
      this.#flushed.push(resolve)
      this.#start()
    })
  }

  async close(): Promise<void> {
    await this.flush()
    this.#closed = true
    this.#retry?.cancel()
    await this.#appender.close()
  }

  #start(): void {
    this.#retry?.cancel()
    this.#retry = undefined
    if (this.#working) return
    this.#working = true
    void this.#work()
  }

  async #work(): Promise<void> {
    while (this.#queue.length > 0 || this.#flushed.length > 0) {
      const [batch, flushed] = [this.#queue, this.#flushed]
      this.#queue = []
      this.#flushed = []
      this.#queuedBytes = 0
      const failed = await this.#write(batch, flushed.length > 0)
      for (const resolve of flushed) resolve()
      if (failed && this.#flushed.length === 0) {
        this.#retryLater()
        break
      }
    }
    // In the same turn as the last look at the queue, so that no event can be queued between the two.
    this.#working = false
  }

  /** @returns whether it failed; what was not written is then back in the queue */
  async #write(batch: readonly Waiting[], flushing: boolean): Promise<boolean> {
    const data = Buffer.from(batch.map(({ line }) => line).join(''))
    const sync = flushing || batch.some(({ mustSync }) => mustSync)
    const { written, error } = await this.#appender.append(data, sync)
    if (error === undefined) {
      this.#retryDelay = firstRetry
      this.#losses.worked()
      return false
    }
    const left = batch.slice(countLines(data, written))
    this.#queue = [...left, ...this.#queue]
    this.#queuedBytes += left.reduce((sum, { line }) => sum + line.length, 0)
    this.#losses.failed(describeError(error), 0)
    if (this.#queuedBytes > queueLimit) this.#dropOldest()
    return true
  }

  #retryLater(): void {
    this.#retry = this.#clock.schedule(this.#retryDelay, () => this.#start())
    this.#retryDelay = milliseconds(Math.min(this.#retryDelay * 2, longestRetry))
  }

  /** Halves the queue, so that a full queue does not cost a copy with each event. */
  #dropOldest(): void {
    let index = 0
    for (; index < this.#queue.length && this.#queuedBytes > queueLimit / 2; index += 1) {
      this.#queuedBytes -= this.#queue[index]?.line.length ?? 0
    }
    this.#queue = this.#queue.slice(index)
    this.#losses.failed('more events wait than can be kept', index)
  }
}

/** Lines of which all but the newline was written; the newline is added when the file is opened again. */
function countLines(data: Buffer, written: number): number {
  let lines = 0
  for (let at = data.indexOf('\n'); at !== -1 && at <= written; at = data.indexOf('\n', at + 1)) lines += 1
  return lines
}
