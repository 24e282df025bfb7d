import { lstatSync, unlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeError, HangdogError } from './errors.js'
import type { Emit } from './event/event.js'
import {
  AloneGuard,
  type AloneParts,
  keepLeftRecords,
  keepSlots,
  type LeftRecords,
  recoverRecords,
} from './guard-alone.js'
import { type GuardMode, lackOfGuard } from './guard-mode.js'
import { NotifyServer } from './heartbeat/notify-server.js'
import { PageServer } from './heartbeat/page-server.js'
import type { LoadedAddon } from './platform/addon.js'
import { type Guard, openGuard } from './platform/guard.js'
import { watchEnd } from './platform/guard-end.js'
import { type GuardProcess, openGuardProcess } from './platform/guard-process.js'
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.js'
import type { Clock } from './time.js'
import { createNativeEngine, type NativeEngine } from './watch/native-engine.js'

/** The guard, with what stands on it. */
export interface OpenGuard {
  readonly guard: Guard
  /** Keeps the countdowns of services whose beats the guard hears by itself. */
  readonly engine: NativeEngine
  readonly notify: NotifyServer
  readonly pages: PageServer
  readonly alone: AloneGuard
}

export interface GuardParts {
  readonly addon: LoadedAddon
  readonly mode: GuardMode
  /** Of the guard process. */
  readonly processPath: string
  /** Of the notify socket. No other live hangdog has this path. */
  readonly notifyPath: string
  readonly clock: Clock
  readonly emit: Emit
  readonly alone: Omit<AloneParts, 'clock' | 'emit'>
}

/** Opens the guard with the first service that needs it: most hangdogs watch one service, and many of these do without. */
export class GuardDesk {
  readonly #parts: GuardParts
  #open: OpenGuard | undefined
  #watchdog: number | undefined
  /** Why the guard could not be opened for an offer. */
  #refusal: string | undefined
  #process: GuardProcess | undefined
  /** The guard process, told apart from every other. */
  #keeper: ProcessIdentity | undefined
  /** Slots of what it was still at when we looked last. */
  #unfinished: readonly number[] = []
  #ended = false
  #isLogReady = false

  constructor(parts: GuardParts) {
    this.#parts = parts
  }

