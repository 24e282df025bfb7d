import type { ProcessIdentity } from '../platform/platform.js'
import type { SignalMemory } from './inspector-port.js'
import { closeInspector } from './inspector-visit.js'
import { type ListeningPort, readListeners, selectOwn } from './listening-port.js'
import { readText } from './proc-file.js'

/** First time between two looks, in ms; it doubles up to the longest. */
const shortestPauseMs = 250
const longestPauseMs = 5000

/** How long an inspector is waited for. A service that is blocked for longer is not expected to come back by itself. */
const patienceMs = 3_600_000

/** How long closing may take. */
const closeLimitMs = 2000

/**
 * Inspectors that were asked for and had not opened when the capture ended: the main thread was in native code. When it comes back, the
 * inspector opens, with nobody to use it. It is closed again here.
 */
export class LateInspectors {
  readonly #memory: SignalMemory
  readonly #expected = new Map<string, NodeJS.Timeout>()
  /** A look that is under way. */
  readonly #looking = new Map<string, Promise<void>>()

  /** @param memory what was listening before the signal */
  constructor(memory: SignalMemory) {
    this.#memory = memory
  }

  expect(identity: ProcessIdentity): void {
    clearTimeout(this.#expected.get(key(identity)))
    this.#lookLater(identity, shortestPauseMs, performance.now() + patienceMs)
  }

  /** Another capture deals with it; what is under way is waited for, which takes two seconds at most. */
  async cancel(identity: ProcessIdentity): Promise<void> {
    clearTimeout(this.#expected.get(key(identity)))
    this.#expected.delete(key(identity))
    await this.#looking.get(key(identity))
  }

  #lookLater(identity: ProcessIdentity, pauseMs: number, end: number): void {
    const look = async () => {
      const goOn = await this.#isToBeWaitedFor(identity).catch(() => false)
      this.#looking.delete(key(identity))
      if (this.#expected.get(key(identity)) !== timer) return
      this.#expected.delete(key(identity))
      if (goOn && performance.now() < end) this.#lookLater(identity, Math.min(pauseMs * 2, longestPauseMs), end)
    }
    // It keeps hangdog no longer than its services do.
    const timer = setTimeout(() => this.#looking.set(key(identity), look()), pauseMs).unref()
    this.#expected.set(key(identity), timer)
  }

  /** False when there is nothing left to do. */
  async #isToBeWaitedFor(identity: ProcessIdentity): Promise<boolean> {
    const before = this.#memory.get(identity)
    if (before === undefined || !(await isSame(identity))) return false
    const fresh = (await readListeners(identity.pid)).filter(({ inode }) => !before.has(inode))
    const own = await selectOwn(identity.pid, fresh)
    const at = own.kind === 'read' ? own.value[0] : undefined
    if (at === undefined) return true
    await close(at)
    // Looked at once more, in case that failed.
    return true
  }
}

function key({ pid, startTime }: ProcessIdentity): string {
  return `${pid} ${startTime}`
}

/** The pid may have gone to another process, which is not ours to look into. */
async function isSame({ pid, startTime }: ProcessIdentity): Promise<boolean> {
  const stat = await readText(`/proc/${pid}/stat`)
  return stat.kind === 'read' && stat.value.slice(stat.value.lastIndexOf(')') + 2).split(' ')[19] === startTime
}

async function close(at: ListeningPort): Promise<void> {
  const cutOff = new AbortController()
  const timer = setTimeout(() => cutOff.abort(), closeLimitMs)
  try {
    await closeInspector({ kind: 'open', at, ours: true, fixed: false }, cutOff.signal)
  } catch {
    // A program that listens there for itself; the next look finds it again and does as little.
  } finally {
    clearTimeout(timer)
  }
}
