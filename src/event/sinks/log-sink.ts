import { type Clock, milliseconds } from '../../time.js'
import type { EventLevel } from '../catalogue.js'
import type { Emit, EventSink, RecordedEvent } from '../event.js'
import { LossReport } from '../loss-report.js'

/** Where log lines go. Must not block; OutputTarget of the platform is one. */
export interface LogOutput {
  write(chunk: Buffer): void
  /** Bytes that were not taken over yet. */
  readonly queued: number
  /** Nothing will ever be taken over again. */
  readonly failed: boolean
}

export interface LogSinkOptions {
  readonly output: LogOutput
  readonly format: 'pretty' | 'json'
  /** For the pretty format only. */
  readonly colour: boolean
  readonly clock: Clock
  /** Told when lines are lost because nobody reads them. */
  readonly report: Emit
}

/** Bytes of log that may wait for a slow reader; beyond it lines are dropped and counted. */
const queueLimit = 256 * 1024

/** Writes events as log lines by pino. The libraries are loaded here and not before, pino-pretty only when it is used. */
export async function createLogSink(options: LogSinkOptions): Promise<EventSink> {
  const { pino } = await import('pino')
  const format = options.format === 'pretty' ? await loadPretty(options.colour) : (line: string) => line
  const destination = new BoundedDestination(options, format)
  const logger = pino(
    {
      base: null,
      // The time of a line is that of its event.
      timestamp: false,
      messageKey: 'message',
      customLevels: levelNumbers,
      useOnlyCustomLevels: true,
      level: 'information',
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  )
  return {
    record: ({ level, message, ...fields }) => logger[level](fields, message),
    flush: () => destination.flush(),
  }
}

const levelNumbers: Readonly<Record<EventLevel, number>> = { information: 30, warning: 40, error: 50, critical: 60 }

class BoundedDestination {
  readonly #output: LogOutput
  readonly #format: (line: string) => string
  readonly #clock: Clock
  readonly #losses: LossReport

  constructor({ output, clock, report }: LogSinkOptions, format: (line: string) => string) {
    this.#output = output
    this.#format = format
    this.#clock = clock
    this.#losses = new LossReport('the log', clock, report)
  }

  write(line: string): void {
    const { failed, queued } = this.#output
    if (failed) {
      this.#losses.failed('it was closed', 1)
      return
    }
    if (queued > queueLimit) {
      this.#losses.failed('nobody reads it', 1)
      return
    }
    this.#output.write(Buffer.from(this.#format(line)))
    // Half of the limit: a reader that is a little too slow is not to be reported as well again with every line it takes.
    if (queued < queueLimit / 2) this.#losses.worked()
  }

  async flush(): Promise<void> {
    for (let tries = 0; tries < flushTries && this.#output.queued > 0 && !this.#output.failed; tries += 1) {
      await new Promise<void>((resolve) => this.#clock.schedule(flushStep, resolve))
    }
  }
}

const flushStep = milliseconds(10)
const flushTries = 100

/** Pretty printing in this thread: a transport would be a worker thread, with 10 MB of its own. */
async function loadPretty(colour: boolean): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty')
  return prettyFactory({
    colorize: colour,
    colorizeObjects: false,
    messageKey: 'message',
    include: 'level,time',
    translateTime: 'SYS:HH:MM:ss.l',
    customLevels: 'information:30,warning:40,error:50,critical:60',
    customColors: 'information:green,warning:yellow,error:red,critical:bgRed',
    useOnlyCustomProps: true,
    messageFormat: (log) => describe(log as unknown as RecordedEvent),
  })
}

function describe({ id, service, message }: RecordedEvent): string {
  return `${service === undefined ? '' : `${service}: `}${message} (${id})`
}
