import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { openDirectory, syncOpenDirectory } from '../durable-file.js'
import { describeError, HangdogError } from '../errors.js'
import { type ProcessIdentity, thisProcess } from '../process-identity.js'
import type { Clock } from '../time.js'
import type { IncidentLog, IncidentOpening, IncidentRecord, PreparedIncident } from '../watch/incident.js'
import { fileNames, makeId, type OpenedFile } from './incident-file.js'
import { DiskRecord } from './incident-record.js'

export interface IncidentLogOptions {
  /** The `incidents` part of the state directory; must exist. */
  readonly directory: string
  readonly clock: Clock
  readonly hangdogVersion: string
  /** Told of what could not be written after the opening; must not throw. */
  readonly failed: (incident: string, error: string) => void
}

/** Incidents on disk, one directory each. */
export interface DiskIncidents extends IncidentLog {
  /** No incident is opened after this. Never rejects. */
  close(): Promise<void>
}

export function createIncidentLog(options: IncidentLogOptions): DiskIncidents {
  return new DiskIncidentLog(options)
}

class DiskIncidentLog implements DiskIncidents {
  readonly #options: IncidentLogOptions
  readonly #writer: ProcessIdentity = thisProcess()
  readonly #hostname = hostname()
  /** Kept open: opening it again would cost each incident one more turn of the thread pool on the way to the action. */
  #parent: Promise<FileHandle | undefined> | undefined

  constructor(options: IncidentLogOptions) {
    this.#options = options
  }

  async open(opening: IncidentOpening): Promise<IncidentRecord> {
    const opened = this.#describe(opening)
    const path = await this.#create(opened)
    return new DiskRecord(opened.id, path, this.#options.clock, this.#options.failed)
  }

  async prepare(opening: IncidentOpening): Promise<PreparedIncident> {
    const { clock, failed } = this.#options
    const pending = this.#describe(opening)
    const path = await this.#create({ ...pending, pending: true })
    return {
      open: (found) => {
        const record = new DiskRecord(pending.id, path, clock, failed)
        void record.replaceOpening({ ...pending, ...found, openedAt: clock.wallNow().toISOString() })
        return record
      },
      discard: () =>
        rm(path, { recursive: true, force: true }).catch((error: unknown) => failed(pending.id, describeError(error))),
    }
  }

  async close(): Promise<void> {
    const parent = await this.#parent?.catch(() => undefined)
    this.#parent = undefined
    await parent?.close().catch(() => undefined)
  }

  #describe(opening: IncidentOpening): OpenedFile {
    const now = this.#options.clock.wallNow()
    return {
      id: makeId(opening.service, now),
      openedAt: now.toISOString(),
      ...opening,
      hostname: this.#hostname,
      hangdogVersion: this.#options.hangdogVersion,
      writer: this.#writer,
    }
  }

  /** @returns the path of the incident, which is on disk then */
  async #create(opened: OpenedFile): Promise<string> {
    const path = join(this.#options.directory, opened.id)
    try {
      await this.#write(path, `${JSON.stringify(opened, undefined, 2)}\n`)
      return path
    } catch (error) {
      // Not waited for: the action is next. What cannot be removed is shown as damaged.
      for (const left of [`${path}.tmp`, path]) void rm(left, { recursive: true, force: true }).catch(() => undefined)
      throw new HangdogError('create', `cannot write the incident "${path}": ${describeError(error)}`, error)
    }
  }

  /**
   * On the way to the action, so every turn of the thread pool counts, and what does not need the other goes side by side. The file
   * is whole before it gets its name; it, its directory and the directory above are synced at the same time, which a journaling
   * file system does with one commit.
   */
  async #write(path: string, text: string): Promise<void> {
    const draft = `${path}.tmp`
    const drafted = open(draft, 'wx', 0o600)
    let opened: Promise<FileHandle | undefined> = Promise.resolve(undefined)
    try {
      const [file, parent] = await Promise.all([drafted, this.#openParent(), mkdir(path, { mode: 0o700 })])
      const data = Buffer.from(text)
      opened = openDirectory(path)
      const [{ bytesWritten }, directory] = await Promise.all([file.write(data), opened])
      if (bytesWritten < data.length) throw new Error('only a part was written')
      await rename(draft, join(path, fileNames.opened))
      await Promise.all([file.sync(), syncOpenDirectory(directory), syncOpenDirectory(parent)])
    } finally {
      closeLater(drafted)
      closeLater(opened)
    }
  }

  /** Two incidents at once share it. */
  #openParent(): Promise<FileHandle | undefined> {
    this.#parent ??= openDirectory(this.#options.directory).catch((error: unknown) => {
      this.#parent = undefined
      throw error
    })
    return this.#parent
  }
}

/** Not waited for: what matters is on disk. One of several opens may come through only after another step has failed. */
function closeLater(opening: Promise<FileHandle | undefined>): void {
  opening.then((handle) => handle?.close()).catch(() => undefined)
}
