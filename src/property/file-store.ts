import { linkSync, renameSync, unlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { isDraftOf, removeIfPossible, replaceFileBlocking, syncDirectoryBlocking } from '../durable-file.js'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { FileLock, type HeldLock, type HolderIdentity } from '../file-lock.js'
import { blockingCalls } from '../lock-chain.js'
import { type Clock, later, type Milliseconds, seconds } from '../time.js'
import { applyChanges } from './change-set.js'
import { watchFile } from './file-watch.js'
import type { Author, PropertyChange, PropertySnapshot, PropertyStore, StoreTrouble } from './store.js'
import { boundMemory, encodeStoreFile } from './store-file.js'
import {
  currentName,
  longestStoreFile,
  previousName,
  readBlocking,
  readStore,
  type StoreFile,
  type StoreFileSource,
  type StoreReading,
} from './store-reader.js'

export interface FileStoreOptions {
  /** Where the files are. To be written to it must exist; openStateDirectory makes one that only its owner can change. */
  readonly directory: string
  readonly clock: Clock
  /** Tells live writers from dead ones. */
  readonly identity: HolderIdentity
  /** Told when the newest generation cannot be used and the one before it is; once for each finding, until all is well again. */
  readonly trouble?: (trouble: StoreTrouble) => void
  /** How long a change waits for other writers. Default 2 s. */
  readonly lockLimit?: Milliseconds
}

/**
 * Opens a store of files; does no I/O yet.
 *
 * `properties.json` is the newest generation, `properties.previous.json` the one before it, and `properties.lock` keeps two writers from
 * writing at once. A generation gets the name after it is on the disk, so that a process that is killed, or a loss of power, leaves the
 * old generation or the new one, whole.
 */
export function openFileStore(options: FileStoreOptions): PropertyStore {
  return new FileStore(options)
}

const defaultLockLimit = seconds(2)

/**
 * Reading goes through the thread pool: a daemon reads, and must not wait for a disk. A change is made by commands alone, which have
 * nothing else to do meanwhile. It takes a dozen small system calls, each a fraction of the way through the thread pool, and so they
 * block this process; waiting for another writer does not.
 */
class FileStore implements PropertyStore {
  readonly description: string
  readonly #options: FileStoreOptions
  readonly #directory: string
  readonly #lock: FileLock
  /** The changes of this object take turns; they would only wait for each other's lock. */
  #last: Promise<unknown> = Promise.resolve()
  /** The current file as it was when it was last read or written. */
  #known: StoreFile | undefined
  /** The trouble that was told last. */
  #told: string | undefined

  constructor(options: FileStoreOptions) {
    this.#options = options
    this.#directory = resolve(options.directory)
    this.#lock = new FileLock({
      path: this.#path(lockName),
      clock: options.clock,
      identity: options.identity,
      isDraft: (name) => name === previousDraftName || isDraftOf(currentName, name),
      calls: blockingCalls,
    })
    this.description = `file store "${this.#path(currentName)}"`
  }

  async read(): Promise<PropertySnapshot> {
    return (await this.#look()).snapshot
  }

  change(changes: readonly PropertyChange[], author: Author): Promise<PropertySnapshot> {
    const { clock, lockLimit = defaultLockLimit } = this.#options
    const due = later(clock.now(), lockLimit)
    const turn = this.#last.then(async () => {
      const thing = `the properties in "${this.#directory}"`
      const lock = await this.#writing(() => this.#lock.acquire(thing, due))
      try {
        return await this.#changeLocked(changes, author, lock)
      } finally {
        await lock.release()
      }
    })
    this.#last = turn.catch(() => undefined)
    return turn
  }

  watch(changed: () => void): () => void {
    return watchFile(this.#directory, currentName, changed)
  }

  async #look(source?: StoreFileSource): Promise<StoreReading> {
    const reading = await readStore(this.#directory, this.#known, source)
    const { trouble } = reading
    if (trouble !== undefined && trouble !== this.#told) this.#options.trouble?.({ text: trouble })
    this.#told = trouble
    this.#known = typeof reading.current === 'object' ? reading.current : undefined
    return reading
  }

  async #changeLocked(changes: readonly PropertyChange[], author: Author, lock: HeldLock): Promise<PropertySnapshot> {
    const { snapshot, current } = await this.#look(readBlocking)
    // What was lost with a damaged file counts as a generation, so that nobody who saw it takes the next one for it.
    const generation = snapshot.generation + (current === 'damaged' ? 2 : 1)
    const applied = applyChanges(snapshot, changes, { generation, author, at: this.#options.clock.wallNow() })
    if (applied === undefined) {
      // Whoever made it so may not have come as far as this, or was killed before it.
      await this.#writing(async () => syncDirectoryBlocking(this.#directory))
      return snapshot
    }
    const next = boundMemory(applied)
    const bytes = encodeStoreFile(next)
    if (bytes.length > longestStoreFile) throw this.#refusal(`expected at most ${longestStoreFile} bytes in all`)
    await this.#writing(async () => {
      const beforeNaming = () => this.#beforeNaming(typeof current === 'object', lock)
      await replaceFileBlocking(this.#path(currentName), bytes, beforeNaming)
      // The next writer builds on this file, so that it makes it durable as well; it need not wait for us.
      await this.#letGo(lock)
      syncDirectoryBlocking(this.#directory)
    })
    this.#known = { bytes, snapshot: next }
    return next
  }

  /**
   * Whoever is killed between two renames leaves both names to one file. The system takes a rename of one name of a file to another of
   * its names as done, and leaves both.
   */
  async #letGo(lock: HeldLock): Promise<void> {
    if (lock.inherited) removeIfPossible(this.#path(previousDraftName))
    await lock.release()
  }

  /** The last moment before the new generation counts: what may not be given up happens now or not at all. */
  async #beforeNaming(isCurrentWhole: boolean, lock: HeldLock): Promise<void> {
    if (!(await lock.isHeld())) throw this.#lostLock()
    if (isCurrentWhole) this.#keepCurrent()
  }

  /**
   * Gives the current file a second name, which becomes that of the previous generation right before another file takes the first. No
   * sync of its own: the directory is synced after all of it, and with any part of it on the disk there is a whole generation under a
   * name that is looked at. A damaged current file is not kept: the previous one is what is left.
   */
  #keepCurrent(): void {
    const draft = this.#path(previousDraftName)
    try {
      linkSync(this.#path(currentName), draft)
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
      // Left behind by a change that failed.
      unlinkSync(draft)
      linkSync(this.#path(currentName), draft)
    }
    renameSync(draft, this.#path(previousName))
  }

  /** Turns what the system says about writing into an error that names the store. */
  async #writing<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write()
    } catch (error) {
      if (error instanceof HangdogError) throw error
      throw this.#refusal(describeRefusal(error), error)
    }
  }

  #refusal(reason: string, cause?: unknown): HangdogError {
    const code = ['EACCES', 'EPERM'].includes(systemCode(cause) ?? '') ? 'permission' : 'create'
    return new HangdogError(code, `cannot change the properties in "${this.#path(currentName)}": ${reason}`, cause)
  }

  #lostLock(): HangdogError {
    const path = this.#path(currentName)
    return new HangdogError(
      'unavailable',
      `cannot change the properties in "${path}": expected to hold the lock until it is written, but somebody took it away`,
    )
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}

const lockName = 'properties.lock'
const previousDraftName = `${previousName}.tmp`

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'a full disk',
  EDQUOT: 'a used-up quota',
  EROFS: 'a read-only file system',
  ENOENT: 'no such directory',
  ENOTDIR: 'something that is not a directory',
}

function describeRefusal(error: unknown): string {
  const code = systemCode(error)
  const found = code === undefined ? undefined : reasons[code]
  return `expected to be able to write there, found ${found === undefined ? describeError(error) : `${found} (${code})`}`
}
