import type { EventLog } from './event/event-log.js'
import { openHistory } from './event/history.js'
import { createLogSink } from './event/sinks/log-sink.js'
import { createSystemLogSink } from './event/sinks/system-log-sink.js'
import { runCommand } from './platform/command.js'
import { openOutputTarget } from './platform/output-target.js'
import { systemClock } from './system-clock.js'

export interface SinkSettings {
  /** The `events` part of the state directory. */
  readonly directory: string
  readonly instance: string
  /** Of the log on stderr; none for no log at all. Default: pretty on a terminal, else json. */
  readonly logFormat: 'pretty' | 'json' | 'none' | undefined
  /** This machine has a system log that can be written to. */
  readonly systemLog: boolean
}

/** Connects the events with where they go. The history first: what the other sinks cannot write is an event as well. */
export async function openSinks(events: EventLog, settings: SinkSettings): Promise<void> {
  const { directory, instance, logFormat, systemLog } = settings
  const clock = systemClock
  const report = events.emit
  events.add(openHistory({ directory, instance, clock, report }))
  if (logFormat === 'none') return
  const terminal = process.stderr.isTTY === true
  const log = await createLogSink({
    output: openOutputTarget(2, () => {}),
    format: logFormat ?? (terminal ? 'pretty' : 'json'),
    colour: terminal && process.env.NO_COLOR === undefined,
    clock,
    report,
  })
  events.add(log)
  // A machine without a system log is no fault of each event; it is said once, at start.
  if (systemLog) events.add(createSystemLogSink({ clock, report, run: runCommand }))
}
