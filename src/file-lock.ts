import { randomUUID } from 'node:crypto'
import { lstat, readdir } from 'node:fs/promises'
import { HangdogError } from './errors.js'
import { type LockCalls, LockChain, type LockLink, toLink, waitingCalls } from './lock-chain.js'
import { formatNote } from './lock-note.js'
import type { ProcessIdentity } from './process-identity.js'
import { type Clock, elapsed, formatDuration, type Instant, longer, milliseconds } from './time.js'

/** Tells processes apart; a parameter, so that a test can say who is alive. */
export interface HolderIdentity {
  /** This process. */
  self(): ProcessIdentity
  /** Whether exactly this process is still there. Where it cannot be known: true, which makes others wait and harms nothing. */
  isAlive(holder: ProcessIdentity): boolean
}

export interface FileLockOptions {
  /** The lock itself, such as `…/properties.lock`. Its directory must exist. */
  readonly path: string
  readonly clock: Clock
  readonly identity: HolderIdentity
  /** Whether files of that name, beside the lock, are made by its holder alone, and left behind when it is killed. */
  readonly isDraft: (name: string) => boolean
  /** Default: those that wait. Whoever is in no hurry to do something else may block. */
  readonly calls?: LockCalls
}

/** The lock in this process's hands. */
export interface HeldLock {
  /** Whether its holder before was dead and may have stopped in the middle of something. */
  readonly inherited: boolean
  /** False when somebody removed it or inherited it, which nobody does whose `isAlive` is right. */
  isHeld(): Promise<boolean>
  /** Lets others write; never fails, and may be called twice. */
  release(): Promise<void>
}

/**
 * A lock against others in this and other processes, for what is kept in files.
 *
 * It is a symbolic link that leads nowhere: its target is a note of the holder. Making one is a single system call that exactly one of
 * many succeeds with, and there is no moment in which the lock exists and its holder is not yet known.
 *
 * The lock of a dead holder is not removed, because another one may have taken its place just before that. It is inherited: the heir
 * makes a link of its own, whose name ends in a digest of the dead holder's note. The note has a random part, so that again exactly one
 * succeeds. A dead heir is inherited from in the same way. Whoever is at the end of this chain holds the lock, and removes the chain
 * from its beginning, so that an heir who came too late sees that what it inherited is no more.
 *
 * What killed holders left behind, links and drafts, is removed when a lock object is used first, and with every inheritance.
 */
export class FileLock {
  readonly #clock: Clock
  readonly #identity: HolderIdentity
  readonly #isDraft: (name: string) => boolean
  readonly #chain: LockChain
  /** Found out once: it stays as it is, and costs some reads. */
  #self: ProcessIdentity | undefined
  #swept = false

  constructor({ path, clock, identity, isDraft, calls = waitingCalls }: FileLockOptions) {
    this.#clock = clock
    this.#identity = identity
    this.#isDraft = isDraft
    this.#chain = new LockChain(path, calls)
  }

  /**
   * Waits until nobody else holds the lock. Tries at least once, however late it is.
   * @param thing what cannot be changed without it, for the error
   * @throws HangdogError `unavailable` naming the holder when it still holds it at `due`; a system error when links cannot be made
   */
  async acquire(thing: string, due: Instant): Promise<HeldLock> {
    const since = this.#clock.now()
    const born = new Date(this.#clock.wallNow().getTime() - process.uptime() * 1000)
    this.#self ??= this.#identity.self()
    const note = formatNote({ ...this.#self, born, nonce: randomUUID().replaceAll('-', '') })
    for (;;) {
      const outcome = await this.#attempt(note)
      if (outcome.kind === 'held') return await this.#held(outcome.links)
      if (this.#clock.now() >= due) throw await this.#refusal(thing, outcome.holder, since)
      await this.#pause()
    }
  }

  async #attempt(note: string): Promise<Attempt> {
    const chain = this.#chain
    if (await chain.place(chain.name, note)) return { kind: 'held', links: [toLink(chain.name, note)] }
    const end = (await chain.read()).at(-1)
    if (end === undefined) return releasedJustNow
    if (end.holder !== undefined && this.#identity.isAlive(end.holder)) return { kind: 'busy', holder: end }
    const name = chain.heirOf(end.note)
    if (!(await chain.place(name, note))) return releasedJustNow
    const links = await chain.read()
    if (links.at(-1)?.note === note) return { kind: 'held', links }
    await chain.remove(name)
    return releasedJustNow
  }

  async #held(links: readonly LockLink[]): Promise<HeldLock> {
    const names = links.map(({ name }) => name)
    const heir = this.#chain.heirOf(links.at(-1)?.note ?? '')
    const inherited = names.length > 1
    // The link of an heir of this lock is not for us to remove.
    if (inherited || !this.#swept) await this.#sweep([...names, heir])
    let isReleased = false
    return {
      inherited,
      isHeld: async () => {
        const notes = await Promise.all([...names, heir].map((name) => this.#chain.noteOf(name)))
        // The chain is as it was, and behind it there is nobody.
        return notes.every((note, at) => note === links[at]?.note)
      },
      release: async () => {
        // By the second time the names may be somebody else's.
        if (isReleased) return
        isReleased = true
        for (const name of names) await this.#chain.remove(name)
      },
    }
  }

  async #sweep(kept: readonly string[]): Promise<void> {
    this.#swept = true
    for (const name of await readdir(this.#chain.directory).catch(() => [])) {
      const isLink = this.#chain.hasName(name) && !kept.includes(name)
      if (isLink || this.#isDraft(name)) await this.#chain.remove(name)
    }
  }

  /** Those who wait must not wait in step with each other, nor with whoever writes again and again. */
  #pause(): Promise<void> {
    const delay = milliseconds(pollMs * (0.25 + Math.random()))
    return new Promise((resolve) => this.#clock.schedule(delay, resolve))
  }

  async #refusal(thing: string, link: LockLink | undefined, since: Instant): Promise<HangdogError> {
    const waited = elapsed(since, this.#clock.now())
    const expected = `cannot change ${thing}: expected nobody else to be writing`
    if (link?.holder === undefined) {
      return new HangdogError('unavailable', `${expected}, but others took turns for ${formatDuration(waited)}`)
    }
    const path = this.#chain.pathOf(link.name)
    const made = (await lstat(path).catch(() => undefined))?.mtimeMs ?? Number.POSITIVE_INFINITY
    const age = milliseconds(Math.max(0, this.#clock.wallNow().getTime() - made))
    const { pid, born } = link.holder
    const holder = `pid ${pid} (started ${born.toISOString()})`
    const held = formatDuration(longer(waited, age))
    return new HangdogError('unavailable', `${expected}, but ${holder} has held the lock for ${held} ("${path}")`)
  }
}

/** About how often those who wait look again. */
const pollMs = 20

type Attempt =
  | { readonly kind: 'held'; readonly links: readonly LockLink[] }
  | { readonly kind: 'busy'; readonly holder: LockLink | undefined }

/** Or inherited; who has it now will be seen the next time. */
const releasedJustNow: Attempt = { kind: 'busy', holder: undefined }