  /** Why there is no guard; undefined when there is one. */
  get lacks(): string | undefined {
    return lackOfGuard(this.#parts.addon, this.#parts.mode)
  }

  /** The guard process, when that is what was asked for. */
  get process(): GuardProcess | undefined {
    return this.#process
  }

  /** Starts the guard process or finds the one that runs, when that is what was asked for. @throws HangdogError as openGuardProcess */
  async open(): Promise<void> {
    const { addon, mode, processPath } = this.#parts
    if (mode !== 'process') return
    if (addon.kind === 'absent') throw new HangdogError('unavailable', `cannot open the guard: ${addon.reason}`)
    this.#process = await openGuardProcess(addon.addon, {
      path: processPath,
      lost: (why) => this.#lost(why),
    })
    this.#keeper = identityOf(this.#process.pid)
  }

  /** Keeps what the guard process recorded while nobody owned it. Never rejects. */
  async keepRecords(): Promise<void> {
    const left = this.#left()
    if (left !== undefined) this.#unfinished = await keepLeftRecords(left)
  }

  /** The same for what it was still at. To be called when what it kept watched is adopted or forgotten. Never rejects. */
  async keepUnfinishedRecords(): Promise<void> {
    const left = this.#left()
    if (left === undefined) return
    await keepSlots(left, this.#unfinished)
    // What began and ended in between.
    this.#unfinished = await keepLeftRecords(left)
  }

  /** @throws HangdogError `unavailable` without the native part, `create` or `permission` when the notify socket cannot be made */
  obtain(): OpenGuard {
    this.#open ??= this.#assemble()
    if (this.#isLogReady) this.#open.alone.tellTrouble()
    return this.#open
  }

  /** Opens the guard for what is only offered, and can be left out. @returns why there is none; undefined when there is one */
  tryOut(): string | undefined {
    if (this.lacks !== undefined || this.#refusal !== undefined) return this.lacks ?? this.#refusal
    try {
      this.obtain()
      return undefined
    } catch (error) {
      this.#refusal = describeError(error)
      return this.#refusal
    }
  }

  /** Events can be written from now on. */
  logReady(): void {
    this.#isLogReady = true
    if (this.#refusal !== undefined) {
      const reason = `${this.#refusal}; only the stream is offered`
      this.#parts.emit({ name: 'source-lost', parameters: { reason } })
    }
    this.#open?.alone.tellTrouble()
  }

  /** What says whether this machine may be stopped may say something else now. */
  renewPermit(): void {
    this.#open?.alone.renewPermit()
  }

  /** That of the guard, once it is open. */
  get engines(): readonly NativeEngine[] {
    return this.#open === undefined ? [] : [this.#open.engine]
  }

  /** Hangdog feeds the machine's watchdog by this file; undefined before that is closed. */
  feedsMachineWatchdog(file: number | undefined): void {
    this.#watchdog = file
    if (this.#process === undefined) this.#open?.guard.feedsMachineWatchdog(file)
  }

  /** Resolves when a process that is no child of ours has ended; undefined where there is no guard that could tell. */
  endOf(identity: Pick<ProcessIdentity, 'pid' | 'startTime'>): Promise<void> | undefined {
    const guard = this.#process?.guard ?? this.#open?.guard
    return guard === undefined ? undefined : watchEnd(guard, identity)
  }

  /** Hands on what the guard has heard and not told yet. */
  deliver(): void {
    this.#open?.guard.deliver()
  }

  /** All services have ended: a guard process is of no more use. */
  end(): void {
    this.#ended = true
  }

  /** To be called when nothing is watched any more. A guard process that was not told to end keeps what it watches. */
  async close(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    open?.alone.stopRenewing()
    if (this.#process !== undefined && !this.#ended) {
      this.#process.guard.close()
      return
    }
    this.#process?.end()
    if (open === undefined) {
      this.#process?.guard.close()
      return
    }
    open.pages.close()
    open.notify.close()
    open.guard.close()
    if (this.#keeper !== undefined) await ended(this.#keeper)
    open.alone.removeFile()
    removeSocket(this.#parts.notifyPath)
  }

  #left(): LeftRecords | undefined {
    const { clock, emit, alone } = this.#parts
    if (this.#process === undefined || this.#keeper === undefined) return undefined
    return { guard: this.#process.guard, keeper: this.#keeper, state: alone.state, clock, emit }
  }

  #lost(why: string | undefined): void {
    const { clock, emit, alone } = this.#parts
    emit({ name: 'guard-lost', parameters: { pid: this.#process?.pid ?? 0, consequence: describeHeir(why) } })
    this.#unfinished = []
    this.#open?.alone.guardReplaced()
    if (this.#isLogReady) this.#open?.alone.tellTrouble()
    void recoverRecords(alone.state, clock, emit)
  }

  #assemble(): OpenGuard {
    const { addon } = this.#parts
    if (this.#process !== undefined) return this.#assembleOn(this.#process.guard)
    const lacks = this.lacks
    if (addon.kind === 'absent' || lacks !== undefined)
      throw new HangdogError('unavailable', `cannot open the guard: ${lacks}`)
    const guard = openGuard(addon.addon)
    guard.feedsMachineWatchdog(this.#watchdog)
    try {
      removeSocket(this.#parts.notifyPath)
      return this.#assembleOn(guard)
    } catch (error) {
      guard.close()
      throw error
    }
  }

  #assembleOn(guard: Guard): OpenGuard {
    const { alone: parts, clock, emit } = this.#parts
    const notify = this.#listen(guard)
    const alone = new AloneGuard(guard, { ...parts, clock, emit, keeper: this.#keeper })
    return { guard, engine: createNativeEngine(guard), notify, pages: new PageServer(guard, clock), alone }
  }

  /** A guard process that had an owner before us listens already; what a dead one left is in the way of a new one. */
  #listen(guard: Guard): NotifyServer {
    const { notifyPath: path, clock, emit } = this.#parts
    try {
      return new NotifyServer(guard, { path, clock, emit })
    } catch (error) {
      if (this.#process === undefined) throw error
      removeSocket(path)
      return new NotifyServer(guard, { path, clock, emit })
    }
  }
}

/** How long a guard process may take to write what it has to, in ms. */
const endLimitMs = 5000

async function ended(keeper: ProcessIdentity): Promise<void> {
  for (const until = Date.now() + endLimitMs; isAlive(keeper) && Date.now() < until; ) await sleep(10)
}

function describeHeir(why: string | undefined): string {
  return why === undefined
    ? 'The guard of this hangdog goes on in its place; it will not outlive hangdog, until hangdog is started again.'
    : `There is no other guard, and what it watched is watched no longer: ${why}`
}

/** What a dead hangdog of the same name left; anything else is not ours to remove, and making the socket will say so. */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path)
}
