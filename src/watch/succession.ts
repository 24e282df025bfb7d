import type { ExitStatus, ProcessIdentity, ServiceProcess } from '../platform/platform.js'
import { elapsed, type Instant, milliseconds, seconds } from '../time.js'
import { withinLimit } from './bounded.js'
import type { ServiceContext } from './service-context.js'
import { isWatched, type ServiceState } from './service-state.js'

/** Hand-overs of one service in `period`; a service that goes to and fro without end must not keep us busy. */
const most = 10
const period = seconds(60)

/** A refusal is an event at most this often. */
const refusalInterval = seconds(10)

/** How long an end waits for what the process may have said before it: the time to look for a mark, and some more. */
const lastWordsLimit = milliseconds(500)

/**
 * A service hands over to another process of its own, by MAINPID: a daemon that forks, a server that is replaced while it serves. From then
 * on that process is the service's, whatever becomes of the one before it. What does not belong to the run is refused.
 */
export class Succession {
  readonly #context: ServiceContext
  readonly #replace: (successor: ServiceProcess) => void
  /** A process that could only be known by its mark is being looked at. */
  #search: Promise<void> | undefined
  #replacing = false
  readonly #done: Instant[] = []
  #refusedAt: Instant | undefined
  /** A process has ended; this tells it, once what it said before has been heard. */
  #untold: (() => void) | undefined

  /** @param replace makes the successor the service's process */
  constructor(context: ServiceContext, replace: (successor: ServiceProcess) => void) {
    this.#context = context
    this.#replace = replace
  }

  /** The service says that this process is its own. @returns false when that is refused; it may also be refused later, by an event */
  announced(pid: number): boolean {
    const { process, parts } = this.#context
    if (process === undefined) return false
    if (pid === process.identity.pid) return true
    const obstacle = this.#obstacle()
    if (obstacle !== undefined) return this.#refuse(pid, obstacle)
    const member = parts.platform.identifyMember(process, pid)
    if (member !== undefined) return this.#take(process, member)
    this.#search = parts.platform.identifySuccessor(process, pid).then((found) => {
      this.#search = undefined
      if (found === undefined) this.#refuse(pid, 'it does not exist, or is none of this service')
      else if (this.#context.process !== process) this.#refuse(pid, 'the service has ended, or has handed over already')
      else this.#take(process, found)
    })
    return true
  }

  /**
   * Tells the end of a process, but not before what it has said is known: it may have announced another. Nothing is told of one that has
   * handed over by then.
   */
  awaitEnd(process: ServiceProcess, tell: (status: ExitStatus) => void): void {
    void process.exited.then((status) => {
      const heard = process === this.#context.process ? this.#lastWords() : undefined
      if (heard === undefined) {
        tell(status)
        return
      }
      this.#untold = () => tell(status)
      void heard.then(() => this.tellEnd())
    })
  }

  /** Tells an end that waits to be told, if there is one. */
  tellEnd(): void {
    const untold = this.#untold
    this.#untold = undefined
    untold?.()
  }

  /** Resolves when what was said is known; undefined when it is. */
  #lastWords(): Promise<unknown> | undefined {
    const { companions, parts } = this.#context
    if (!mayHandOver(this.#context.state)) return undefined
    const waiting = companions.flatMap((companion) => companion.lastWords?.() ?? [])
    if (waiting.length === 0 && this.#search === undefined) return undefined
    const all = Promise.all(waiting).then(() => this.#search)
    return withinLimit(all, lastWordsLimit, parts.clock)
  }

  #obstacle(): string | undefined {
    const now = this.#context.parts.clock.now()
    while (this.#done[0] !== undefined && elapsed(this.#done[0], now) > period) this.#done.shift()
    if (!mayHandOver(this.#context.state)) return `the service is ${this.#context.state.kind}`
    if (this.#replacing || this.#search !== undefined) return 'another hand-over is under way'
    return this.#done.length < most ? undefined : `it has handed over ${most} times within a minute`
  }

  #take(process: ServiceProcess, identity: ProcessIdentity): boolean {
    const { parts, state, spec } = this.#context
    const reading = parts.platform.readProcess(identity)
    if (reading.kind === 'gone' || reading.state === 'zombie') return this.#refuse(identity.pid, 'it has ended')
    if (!mayHandOver(state)) return this.#refuse(identity.pid, `the service is ${state.kind}`)
    this.#done.push(parts.clock.now())
    const { pid } = identity
    const before = process.identity.pid
    parts.emit({ name: 'service-handed-over', service: spec.name, parameters: { pid, before } })
    this.#replacing = true
    try {
      this.#replace(parts.platform.succeed(process, identity))
    } finally {
      this.#replacing = false
    }
    return true
  }

  #refuse(pid: number, reason: string): false {
    const { parts, spec } = this.#context
    const now = parts.clock.now()
    if (this.#refusedAt !== undefined && elapsed(this.#refusedAt, now) < refusalInterval) return false
    this.#refusedAt = now
    parts.emit({ name: 'hand-over-refused', service: spec.name, parameters: { pid, reason } })
    return false
  }
}

/** Whoever is ended now is ended with all that belongs to it. */
function mayHandOver(state: ServiceState): boolean {
  return isWatched(state) || state.kind === 'unwatched' || state.kind === 'expired'
}
