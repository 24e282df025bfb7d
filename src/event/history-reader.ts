import { HangdogError } from '../errors.js'
import { type Clock, parseDuration } from '../time.js'
import { catalogue, type EventLevel, type EventName } from './catalogue.js'
import type { RecordedEvent } from './event.js'
import { type OpenFile, openHistoryFiles } from './history-files.js'
import { openCursor, readLines } from './history-lines.js'
import { rank } from './level.js'
import type { HistoryFile } from './rotation.js'

/** Which events are wanted; what is left out is not asked for. */
export interface EventFilter {
  readonly id?: number
  readonly service?: string
  /** This level and above. */
  readonly level?: EventLevel
  /** Wall time; events of this time and later. */
  readonly since?: Date
}

/** What reading tells besides the events. */
export interface ReadNotes {
  /** Called once a file that has damaged lines, after it was read. */
  readonly damaged?: (file: string, lines: number) => void
  /** Filled with how far each file was read, by its inode; followEvents goes on from there. */
  readonly positions?: Map<number, number>
}

/**
 * The events of all instances in time order, oldest first. Files are streamed: memory does not grow with the history.
 * @param directory the `events` part of the state directory; a missing one has no events
 * @throws HangdogError `permission` or `data` when a file cannot be read at all
 */
export async function* readEvents(
  directory: string,
  filter: EventFilter,
  notes: ReadNotes = {},
): AsyncGenerator<RecordedEvent> {
  const { current, rotated, close } = await openHistoryFiles(directory)
  try {
    const instances = new Set([...current.keys(), ...rotated.map((file) => file.instance)])
    const streams = [...instances].map((instance) => {
      const files = rotated.filter((file) => file.instance === instance)
      return readInstance(files, current.get(instance), { filter, notes })
    })
    for await (const event of merge(streams)) {
      if (matches(event, filter)) yield event
    }
  } finally {
    await close()
  }
}

export function matches(event: RecordedEvent, filter: EventFilter): boolean {
  return (
    (filter.id === undefined || event.id === filter.id) &&
    (filter.service === undefined || event.service === filter.service) &&
    (filter.level === undefined || rank(event.level) >= rank(filter.level)) &&
    (filter.since === undefined || Date.parse(event.time) >= filter.since.getTime())
  )
}

/**
 * Reads `--since`: a time in ISO 8601, or how far back, such as 10m.
 * @throws HangdogError `usage`
 */
export function parseSince(text: string, clock: Pick<Clock, 'wallNow'>, option = '--since'): Date {
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const time = Date.parse(text)
    if (!Number.isNaN(time)) return new Date(time)
  } else if (/^\d+(\.\d+)?(ms|s|m|h)?$/.test(text)) {
    return new Date(clock.wallNow().getTime() - parseDuration(text, option))
  }
  throw new HangdogError(
    'usage',
    `cannot read ${option} "${text}": expected a time such as 2025-01-31T12:00:00Z, or how far back, such as 10m or 2h`,
  )
}

/**
 * Reads `--id`.
 * @throws HangdogError `usage` when it is not the number of an event
 */
export function parseEventId(text: string, option = '--id'): number {
  const names = Object.keys(catalogue) as EventName[]
  const id = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (names.some((name) => catalogue[name].id === id)) return id
  throw new HangdogError('usage', `cannot read ${option} "${text}": expected the number of an event, such as 4870`)
}

interface Wanted {
  readonly filter: EventFilter
  readonly notes: ReadNotes
}

async function* readInstance(
  rotated: readonly HistoryFile[],
  current: OpenFile | undefined,
  wanted: Wanted,
): AsyncGenerator<RecordedEvent> {
  for (const { path, name } of rotated) {
    const cursor = await openCursor(path)
    if (cursor === undefined) continue
    try {
      yield* readFile({ cursor, name }, wanted)
    } finally {
      await cursor.file.close()
    }
  }
  if (current !== undefined) yield* readFile(current, wanted)
}

async function* readFile({ cursor, name }: OpenFile, { filter, notes }: Wanted): AsyncGenerator<RecordedEvent> {
  const { ino, size, mtimeMs } = await cursor.file.stat()
  // A file last written before that time has nothing that is wanted.
  if (mtimeMs < (filter.since?.getTime() ?? 0)) cursor.position = size
  else yield* readLines(cursor, notes.positions === undefined)
  notes.positions?.set(ino, cursor.position)
  if (cursor.damaged > 0) notes.damaged?.(name, cursor.damaged)
}

/** Merges streams that are each in order, by time; of equal times the earlier stream goes first. */
async function* merge(streams: readonly AsyncGenerator<RecordedEvent>[]): AsyncGenerator<RecordedEvent> {
  try {
    const heads = await Promise.all(streams.map(async (stream) => ({ stream, next: await stream.next() })))
    for (;;) {
      let first: (typeof heads)[number] | undefined
      for (const head of heads) {
        if (head.next.done) continue
        if (first === undefined || first.next.done || head.next.value.time < first.next.value.time) first = head
      }
      if (first === undefined || first.next.done) return
      yield first.next.value
      first.next = await first.stream.next()
    }
  } finally {
    for (const stream of streams) await stream.return(undefined)
  }
}
