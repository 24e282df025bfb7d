import { readFile } from 'node:fs/promises'
import type { ProcessStat } from './linux-proc.js'
import { hasEnded, isOlder, type ProcessTable } from './linux-tree.js'
import type { ProcessIdentity } from './platform.js'

/**
 * Variable that each service is started with. Its value is random for each run, and descendants inherit it, so that a daemon that left
 * the session and was adopted by init is still known. A program that starts another with a cleared environment loses it.
 */
export const markerVariable = 'HANGDOG_SERVICE_ID'

/**
 * Reads of environments that may be stuck at once. The kernel makes the reader wait while the process holds its memory map, for
 * ever when that process is stuck in the kernel; each such read holds one of libuv's four threads.
 */
const pendingLimit = 2

/** Finds processes by the marker in their environment. Remembers what it read: a marker comes by fork and is never gained later. */
export class MarkerSearch {
  readonly #markers = new Map<string, string>()
  readonly #pending = new Map<string, Promise<void>>()

  /**
   * Those that carry the marker and are not older than the service. What could not be read within the limit is left out
   * and tried again at the next call.
   */
  async find(
    table: ProcessTable,
    marker: string,
    startTime: string,
    limitMs: number,
  ): Promise<readonly ProcessIdentity[]> {
    this.#forgetEnded(table)
    const candidates = [...table.byPid.values()].filter((stat) => mayCarry(stat) && !isOlder(stat, startTime))
    const deadline = performance.now() + limitMs
    for (const stat of candidates) {
      if (this.#markers.has(key(stat))) continue
      const left = deadline - performance.now()
      if (left <= 0) break
      await this.#readWithin(stat, Math.min(left, readLimitMs))
    }
    return candidates
      .filter((stat) => this.#markers.get(key(stat)) === marker)
      .map(({ pid, startTime }) => ({ pid, startTime }))
  }

  /** Whether this one process carries the marker; false when that could not be read in time. */
  async carries(stat: ProcessStat, marker: string): Promise<boolean> {
    if (!mayCarry(stat)) return false
    if (!this.#markers.has(key(stat))) await this.#readWithin(stat, readLimitMs)
    return this.#markers.get(key(stat)) === marker
  }

  async #readWithin(stat: ProcessStat, limitMs: number): Promise<void> {
    const name = key(stat)
    // One that is stuck already is not waited for again.
    if (this.#pending.has(name) || this.#pending.size >= pendingLimit) return
    const read = readFile(`/proc/${stat.pid}/environ`, 'latin1').then(
      (environment) => this.#remember(name, environment),
      () => this.#remember(name, 'unreadable'),
    )
    this.#pending.set(name, read)
    let timer: NodeJS.Timeout | undefined
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs)
    })
    await Promise.race([read, limit])
    clearTimeout(timer)
  }

  #remember(name: string, environment: string): void {
    this.#pending.delete(name)
    // In the middle of an exec the environment is empty for a moment.
    if (environment === '') return
    const entry = environment.split('\0').find((line) => line.startsWith(`${markerVariable}=`))
    this.#markers.set(name, entry?.slice(markerVariable.length + 1) ?? '')
  }

  #forgetEnded(table: ProcessTable): void {
    for (const name of this.#markers.keys()) {
      const stat = table.byPid.get(Number.parseInt(name, 10))
      if (stat === undefined || key(stat) !== name) this.#markers.delete(name)
    }
  }
}

/** For one environment, in ms. It is a copy in memory, so that what takes longer is stuck. */
const readLimitMs = 50

/** A live process of user space: the threads of the kernel are children of kthreadd, which is always number 2. */
const mayCarry = (stat: ProcessStat) => !hasEnded(stat) && stat.parent !== 2 && stat.pid !== 2

const key = (stat: ProcessStat) => `${stat.pid}:${stat.startTime}`
