import type { AddonGuard } from './addon.js'
import { check } from './guard-result.js'
import type { ProcessIdentity } from './platform.js'

/** A process that several watch. */
interface SharedWatch {
  readonly pid: number
  users: number
}

/** The processes that the guard watches, each once, whoever asks for it. */
export class GuardWatches {
  readonly #native: AddonGuard
  readonly #watched = new Map<number, SharedWatch>()
  readonly #byPid = new Map<number, number>()

  constructor(native: AddonGuard) {
    this.#native = native
  }

  /** Until `forget` was called as often as this. @throws HangdogError `unavailable` when it has ended, or its start time is another */
  watch({ pid, startTime }: ProcessIdentity): number {
    const known = this.#byPid.get(pid)
    const shared = known === undefined ? undefined : this.#watched.get(known)
    // Of one that has ended, the number may be another's by now.
    if (known !== undefined && shared !== undefined && !hasEnded(this.#native, known)) {
      shared.users++
      return known
    }
    const ticks = Number(startTime)
    const added = this.#native.processAdd(pid, Number.isSafeInteger(ticks) ? ticks : 0)
    const process = check(added, `cannot watch process ${pid}`)
    this.know(pid, process)
    return process
  }

  /** The guard watches this process already, for one who will forget it. */
  know(pid: number, process: number): void {
    this.#watched.set(process, { pid, users: 1 })
    this.#byPid.set(pid, process)
  }

  forget(process: number): void {
    const shared = this.#watched.get(process)
    if (shared !== undefined && --shared.users > 0) return
    this.#watched.delete(process)
    if (shared !== undefined && this.#byPid.get(shared.pid) === process) this.#byPid.delete(shared.pid)
    this.#native.processRemove(process)
  }
}

/** The proof that it has ended. */
export function hasEnded(native: AddonGuard, process: number): boolean {
  return native.processEnded(process) === 1
}
