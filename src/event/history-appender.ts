import { type FileHandle, open } from 'node:fs/promises'
import { syncDirectory } from '../durable-file.js'
import type { Clock, Milliseconds } from '../time.js'
import { decodeLine } from './history-line.js'
import { currentFile, rotate } from './rotation.js'

export interface RotationLimits {
  /** A file of this size is rotated before the next write. */
  readonly maxBytes: number
  /** So is one whose first event is this old. */
  readonly maxAge: Milliseconds
}

export interface AppendOutcome {
  /** Bytes that reached the file. */
  readonly written: number
  readonly error?: unknown
}

const newline = 0x0a

/** The one writer of an instance's history file: opens, mends, appends, syncs, rotates. Calls must not overlap. */
export class HistoryAppender {
  readonly #directory: string
  readonly #instance: string
  readonly #clock: Clock
  readonly #limits: RotationLimits
  #file: FileHandle | undefined
  #firstEventAt = 0

  constructor(directory: string, instance: string, clock: Clock, limits: RotationLimits) {
    this.#directory = directory
    this.#instance = instance
    this.#clock = clock
    this.#limits = limits
  }

  get path(): string {
    return currentFile(this.#directory, this.#instance)
  }

  /** Called with the file's path when it ended in a torn line; that line now ends where it was torn. */
  tornFound: (path: string) => void = () => {}

  /** Never rejects. After an error the file is opened anew by the next call, which also ends a line that was written in part. */
  async append(data: Uint8Array, sync: boolean): Promise<AppendOutcome> {
    let written = 0
    try {
      const file = await this.#ready()
      while (written < data.length) written += (await file.write(data, written)).bytesWritten
      if (sync) await file.datasync()
      return { written }
    } catch (error) {
      await this.close()
      return { written, error }
    }
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    // Everything that matters was synced before; an error here says nothing new.
    await file?.close().catch(() => undefined)
  }

  async #ready(): Promise<FileHandle> {
    const file = this.#file ?? (await this.#open())
    const { size, nlink } = await file.stat()
    if (nlink === 0) {
      // Removed by retention or by hand; what is written to it now would be seen by nobody.
      await this.close()
      return this.#open()
    }
    if (size === 0 || !this.#isDue(size)) return file
    await file.datasync()
    await this.close()
    await rotate(this.#directory, this.#instance, this.#clock.wallNow())
    return this.#open()
  }

  #isDue(size: number): boolean {
    return size >= this.#limits.maxBytes || this.#clock.wallNow().getTime() - this.#firstEventAt >= this.#limits.maxAge
  }

  async #open(): Promise<FileHandle> {
    const file = await open(this.path, 'a+', 0o600)
    this.#file = file
    const { size } = await file.stat()
    if (size === 0) {
      this.#firstEventAt = this.#clock.wallNow().getTime()
      await syncDirectory(this.#directory)
    } else {
      this.#firstEventAt = (await readFirstTime(file)) ?? this.#clock.wallNow().getTime()
      await this.#endLastLine(file, size)
    }
    return file
  }

  /** Cutting the torn line off would be wrong if another process appends to the same file; a newline never is. */
  async #endLastLine(file: FileHandle, size: number): Promise<void> {
    const tail = await readAt(file, Math.max(0, size - longestLine), longestLine)
    if (tail.at(-1) === newline) return
    const last = tail.subarray(tail.lastIndexOf(newline) + 1)
    await file.write('\n')
    if (decodeLine(last) === undefined) this.tornFound(this.path)
  }
}

/** More than any event takes; a line that is longer is damaged. */
export const longestLine = 64 * 1024

async function readFirstTime(file: FileHandle): Promise<number | undefined> {
  const head = (await readAt(file, 0, 64)).toString('latin1')
  const text = /^\{"time":"([^"]+)"/.exec(head)?.[1]
  const time = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(time) ? undefined : time
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}
