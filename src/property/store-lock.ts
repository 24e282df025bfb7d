import { createHash, randomBytes } from 'node:crypto'
import { lstat, readlink, symlink, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { HangdogError, systemCode } from '../errors.js'
import { type Clock, elapsed, formatDuration, type Instant, longer, milliseconds } from '../time.js'
import { formatNote, type LockHolder, parseNote } from './lock-note.js'

export const lockName = 'properties.lock'

/** Tells processes apart; a parameter, because how that is done is the platform's business. */
export interface HolderIdentity {
  /** This process. */
  self(): LockHolder
  /** Whether exactly this process is still there. Where it cannot be known: true, which makes others wait and harms nothing. */
  isAlive(holder: LockHolder): boolean
}

export interface StoreLockOptions {
  /** Must exist. */
  readonly directory: string
  readonly clock: Clock
  readonly identity: HolderIdentity
}

/** The lock in this process's hands. */
export interface HeldLock {
  /** Whether its holder before was dead and may have left something behind. */
  readonly inherited: boolean
  /** Whether a file of that name belongs to it, and so was not left behind by somebody else. */
  owns(name: string): boolean
  /** False when somebody removed it or inherited it, which nobody does whose `isAlive` is right. */
  isHeld(): Promise<boolean>
  /** Lets others write; never fails, and may be called twice. */
  release(): Promise<void>
}

/**
 * A lock of one directory against writers in this and other processes.
 *
 * It is a symbolic link `properties.lock` that leads nowhere: its target is a note of the holder. Making one is a single system call
 * that exactly one of many succeeds with, and there is no moment in which the lock exists and its holder is not yet known.
 *
 * The lock of a dead holder is not removed, because another one may have taken its place just before that. It is inherited: the heir
 * makes a link of its own, whose name ends in a digest of the dead holder's note. The note has a random part, so that again exactly one
 * succeeds. A dead heir is inherited from in the same way. Whoever is at the end of this chain holds the lock, and removes the chain
 * from its beginning, so that an heir who came too late sees that what it inherited is no more.
 */
export class StoreLock {
  readonly #directory: string
  readonly #clock: Clock
  readonly #identity: HolderIdentity
  /** Found out once: it stays as it is, and costs some reads. */
  #self: LockHolder | undefined

  constructor({ directory, clock, identity }: StoreLockOptions) {
    this.#directory = directory
    this.#clock = clock
    this.#identity = identity
  }

  /**
   * Waits until nobody else holds the lock. Tries at least once, however late it is.
   * @throws HangdogError `unavailable` naming the holder when it still holds it at `due`; a system error when links cannot be made
   */
  async acquire(due: Instant): Promise<HeldLock> {
    const since = this.#clock.now()
    const born = new Date(this.#clock.wallNow().getTime() - process.uptime() * 1000)
    this.#self ??= this.#identity.self()
    const note = formatNote({ ...this.#self, born, nonce: randomBytes(8).toString('hex') })
    for (;;) {
      const outcome = await this.#attempt(note)
      if (outcome.kind === 'held') return this.#held(outcome.chain)
      if (this.#clock.now() >= due) throw await this.#refusal(outcome.holder, since)
      await this.#pause()
    }
  }

  async #attempt(note: string): Promise<Attempt> {
    if (await this.#place(lockName, note)) return { kind: 'held', chain: [toLink(lockName, note)] }
    const end = (await this.#readChain()).at(-1)
    if (end === undefined) return releasedJustNow
    if (end.holder !== undefined && this.#identity.isAlive(end.holder)) return { kind: 'busy', holder: end }
    const name = heirName(end.token)
    if (!(await this.#place(name, note))) return releasedJustNow
    const chain = await this.#readChain()
    if (chain.at(-1)?.note === note) return { kind: 'held', chain }
    await this.#remove(name)
    return releasedJustNow
  }

  async #place(name: string, note: string): Promise<boolean> {
    try {
      await symlink(note, this.#path(name))
      return true
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false
      throw error
    }
  }

  /** From `properties.lock` to whoever holds it; empty when nobody does. */
  async #readChain(): Promise<readonly Link[]> {
    const chain: Link[] = []
    for (let name = lockName; ; ) {
      const note = await readNote(this.#path(name))
      // A chain that bites its tail was not made by any lock, and must not be followed for ever.
      if (note === undefined || chain.some((link) => link.name === name)) return chain
      const link = toLink(name, note)
      chain.push(link)
      name = heirName(link.token)
    }
  }

  #held(chain: readonly Link[]): HeldLock {
    const names = chain.map(({ name }) => name)
    const heir = heirName(chain.at(-1)?.token ?? '')
    let isReleased = false
    return {
      inherited: names.length > 1,
      // The name of an heir of this lock is not for us to remove either.
      owns: (name) => names.includes(name) || name === heir,
      isHeld: async () => {
        const notes = await Promise.all([...names, heir].map((name) => readNote(this.#path(name))))
        // The chain is as it was, and behind it there is nobody.
        return notes.every((note, at) => note === chain[at]?.note)
      },
      release: async () => {
        // By the second time the names may be somebody else's.
        if (isReleased) return
        isReleased = true
        for (const name of names) await this.#remove(name)
      },
    }
  }

  /** A name that cannot be removed cannot be helped here: the next one who needs the lock says so. */
  async #remove(name: string): Promise<void> {
    await unlink(this.#path(name)).catch(() => undefined)
  }

  /** Those who wait must not wait in step with each other, nor with whoever writes again and again. */
  #pause(): Promise<void> {
    const delay = milliseconds(pollMs * (0.25 + Math.random()))
    return new Promise((resolve) => this.#clock.schedule(delay, resolve))
  }

  async #refusal(link: Link | undefined, since: Instant): Promise<HangdogError> {
    const waited = elapsed(since, this.#clock.now())
    const expected = `cannot change the properties in "${this.#directory}": expected nobody else to be writing`
    if (link?.holder === undefined) {
      return new HangdogError('unavailable', `${expected}, but others took turns for ${formatDuration(waited)}`)
    }
    const made = (await lstat(this.#path(link.name)).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY
    const age = milliseconds(Math.max(0, this.#clock.wallNow().getTime() - made))
    const { pid, born } = link.holder
    const holder = `pid ${pid} (started ${born.toISOString()})`
    const held = formatDuration(longer(waited, age))
    return new HangdogError('unavailable', `${expected}, but ${holder} has held the lock for ${held} ("${link.name}")`)
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}

/** About how often those who wait look again. */
const pollMs = 20

type Attempt =
  | { readonly kind: 'held'; readonly chain: readonly Link[] }
  | { readonly kind: 'busy'; readonly holder: Link | undefined }

/** Or inherited; who has it now will be seen the next time. */
const releasedJustNow: Attempt = { kind: 'busy', holder: undefined }

/** A part of the chain. */
interface Link {
  readonly name: string
  readonly note: string
  readonly token: string
  /** Undefined when the note names none: no hangdog made it, and nobody can say that it is alive. */
  readonly holder: ReturnType<typeof parseNote>
}

function toLink(name: string, note: string): Link {
  const token = createHash('sha256').update(note).digest('hex').slice(0, tokenLength)
  return { name, note, token, holder: parseNote(note) }
}

const tokenLength = 16
const heirName = (token: string): string => `${lockName}.${token}`

/** Names that belong to a lock, held or inherited. */
export const lockFilePattern = new RegExp(`^properties\\.lock(\\.[0-9a-f]{${tokenLength}})?$`)

async function readNote(path: string): Promise<string | undefined> {
  try {
    return await readlink(path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
