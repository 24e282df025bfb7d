import { existsSync } from 'node:fs'
import type { CommandRequest, CommandResult } from '../../platform/command.js'
import type { Clock } from '../../time.js'
import type { EventLevel } from '../catalogue.js'
import type { Emit, EventSink, RecordedEvent } from '../event.js'
import { rank } from '../level.js'
import { LossReport } from '../loss-report.js'
import { JournalStream } from './journal-stream.js'

export interface SystemLogSinkOptions {
  readonly clock: Clock
  readonly report: Emit
  /** Runs the `logger` program where there is no journal. */
  readonly run: (request: CommandRequest) => Promise<CommandResult>
  /** Default: the journal's own socket, when it exists at start. */
  readonly journalSocket?: string
  /** Given to `logger --socket`; default: its own choice, /dev/log. */
  readonly loggerSocket?: string
}

export const defaultJournalSocket = '/run/systemd/journal/stdout'

/** Events that wait for the system log; beyond it they are dropped and counted. */
const queueLimit = 500

const loggerTimeoutMs = 5000

/** Events of level error and above, to the systemd journal where there is one and else to syslog by the program `logger`. */
export function createSystemLogSink(options: SystemLogSinkOptions): EventSink & { close(): Promise<void> } {
  return new SystemLogSink(options)
}

class SystemLogSink implements EventSink {
  readonly #options: SystemLogSinkOptions
  readonly #journal: JournalStream | undefined
  readonly #losses: LossReport
  #queue: RecordedEvent[] = []
  #strict = true
  #sending: Promise<void> | undefined

  constructor(options: SystemLogSinkOptions) {
    this.#options = options
    const socket = options.journalSocket ?? defaultJournalSocket
    this.#journal = existsSync(socket) ? new JournalStream(socket, 'hangdog') : undefined
    this.#losses = new LossReport('the system log', options.clock, options.report)
  }

  record(event: RecordedEvent): void {
    if (rank(event.level) < rank('error')) return
    if (this.#queue.length >= queueLimit) {
      this.#losses.failed('it takes too long', 1)
      return
    }
    this.#queue.push(event)
    this.#sending ??= this.#send()
  }

  async flush(): Promise<void> {
    await this.#sending
  }

  async close(): Promise<void> {
    await this.flush()
    this.#journal?.close()
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0) {
      const level = this.#queue[0]?.level
      // One level at a time: `logger` takes one priority for all it reads.
      const end = this.#queue.findIndex((event) => event.level !== level)
      const batch = this.#queue.splice(0, end === -1 ? this.#queue.length : end)
      const error = await this.#write(batch, level ?? 'error')
      if (error === undefined) this.#losses.worked()
      else this.#losses.failed(error, batch.length)
    }
    // In the same turn as the last look at the queue, so that no event can be queued between the two.
    this.#sending = undefined
  }

  async #write(batch: readonly RecordedEvent[], level: EventLevel): Promise<string | undefined> {
    const lines = batch.map(describe)
    if (this.#journal === undefined) return this.#runLogger(lines, level)
    const marked = lines.map((line) => `<${severities[level].number}>${line}`)
    const error = await this.#journal.send(marked)
    // The journal may have been restarted; the second attempt opens a new connection.
    return error === undefined ? undefined : this.#journal.send(marked)
  }

  async #runLogger(lines: readonly string[], level: EventLevel): Promise<string | undefined> {
    const { run, loggerSocket } = this.#options
    const result = await run({
      command: 'logger',
      args: [
        ...(this.#strict ? [strictOption] : []),
        ...['-t', `hangdog[${process.pid}]`, '-p', `daemon.${severities[level].name}`],
        ...(loggerSocket === undefined ? [] : ['--socket', loggerSocket]),
      ],
      timeoutMs: loggerTimeoutMs,
      input: lines.map((line) => `${line}\n`).join(''),
    })
    if (result.kind === 'not-started') return result.error
    if (result.kind === 'timed-out') return `logger did not end within ${loggerTimeoutMs} ms`
    if (result.exit.kind === 'code' && result.exit.code === 0) return undefined
    if (this.#strict && result.stderr.includes('option')) {
      this.#strict = false
      return this.#runLogger(lines, level)
    }
    return `logger failed: ${result.stderr.trim()}`
  }
}

/** Without it util-linux's logger ends with success when nobody receives what it sends. BusyBox's does not have it. */
const strictOption = '--socket-errors=on'

const severities: Readonly<Record<EventLevel, { readonly number: number; readonly name: string }>> = {
  critical: { number: 2, name: 'crit' },
  error: { number: 3, name: 'err' },
  warning: { number: 4, name: 'warning' },
  information: { number: 6, name: 'info' },
}

/** Receivers take 1 KiB a message at least, header included; logger splits what is longer. */
const longestText = 900

function describe({ id, service, incident, message }: RecordedEvent): string {
  const about = [
    `event ${id}`,
    service !== undefined && `service ${service}`,
    incident !== undefined && `incident ${incident}`,
  ]
  return `${about.filter(Boolean).join(', ')}: ${message}`.replaceAll(/\s+/g, ' ').slice(0, longestText)
}
