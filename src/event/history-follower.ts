import { type FSWatcher, watch } from 'node:fs'
import { type Clock, type Milliseconds, type Scheduled, seconds } from '../time.js'
import type { RecordedEvent } from './event.js'
import { type OpenFile, openHistoryFiles } from './history-files.js'
import { openCursor, readLines } from './history-lines.js'
import { type EventFilter, matches, type ReadNotes, readEvents } from './history-reader.js'

export interface FollowOptions extends Pick<ReadNotes, 'damaged'> {
  readonly clock: Clock
  /** Ends the following; the generator then returns. */
  readonly signal: AbortSignal
  /** How often to look where the system does not tell of changes (network file systems). Default 1 s. */
  readonly pollEvery?: Milliseconds
}

/**
 * The events that `readEvents` gives, and after them each new one as it is written, without a gap and without repeats; goes on over
 * rotation and with instances that start later. For new events alone, give `since` as now.
 */
export async function* followEvents(
  directory: string,
  filter: EventFilter,
  options: FollowOptions,
): AsyncGenerator<RecordedEvent> {
  const { clock, signal, damaged } = options
  const notes = { positions: new Map<number, number>(), ...(damaged !== undefined && { damaged }) }
  const changes = new ChangeWatch(directory, clock, options.pollEvery ?? seconds(1), signal)
  try {
    for await (const event of readEvents(directory, filter, notes)) {
      if (signal.aborted) return
      yield event
    }
    while (!signal.aborted) {
      for (const event of await readNew(directory, notes)) {
        if (matches(event, filter)) yield event
      }
      await changes.next()
    }
  } finally {
    changes.close()
  }
}

interface FollowNotes extends ReadNotes {
  readonly positions: Map<number, number>
}

async function readNew(directory: string, notes: FollowNotes): Promise<readonly RecordedEvent[]> {
  const { current, rotated, close } = await openHistoryFiles(directory)
  const events: RecordedEvent[] = []
  const present = new Set<number>()
  try {
    for (const { path, name, inode, bytes } of rotated) {
      present.add(inode)
      const cursor = bytes === notes.positions.get(inode) ? undefined : await openCursor(path)
      if (cursor === undefined) continue
      events.push(...(await readRest({ cursor, name }, notes)))
      await cursor.file.close()
    }
    for (const file of current.values()) {
      present.add((await file.cursor.file.stat()).ino)
      events.push(...(await readRest(file, notes)))
    }
  } finally {
    await close()
  }
  // An inode is soon given to another file, which must be read from its start.
  for (const inode of notes.positions.keys()) if (!present.has(inode)) notes.positions.delete(inode)
  return events.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
}

async function readRest({ cursor, name }: OpenFile, notes: FollowNotes): Promise<readonly RecordedEvent[]> {
  const { ino, size } = await cursor.file.stat()
  const position = notes.positions.get(ino) ?? 0
  cursor.position = position > size ? 0 : position
  const events: RecordedEvent[] = []
  for await (const event of readLines(cursor, false)) events.push(event)
  notes.positions.set(ino, cursor.position)
  if (cursor.damaged > 0) notes.damaged?.(name, cursor.damaged)
  return events
}

/** Waits for something to change in a directory: told by the system where it can, else after a time. */
class ChangeWatch {
  readonly #clock: Clock
  readonly #pollEvery: Milliseconds
  readonly #signal: AbortSignal
  readonly #watcher: FSWatcher | undefined
  #changed = false
  #wake: () => void = () => {}

  constructor(directory: string, clock: Clock, pollEvery: Milliseconds, signal: AbortSignal) {
    this.#clock = clock
    this.#pollEvery = pollEvery
    this.#signal = signal
    this.#watcher = startWatching(directory, () => {
      this.#changed = true
      this.#wake()
    })
    signal.addEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => this.#wake()

  async next(): Promise<void> {
    if (this.#changed || this.#signal.aborted) {
      this.#changed = false
      return
    }
    let poll: Scheduled | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      poll = this.#clock.schedule(this.#pollEvery, resolve)
    })
    poll?.cancel()
    this.#changed = false
  }

  close(): void {
    this.#signal.removeEventListener('abort', this.#aborted)
    this.#watcher?.close()
  }
}

/** Undefined where there is nothing to watch yet, or the system's watches are used up: polling then does the work. */
function startWatching(directory: string, changed: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, changed)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
