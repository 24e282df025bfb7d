import { catalogue, type EventLevel, type EventName, type EventParameters } from './catalogue.js'

/** A fact, as it is emitted: what happened, to which service, with what parameters. */
export type Emitted = {
  [Name in EventName]: {
    readonly name: Name
    /** The service it is about; absent when it is about hangdog or the machine. */
    readonly service?: string
    /** The incident it belongs to. */
    readonly incident?: string
    readonly parameters: EventParameters<Name>
  }
}[EventName]

/** The one hook through which the core speaks. It must return at once, never throw, and never wait for what it writes to. */
export type Emit = (event: Emitted) => void

/** An event as it is recorded: complete in itself, so that a reader needs no catalogue. Field names are stable. */
export interface RecordedEvent {
  /** Wall time, ISO 8601 in UTC. */
  readonly time: string
  readonly id: number
  readonly name: string
  readonly level: EventLevel
  readonly service?: string
  readonly incident?: string
  readonly message: string
  readonly parameters: Readonly<Record<string, string | number>>
}

/** A place events are recorded in. `record` must not throw and must not wait. */
export interface EventSink {
  record(event: RecordedEvent): void
  /** Resolves when what was recorded so far is where it should be, or cannot get there. */
  flush(): Promise<void>
}

/** Completes an emitted event from the catalogue. */
export function toRecord(event: Emitted, at: Date): RecordedEvent {
  const { id, level, message } = catalogue[event.name]
  const parameters: Readonly<Record<string, string | number>> = event.parameters
  return {
    time: at.toISOString(),
    id,
    name: event.name,
    level,
    ...(event.service !== undefined && { service: event.service }),
    ...(event.incident !== undefined && { incident: event.incident }),
    message: message.replace(/\{(\w+)\}/g, (_, key: string) => String(parameters[key] ?? `{${key}}`)),
    parameters,
  }
}
