import type { Stats } from 'node:fs'
import { rename, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { isDraftOf, writeDurably } from '../durable-file.js'
import { describeError, type ErrorCode, HangdogError, systemCode } from '../errors.js'
import { FileLock, type HeldLock } from '../file-lock.js'
import { isAlive, thisProcess } from '../process-identity.js'
import type { StateDirectory } from '../state-directory.js'
import { type Clock, later, type Milliseconds, seconds } from '../time.js'
import { formatLedger, readLedger, type StoredMaintenance } from './ledger-file.js'

export function ledgerPath({ root }: Pick<StateDirectory, 'root'>): string {
  return join(root, 'maintenance.json')
}

export interface LedgerStoreOptions {
  readonly path: string
  readonly clock: Clock
  /** Told what is wrong, not twice in a row. */
  readonly troubled: (problem: string) => void
  /** How long a change waits for other writers, who need milliseconds. Default 5 s. */
  readonly lockLimit?: Milliseconds
}

/** What is to be stored instead of `all`, and what its maker wants to know of it. May throw; nothing changes then. */
export type LedgerChange<T> = (all: readonly StoredMaintenance[]) => {
  readonly all: readonly StoredMaintenance[]
  readonly result: T
}

/**
 * The one file of maintenances, shared by all hangdogs of a state directory. A file that cannot be used counts as empty. A damaged one
 * is kept aside; one of a newer version, or that cannot be read, stays, and nothing can be changed.
 */
export class LedgerStore {
  readonly #path: string
  readonly #clock: Clock
  readonly #lock: FileLock
  readonly #lockLimit: Milliseconds
  readonly #troubled: (problem: string) => void
  #seen = ''
  #lastProblem = ''

  constructor({ path, clock, troubled, lockLimit = defaultLockLimit }: LedgerStoreOptions) {
    this.#path = path
    this.#clock = clock
    this.#lock = new FileLock({
      path: `${path}.lock`,
      clock,
      identity: { self: thisProcess, isAlive },
      isDraft: (name) => isDraftOf(basename(path), name),
    })
    this.#lockLimit = lockLimit
    this.#troubled = troubled
  }

  /** Never rejects. @returns undefined when the file is as it was at the last look */
  async readIfChanged(): Promise<readonly StoredMaintenance[] | undefined> {
    const seen = await this.#look()
    if (seen === this.#seen) return undefined
    this.#seen = seen
    const content = await readLedger(this.#path)
    if (content.kind === 'whole') return content.all
    if (content.kind === 'damaged') await this.#setAside()
    else
      this.report(`the file "${this.#path}" is not used, so that no maintenance holds monitoring: ${content.problem}`)
    return []
  }

  /**
   * Reads, changes and writes while no other process does.
   * @param thing whose maintenance is changed, for errors
   * @throws HangdogError `unavailable` when the file is locked, `data` when it must not be written over, `create` or `permission`
   * when it cannot be; the file is as it was then
   */
  async change<T>(thing: string, change: LedgerChange<T>): Promise<ReturnType<LedgerChange<T>>> {
    try {
      return await this.#whileLocked(thing, async (lock) => {
        const before = await this.#readForChange()
        const changed = change(before)
        if (!isSame(changed.all, before)) await this.#write(changed.all, thing, lock)
        this.#lastProblem = ''
        this.#seen = await this.#look()
        return changed
      })
    } catch (error) {
      throw error instanceof HangdogError ? error : refusal(this.#path, thing, error)
    }
  }

  report(problem: string): void {
    if (problem === this.#lastProblem) return
    this.#lastProblem = problem
    this.#troubled(problem)
  }

  async #setAside(): Promise<void> {
    try {
      await this.#whileLocked('what is damaged', () => this.#readForChange())
    } catch (error) {
      this.report(`the file "${this.#path}" is damaged and cannot be kept aside: ${describeError(error)}`)
    }
  }

  async #readForChange(): Promise<readonly StoredMaintenance[]> {
    const content = await readLedger(this.#path)
    if (content.kind === 'whole') return content.all
    if (content.kind === 'closed') {
      throw new HangdogError('data', `cannot change the maintenances in "${this.#path}": ${content.problem}`)
    }
    const aside = `${this.#path}.damaged`
    await rename(this.#path, aside)
    this.report(
      `the file "${this.#path}" was damaged (${content.problem}); it is kept as "${aside}", and what it said holds nothing`,
    )
    return []
  }

  async #write(all: readonly StoredMaintenance[], thing: string, lock: HeldLock): Promise<void> {
    await writeDurably(this.#path, formatLedger(all), async () => {
      if (!(await lock.isHeld())) throw lostLock(thing)
    })
  }

  async #whileLocked<T>(thing: string, work: (lock: HeldLock) => Promise<T>): Promise<T> {
    const due = later(this.#clock.now(), this.#lockLimit)
    const lock = await this.#lock.acquire(`the maintenance of ${thing}`, due)
    try {
      return await work(lock)
    } finally {
      await lock.release()
    }
  }

  async #look(): Promise<string> {
    return await stat(this.#path).then(describeFile, (error: unknown) => systemCode(error) ?? 'unknown')
  }
}

const defaultLockLimit = seconds(5)

/** A file that is replaced has another number; one that is written over, another time or size. */
function describeFile({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`
}

function isSame(after: readonly StoredMaintenance[], before: readonly StoredMaintenance[]): boolean {
  return after.length === before.length && after.every(({ id }, index) => id === before[index]?.id)
}

function lostLock(thing: string): HangdogError {
  const expected = 'expected to hold the lock until it is written, but somebody took it away'
  return new HangdogError('unavailable', `cannot change the maintenance of ${thing}: ${expected}`)
}

function refusal(path: string, thing: string, error: unknown): HangdogError {
  const isDenied = ['EACCES', 'EPERM'].includes(systemCode(error) ?? '')
  const code: ErrorCode = isDenied ? 'permission' : 'create'
  const message = `cannot change the maintenance of ${thing}: "${path}" cannot be written: ${describeError(error)}`
  return new HangdogError(code, message, error)
}
