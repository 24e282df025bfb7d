import { link, readdir, rename, unlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { replaceFile, syncDirectory } from '../durable-file.js'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { type Clock, later, type Milliseconds, seconds } from '../time.js'
import { applyChanges } from './change-set.js'
import { watchFile } from './file-watch.js'
import type { Author, PropertyChange, PropertySnapshot, PropertyStore, StoreTrouble } from './store.js'
import { boundMemory, encodeStoreFile } from './store-file.js'
import { type HeldLock, type HolderIdentity, lockFilePattern, StoreLock } from './store-lock.js'
import {
  currentName,
  longestStoreFile,
  previousName,
  readStore,
  type StoreFile,
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

class FileStore implements PropertyStore {
  readonly description: string
  readonly #options: FileStoreOptions
  readonly #directory: string
  readonly #lock: StoreLock
  /** The changes of this object take turns; they would only wait for each other's lock. */
  #last: Promise<unknown> = Promise.resolve()
  /** The current file as it was when it was last read or written. */
  #known: StoreFile | undefined
  /** The trouble that was told last. */
  #told: string | undefined
  #swept = false

  constructor(options: FileStoreOptions) {
    this.#options = options
    this.#directory = resolve(options.directory)
    this.#lock = new StoreLock({ ...options, directory: this.#directory })
    this.description = `file store "${this.#path(currentName)}"`
  }

  async read(): Promise<PropertySnapshot> {
    return (await this.#look()).snapshot
  }

  change(changes: readonly PropertyChange[], author: Author): Promise<PropertySnapshot> {
    const { clock, lockLimit = defaultLockLimit } = this.#options
    const due = later(clock.now(), lockLimit)
    const turn = this.#last.then(async () => {
      const lock = await this.#writing(() => this.#lock.acquire(due))
      try {
        await this.#sweep(lock)
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

  async #look(): Promise<StoreReading> {
    const reading = await readStore(this.#directory, this.#known)
    const { trouble } = reading
    if (trouble !== undefined && trouble !== this.#told) this.#options.trouble?.({ text: trouble })
    this.#told = trouble
    this.#known = typeof reading.current === 'object' ? reading.current : undefined
    return reading
  }

  async #changeLocked(changes: readonly PropertyChange[], author: Author, lock: HeldLock): Promise<PropertySnapshot> {
    const { snapshot, current } = await this.#look()
    // What was lost with a damaged file counts as a generation, so that nobody who saw it takes the next one for it.
    const generation = snapshot.generation + (current === 'damaged' ? 2 : 1)
    const applied = applyChanges(snapshot, changes, { generation, author, at: this.#options.clock.wallNow() })
    if (applied === undefined) {
      // Whoever made it so may not have come as far as this, or was killed before it.
      await this.#writing(() => syncDirectory(this.#directory))
      return snapshot
    }
    const next = boundMemory(applied)
    const bytes = encodeStoreFile(next)
    if (bytes.length > longestStoreFile) throw this.#refusal(`expected at most ${longestStoreFile} bytes in all`)
    await this.#writing(async () => {
      await replaceFile(this.#path(currentName), bytes, () => this.#beforeNaming(typeof current === 'object', lock))
      // The next writer builds on this file, so that it makes it durable as well; it need not wait for us.
      await Promise.all([syncDirectory(this.#directory), this.#letGo(lock)])
    })
    this.#known = { bytes, snapshot: next }
    return next
  }

  /**
   * Whoever is killed between two renames leaves both names to one file. The system takes a rename of one name of a file to another of
   * its names as done, and leaves both.
   */
  async #letGo(lock: HeldLock): Promise<void> {
    if (lock.inherited) await unlink(this.#path(previousDraftName)).catch(() => undefined)
    await lock.release()
  }

  /** The last moment before the new generation counts: what may not be given up happens now or not at all. */
  async #beforeNaming(isCurrentWhole: boolean, lock: HeldLock): Promise<void> {
    const [isHeld] = await Promise.all([lock.isHeld(), isCurrentWhole && this.#draftPrevious()])
    if (!isHeld) throw this.#lostLock()
    if (isCurrentWhole) await rename(this.#path(previousDraftName), this.#path(previousName))
  }

  /**
   * Gives the current file a second name, which becomes that of the previous generation right before another file takes the first. No
   * sync of its own: the directory is synced after all of it, and with any part of it on the disk there is a whole generation under a
   * name that is looked at. A damaged current file is not kept: the previous one is what is left.
   */
  async #draftPrevious(): Promise<void> {
    const draft = this.#path(previousDraftName)
    try {
      await link(this.#path(currentName), draft)
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
      // Left behind by a change that failed.
      await unlink(draft)
      await link(this.#path(currentName), draft)
    }
  }

  /** Removes what writers left behind that were killed: once, and whenever the lock of a dead one was inherited. */
  async #sweep(lock: HeldLock): Promise<void> {
    if (this.#swept && !lock.inherited) return
    this.#swept = true
    const names = await readdir(this.#directory).catch(() => [])
    for (const name of names) {
      const isLeft = draftPattern.test(name) || (lockFilePattern.test(name) && !lock.owns(name))
      if (isLeft) await unlink(this.#path(name)).catch(() => undefined)
    }
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

const previousDraftName = `${previousName}.tmp`

/** Drafts of both files; those of the current one are made by writeDurably. */
const draftPattern = /^properties\.(json\.[0-9a-f]{12}|previous\.json)\.tmp$/

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
