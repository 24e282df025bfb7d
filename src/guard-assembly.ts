import { lstatSync, unlinkSync } from 'node:fs'
import { describeError, HangdogError } from './errors.js'
import type { Emit } from './event/event.js'
import { AloneGuard, type AloneParts } from './guard-alone.js'
import { type GuardMode, lackOfGuard } from './guard-mode.js'
import { NotifyServer } from './heartbeat/notify-server.js'
import { PageServer } from './heartbeat/page-server.js'
import type { LoadedAddon } from './platform/addon.js'
import { type Guard, openGuard } from './platform/guard.js'
import { type GuardProcess, openGuardProcess } from './platform/guard-process.js'
import type { Clock } from './time.js'
import { createNativeEngine, type NativeEngine } from './watch/native-engine.js'

/** The guard, with what stands on it. */
export interface OpenGuard {
  readonly guard: Guard
  /** Keeps the countdowns of services whose beats the guard hears by itself. */
  readonly engine: NativeEngine
  readonly notify: NotifyServer
  readonly pages: PageServer
  /** Undefined for a guard process, which acts by rules of its own. */
  readonly alone?: AloneGuard
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
    const { addon, mode, processPath, emit } = this.#parts
    if (mode !== 'process') return
    if (addon.kind === 'absent') throw new HangdogError('unavailable', `cannot open the guard: ${addon.reason}`)
    let pid = 0
    this.#process = await openGuardProcess(addon.addon, {
      path: processPath,
      lost: (why) => emit({ name: 'guard-lost', parameters: { pid, consequence: describeHeir(why) } }),
    })
    pid = this.#process.pid
  }

  /** @throws HangdogError `unavailable` without the native part, `create` or `permission` when the notify socket cannot be made */
  obtain(): OpenGuard {
    this.#open ??= this.#assemble()
    if (this.#isLogReady) this.#open.alone?.tellTrouble()
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
    this.#open?.alone?.tellTrouble()
  }

  /** What says whether this machine may be stopped may say something else now. */
  renewPermit(): void {
    this.#open?.alone?.renewPermit()
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

  /** Hands on what the guard has heard and not told yet. */
  deliver(): void {
    this.#open?.guard.deliver()
  }

  /** All services have ended: a guard process is of no more use. */
  end(): void {
    this.#ended = true
  }

  /** To be called when nothing is watched any more. A guard process that was not told to end keeps what it watches. */
  close(): void {
    const open = this.#open
    this.#open = undefined
    if (this.#process !== undefined && !this.#ended) {
      this.#process.guard.close()
      return
    }
    this.#process?.end()
    if (open === undefined) {
      this.#process?.guard.close()
      return
    }
    open.alone?.stopRenewing()
    open.pages.close()
    open.notify.close()
    open.guard.close()
    open.alone?.removeFile()
    removeSocket(this.#parts.notifyPath)
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
      const { alone, clock, emit } = this.#parts
      return { ...this.#assembleOn(guard), alone: new AloneGuard(guard, { ...alone, clock, emit }) }
    } catch (error) {
      guard.close()
      throw error
    }
  }

  #assembleOn(guard: Guard): OpenGuard {
    const notify = this.#listen(guard)
    return { guard, engine: createNativeEngine(guard), notify, pages: new PageServer(guard, this.#parts.clock) }
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

function describeHeir(why: string | undefined): string {
  return why === undefined
    ? 'The guard of this hangdog goes on in its place; it will not outlive hangdog, until hangdog is started again.'
    : `There is no other guard, and what it watched is watched no longer: ${why}`
}

/** What a dead hangdog of the same name left; anything else is not ours to remove, and making the socket will say so. */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path)
}
