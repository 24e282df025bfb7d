import { createHash } from 'node:crypto'
import { readlinkSync, symlinkSync, unlinkSync } from 'node:fs'
import { readlink, symlink, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemCode } from './errors.js'
import { type LockNote, parseNote } from './lock-note.js'

/** A link of the chain. */
export interface LockLink {
  readonly name: string
  readonly note: string
  /** Undefined when the note names none: no hangdog made it, and nobody can say that it is alive. */
  readonly holder: LockNote | undefined
}

/** The system calls of a lock. */
export interface LockCalls {
  readonly symlink: (target: string, path: string) => unknown
  readonly readlink: (path: string) => string | Promise<string>
  readonly unlink: (path: string) => unknown
}

/** This process goes on meanwhile; each call takes a way through the thread pool. */
export const waitingCalls: LockCalls = { symlink, readlink, unlink }

/** This process stands still meanwhile. Each call alone takes a fraction of the way through the thread pool. */
export const blockingCalls: LockCalls = { symlink: symlinkSync, readlink: readlinkSync, unlink: unlinkSync }

/** A lock as it is on the disk: symbolic links, each with a note of its holder as its target. What they mean is told at `FileLock`. */
export class LockChain {
  readonly directory: string
  /** Of the first link. */
  readonly name: string
  readonly #calls: LockCalls

  constructor(path: string, calls: LockCalls) {
    this.directory = dirname(path)
    this.name = basename(path)
    this.#calls = calls
  }

  /** @returns false when there is such a link already @throws the system error when none can be made */
  async place(name: string, note: string): Promise<boolean> {
    try {
      await this.#calls.symlink(note, this.pathOf(name))
      return true
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false
      // The note says nothing to whoever reads the message, and would make each differ from the one before.
      if (error instanceof Error) error.message = error.message.replace(`'${note}' -> `, '')
      throw error
    }
  }

  /** From the first link to that of whoever holds the lock; empty when nobody does. */
  async read(): Promise<readonly LockLink[]> {
    const chain: LockLink[] = []
    for (let name = this.name; ; ) {
      const note = await this.noteOf(name)
      // A chain that bites its tail was not made by any lock, and must not be followed for ever.
      if (note === undefined || chain.some((link) => link.name === name)) return chain
      chain.push(toLink(name, note))
      name = this.heirOf(note)
    }
  }

  /** Undefined when there is no such link. */
  async noteOf(name: string): Promise<string | undefined> {
    try {
      return await this.#calls.readlink(this.pathOf(name))
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** A name that cannot be removed cannot be helped here: the next one who needs the lock says so. */
  async remove(name: string): Promise<void> {
    try {
      await this.#calls.unlink(this.pathOf(name))
    } catch {
      // See above.
    }
  }

  /** The name of the link that whoever inherits from the writer of this note makes. */
  heirOf(note: string): string {
    return `${this.name}.${createHash('sha256').update(note).digest('hex').slice(0, digestLength)}`
  }

  /** Whether a link of that name belongs to this lock: the first or an heir's. */
  hasName(name: string): boolean {
    return name === this.name || (name.startsWith(`${this.name}.`) && digest.test(name.slice(this.name.length + 1)))
  }

  pathOf(name: string): string {
    return join(this.directory, name)
  }
}

export function toLink(name: string, note: string): LockLink {
  return { name, note, holder: parseNote(note) }
}

const digestLength = 16
const digest = new RegExp(`^[0-9a-f]{${digestLength}}$`)
