import { HangdogError } from '../errors.js'
import type { Emit } from '../event/event.js'
import { type Clock, type Milliseconds, seconds } from '../time.js'
import { EarlyMessages } from './early-messages.js'
import type { RareReport } from './rare-report.js'
import { RecentPids } from './recent-pids.js'
import { type Refusal, reportRefusals } from './refusal.js'
import type { StartedProcess } from './source.js'

/** A datagram, with its sender as the kernel knows it. */
export interface NotifyMessage {
  /** The watched process that sent it; undefined when it is none. */
  readonly process: number | undefined
  readonly pid: number
  readonly uid: number
  /** The beat in it has been counted already. */
  readonly beatTaken: boolean
  /** For how long the sender had not beaten, if there is a beat in it and the receiver counts them. */
  readonly silent: Milliseconds | undefined
  readonly text: string
}

/** What receives notify datagrams: the native guard (src/platform/guard.ts). */
export interface NotifyReceiver {
  listen(listener: { messageReceived(message: NotifyMessage): void; processEnded(process: number): void }): void
  /** @param path of a file that does not exist yet. @throws HangdogError `create` */
  openNotify(path: string, mode: number): void
  closeNotify(): void
  /** @throws HangdogError when the process has ended */
  watchProcess(process: { readonly pid: number; readonly startTime: string }): number
  forgetProcess(process: number): void
  /** Its beats reset this countdown, and its end disarms it; zero unbinds. */
  bind(process: number, countdown: number): void
  /** Whoever descends from it may speak for it. */
  admitDescendants(process: number): void
  counters(): Readonly<Record<string, number>>
}

/** A service's place at the notify socket. */
export interface NotifyParty {
  messageReceived(message: NotifyMessage): void
  /** Whether this other process may speak for the service; undefined when none may. Asked of processes that are not known to descend from it. */
  readonly admits: ((pid: number) => boolean) | undefined
}

/** Gives the datagrams of the one notify socket to the services that they come from. Foreign ones are refused. */
export class NotifyServer {
  readonly path: string
  readonly #guard: NotifyReceiver
  readonly #parties = new Map<number, { readonly party: NotifyParty; readonly pid: number }>()
  /** Of the watched processes: what the guard took before it knew one may be read here after. */
  readonly #processes = new Map<number, number>()
  readonly #refusals: RareReport<Refusal>
  /** A service may speak before we have been told that it has started. */
  readonly #early: EarlyMessages
  /** Services that ended before they were known: what they said may be read after that. */
  readonly #ended: RecentPids
  /** Watched processes of which the guard has told the end, after all that they said. */
  readonly #told = new Set<number>()
  readonly #waiting = new Map<number, () => void>()
  /** Nobody admits them: asking again for each message would keep us busy as long as a stranger writes. */
  readonly #refused: RecentPids

  /** @throws HangdogError `create` when the socket cannot be made. The caller has removed what a dead hangdog left at this path */
  constructor(guard: NotifyReceiver, { path, clock, emit }: { path: string; clock: Clock; emit: Emit }) {
    this.path = path
    this.#guard = guard
    this.#refusals = reportRefusals(emit, clock)
    this.#ended = new RecentPids(clock, seconds(10))
    this.#refused = new RecentPids(clock, seconds(1))
    this.#early = new EarlyMessages(clock, (message) => this.#refuse(message))
    // Everyone may write: who may speak for a service is decided by the kernel's word on who wrote.
    guard.openNotify(path, 0o666)
    guard.listen({
      messageReceived: (message) => this.#messageReceived(message),
      processEnded: (process) => this.#processEnded(process),
    })
  }

  /**
   * A service runs as this process. Its beats reset the countdown, if one is given, without waking JavaScript.
   * @returns what names it until `left`; undefined when it has ended already
   */
  joined(party: NotifyParty, { pid, startTime }: StartedProcess, countdown: number | undefined): number | undefined {
    const process = this.#watch({ pid, startTime })
    if (process === undefined) {
      this.#ended.add(pid)
      for (const message of this.#early.take(pid)) party.messageReceived(message)
      return undefined
    }
    this.#ended.delete(pid)
    if (countdown !== undefined) this.#guard.bind(process, countdown)
    if (party.admits !== undefined) this.#guard.admitDescendants(process)
    this.#parties.set(process, { party, pid })
    this.#processes.set(pid, process)
    this.#refused.clear()
    for (const message of this.#early.take(pid)) party.messageReceived(message)
    return process
  }

  /** The countdown is to be another's: neither beats nor the end of this process touch it any more. */
  released(process: number): void {
    try {
      this.#guard.bind(process, 0)
    } catch (error) {
      // It is gone, and so is what bound it.
      if (!(error instanceof HangdogError)) throw error
    }
  }

  /** This process has ended. Resolves when what it has said is delivered; undefined when it has been. */
  lastWords(process: number): Promise<void> | undefined {
    if (this.#told.has(process) || !this.#parties.has(process)) return undefined
    return new Promise((resolve) => {
      this.#waiting.set(process, resolve)
    })
  }

  left(process: number): void {
    const pid = this.#parties.get(process)?.pid
    this.#told.delete(process)
    this.#waiting.get(process)?.()
    this.#waiting.delete(process)
    this.#parties.delete(process)
    if (pid !== undefined && this.#processes.get(pid) === process) this.#processes.delete(pid)
    this.#guard.forgetProcess(process)
  }

  /** What was not taken, of all senders together; by names that no service's own counter has. */
  counters(): Readonly<Record<string, number>> {
    const all = Object.entries({ ...this.#guard.counters(), ...this.#refusals.totals() })
    const dropped = all.filter(([name, count]) => count > 0 && (name.startsWith('dropped-') || name === 'foreign'))
    return Object.fromEntries(dropped.map(([name, count]) => [`socket-${name}`, count]))
  }

  close(): void {
    this.#guard.closeNotify()
    for (const process of [...this.#parties.keys()]) this.left(process)
  }

  #watch(identity: { readonly pid: number; readonly startTime: string }): number | undefined {
    try {
      return this.#guard.watchProcess(identity)
    } catch (error) {
      if (error instanceof HangdogError && error.code === 'unavailable') return undefined
      throw error
    }
  }

  #processEnded(process: number): void {
    if (!this.#parties.has(process)) return
    this.#told.add(process)
    this.#waiting.get(process)?.()
    this.#waiting.delete(process)
  }

  #messageReceived(message: NotifyMessage): void {
    const process = message.process ?? this.#processes.get(message.pid)
    const own = process === undefined ? undefined : this.#parties.get(process)
    if (own !== undefined) {
      own.party.messageReceived(message)
      return
    }
    const admitting = this.#admitting(message.pid)
    if (admitting !== undefined) admitting.messageReceived(message)
    else if (!this.#ended.has(message.pid)) this.#early.keep(message)
  }

  #admitting(pid: number): NotifyParty | undefined {
    if (this.#refused.has(pid)) return undefined
    for (const { party } of this.#parties.values()) if (party.admits?.(pid) === true) return party
    this.#refused.add(pid)
    return undefined
  }

  #refuse({ pid, uid }: NotifyMessage): void {
    this.#refusals.note('foreign', `pid ${pid} of user ${uid}`)
  }
}
