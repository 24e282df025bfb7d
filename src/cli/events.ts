import { Command, Option } from 'commander'
import type { EventLevel } from '../event/catalogue.js'
import { type RecordedEvent, toRecord } from '../event/event.js'
import type { EventFilter } from '../event/history-reader.js'
import { watchInterruption } from './interruption.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Colour, escapeText, formatTime, type Output, openOutput } from './output.js'

interface EventsOptions extends StateOptions {
  readonly follow?: boolean
  readonly id?: string
  readonly since?: string
  readonly service?: string
  readonly level?: EventLevel
}

/** `hangdog events`: the event log. Reads the files of all instances; needs no daemon. */
export function eventsCommand(open: () => Output = openOutput): Command {
  return new Command('events')
    .description('show the event log of all hangdogs of a state directory, oldest first; needs no running hangdog')
    .option('-f, --follow', 'go on with new events as they are written, until Ctrl-C')
    .option('--id <number>', 'only events of this number, such as 4870')
    .option('--since <time>', 'only events since a time (2025-01-31T12:00:00Z), or that far back (10m, 2h)')
    .option('--service <name>', 'only events of this service')
    .addOption(
      new Option('--level <level>', 'only events of this level and above').choices([
        'information',
        'warning',
        'error',
        'critical',
      ]),
    )
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ hangdog events --since 1h --level warning     what went wrong in the last hour
  $ hangdog events --follow --service web --json  for other programs

Damaged lines of the history are skipped and reported on stderr, with --json also as an event "history-torn"; the exit code stays 0.`,
    )
    .action((options: EventsOptions) => printEvents(options, open()))
}

async function printEvents(options: EventsOptions, output: Output): Promise<void> {
  const [{ readEvents, parseEventId, parseSince }, { followEvents }, { findStateDirectory }, { systemClock }] =
    await Promise.all([
      import('../event/history-reader.js'),
      import('../event/history-follower.js'),
      import('../state-directory.js'),
      import('../system-clock.js'),
    ])
  const filter: EventFilter = {
    ...(options.id !== undefined && { id: parseEventId(options.id) }),
    ...(options.since !== undefined && { since: parseSince(options.since, systemClock) }),
    ...(options.service !== undefined && { service: options.service }),
    ...(options.level !== undefined && { level: options.level }),
  }
  const { events } = findStateDirectory(options.stateDir)
  const damage = new DamageReport(output, options.json === true)
  const interruption = options.follow === true ? watchInterruption(output.closed) : undefined
  const source =
    interruption === undefined
      ? readEvents(events, filter, { damaged: damage.found })
      : followEvents(events, filter, { clock: systemClock, signal: interruption.signal, damaged: damage.found })
  try {
    for await (const event of source) {
      if (output.closed.aborted) break
      if (options.json === true) await output.writeJson(event)
      else await output.write(`${describeEvent(event, output)}\n`)
    }
    await damage.written
  } finally {
    interruption?.dispose()
  }
}

class DamageReport {
  /** Rejects when it could not be written. */
  written: Promise<void> = Promise.resolve()
  readonly #output: Output
  readonly #json: boolean

  constructor(output: Output, json: boolean) {
    this.#output = output
    this.#json = json
  }

  readonly found = (file: string, lines: number): void => {
    const event = toRecord({ name: 'history-torn', parameters: { file, lines } }, new Date())
    this.#output.note(event.message)
    if (!this.#json) return
    this.written = this.written.then(() => this.#output.writeJson(event))
    // Whoever awaits `written` learns of it; until then it is no unhandled rejection.
    this.written.catch(() => {})
  }
}

/** An event on one line. */
export function describeEvent({ time, level, id, service, message }: RecordedEvent, output: Output): string {
  const name = level.padEnd(levelWidth)
  const colour = colours[level]
  return [
    output.paint('dim', formatTime(time, 'ms')),
    colour === undefined ? name : output.paint(colour, name),
    String(id).padStart(5),
    service === undefined
      ? escapeText(message)
      : `${output.paint('bold', escapeText(service))}: ${escapeText(message)}`,
  ].join('  ')
}

const levelWidth = 'information'.length
const colours: Readonly<Partial<Record<EventLevel, Colour>>> = { warning: 'yellow', error: 'red', critical: 'red' }
