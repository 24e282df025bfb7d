import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { HangdogError } from '../errors.js'
import { type Milliseconds, milliseconds } from '../time.js'
import { type GapCounts, gapCounts } from '../watch/beat-gaps.js'
import type { GuardCountdowns, GuardNotice, GuardReading } from '../watch/native-engine.js'
import type { Addon, AddonGuard, AddonRecord } from './addon.js'
import { type GuardHold, type GuardMachine, type GuardPlan, holdOf, machineToAddon, planToAddon } from './guard-plan.js'
import type { ProcessIdentity } from './platform.js'

/** A datagram of the notify socket. */
export interface GuardMessage {
  /** The watched process that sent it; undefined when the guard does not know the sender. */
  readonly process: number | undefined
  /** Of the sender, as the kernel knows it. */
  readonly pid: number
  readonly uid: number
  /** The guard has counted the beat in it: it asks nothing more of us. */
  readonly beatTaken: boolean
  /** For how long its process had not beaten, if there is a beat in it and its countdown runs. */
  readonly silent: Milliseconds | undefined
  readonly text: string
}

export interface GuardListener {
  messageReceived?(message: GuardMessage): void
  /** A watched process has ended. Its countdown is off. */
  processEnded?(process: number): void
  /** A countdown that is not quiet was beaten by shared memory. @param silent the time from the beat before, where that is known */
  pageBeaten?(countdown: number, silent: Milliseconds | undefined): void
  /** The guard begins to carry out a plan: until `guardActed` the countdown is its own. @param slot of the record, if there is one */
  guardActing?(countdown: number, slot: number | undefined): void
  /** It is done. @param error zero when the end of the process is proven (or, without a plan, the signal was sent); else an errno value */
  guardActed?(countdown: number, process: number, error: number, slot: number | undefined): void
  /** A record was written about a silence that was not acted on. */
  guardNoted?(countdown: number, slot: number | undefined): void
  /** A silence is not acted on for now. */
  guardHolding?(countdown: number, hold: GuardHold): void
}

/** A process that several watch. */
interface SharedWatch {
  readonly pid: number
  users: number
}

export interface GuardOptions {
  /** Default 131,072. Memory is taken as they are made. */
  readonly countdowns?: number
  /** Default 131,072. */
  readonly processes?: number
  /** Bytes of notices and messages that may wait for us; a power of two. Default 4 MiB. */
  readonly ringBytes?: number
  /** Run by SCHED_FIFO where permitted. Default true. */
  readonly realtime?: boolean
  /** Keep its memory from being swapped out, where permitted. Default true. */
  readonly lockMemory?: boolean
  /** No thread: time and turns are moved by hand. For tests. */
  readonly byHand?: boolean
}

/** Of native/guard/guard.h. */
const flag = { byHand: 1, realtime: 2, lockOwn: 4 } as const
const kinds = {
  warning: 1,
  expired: 2,
  acted: 3,
  ended: 4,
  stall: 5,
  message: 6,
  pageBeat: 7,
  acting: 16,
  noted: 17,
  holding: 18,
} as const
const warnedState = 2
/** Records handed on in one turn of the event loop when the guard wakes us, so that no stranger who writes and writes keeps us busy. */
const turnRecords = 4096
/** More than the ring holds, and so all that was there when we began. */
const ringRecords = 1 << 16

/** Shared memory that a service beats in. */
export interface GuardPage {
  readonly page: number
  readonly file: number
}

/** How much the guard got of what makes it strong; each is true, or why not. */
export interface GuardStrength {
  readonly realtime: true | string
  readonly memoryLocked: true | string
}

/** @throws HangdogError `unavailable` when it cannot be opened */
export function openGuard(addon: Addon, options: GuardOptions = {}): Guard {
  return new Guard((woken) => openNative(addon, options, woken))
}

/** @returns a negative errno value when it cannot be opened */
export function openNative(addon: Addon, options: GuardOptions, woken: () => void): AddonGuard | number {
  const { countdowns = 1 << 17, processes = 1 << 17, ringBytes = 1 << 22 } = options
  const flags =
    (options.byHand === true ? flag.byHand : 0) |
    ((options.realtime ?? true) ? flag.realtime : 0) |
    ((options.lockMemory ?? true) ? flag.lockOwn : 0)
  return addon.open(countdowns, processes, ringBytes, flags, 0, woken)
}

/** The native guard: its thread keeps countdowns, receives notify datagrams and watches processes while JavaScript is busy. */
export class Guard implements GuardCountdowns {
  readonly native: AddonGuard
  #noticed: (notice: GuardNotice) => void = () => {}
  readonly #listeners = new Set<GuardListener>()
  /** Goes on with what was too much for one turn. */
  #rest: NodeJS.Immediate | undefined

  readonly #watched = new Map<number, SharedWatch>()
  readonly #byPid = new Map<number, number>()

  /** @param open gives the guard, and takes what is to be called when it has something to say */
  constructor(open: (woken: () => void) => AddonGuard | number) {
    const opened = open(() => this.#deliver(turnRecords))
    if (typeof opened === 'number') {
      throw new HangdogError('unavailable', `cannot open the guard: ${errorName(opened)}`)
    }
    this.native = opened
  }

  get strength(): GuardStrength {
    const got = this.native.strength()
    return {
      realtime: granted(got?.realtime),
      memoryLocked: granted(got?.lockedOwn === -1 ? got.lockedAll : got?.lockedOwn),
    }
  }

  listen(listener: GuardListener): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: GuardListener): void {
    this.#listeners.delete(listener)
  }

  onNotice(listener: (notice: GuardNotice) => void): void {
    this.#noticed = listener
  }

  /** Hands on all that the guard has to say by now. It wakes us for what comes meanwhile; may be called at any time. */
  deliver(): void {
    this.#deliver(ringRecords)
  }

  /** As above, and also what a guard process has seen and not sent yet: it sends that before it answers anything. */
  catchUp(): void {
    this.native.counters()
    this.deliver()
  }

  /** Ends the thread. Nothing is called any more. */
  close(): void {
    this.#listeners.clear()
    this.#noticed = () => {}
    clearImmediate(this.#rest)
    this.native.close()
  }

  counters(): Readonly<Record<string, number>> {
    return this.native.counters() ?? {}
  }

  // Countdowns.

  countdownCreate(): number {
    return this.native.countdownCreate()
  }

  countdownArm(countdown: number, limit: Milliseconds, warning: Milliseconds): number {
    return this.native.countdownArm(countdown, limit, warning)
  }

  countdownQuietBeat(countdown: number): number {
    return this.native.countdownQuietBeat(countdown)
  }

  countdownExtend(countdown: number, span: Milliseconds): number {
    return this.native.countdownExtend(countdown, span)
  }

  countdownDisarm(countdown: number): number {
    return this.native.countdownDisarm(countdown)
  }

  countdownDispose(countdown: number): number {
    return this.native.countdownDispose(countdown)
  }

  countdownClaim(countdown: number, arming: number): number {
    return this.native.countdownClaim(countdown, arming)
  }

  /** What the guard does alone when nobody claims an expiry within the budget. @throws HangdogError when process or countdown are gone */
  countdownFallback(countdown: number, process: number, signal: NodeJS.Signals, budget: Milliseconds): void {
    check(
      this.native.countdownFallback(countdown, process, constants.signals[signal], budget),
      'cannot set what follows an unclaimed expiry',
    )
  }

  /** The guard does nothing alone for this countdown. */
  forgetFallback(countdown: number): void {
    this.native.countdownFallback(countdown, 0, 0, 0)
  }

  /**
   * What the guard does alone when an expiry is not claimed; undefined for nothing. @returns false when the guard is acting by the plan
   * there is, or when process or countdown are gone
   */
  plan(countdown: number, plan: GuardPlan | undefined): boolean {
    return this.native.countdownPlan(countdown, planToAddon(plan)) >= 0
  }

  /** We deal with an expiry that we have claimed, within this time; zero when that is done. @returns whether there is a plan for it */
  lease(countdown: number, span: Milliseconds): boolean {
    return this.native.countdownLease(countdown, span) >= 0
  }

  /** @param path of a file that does not exist yet @param head for whoever finds it. @throws HangdogError `create` */
  openRecords(path: string, head: string): void {
    const result = this.native.recordOpen(path, head)
    if (result < 0) throw new HangdogError('create', `cannot create the guard's file "${path}": ${errorName(result)}`)
  }

  recordText(slot: number): string | undefined {
    return this.native.recordText(slot)
  }

  /** We have kept this record elsewhere. @returns false while the guard may still add to it */
  freeRecord(slot: number): boolean {
    return this.native.recordFree(slot) >= 0
  }

  openMachine(machine: GuardMachine): void {
    this.native.machineOpen(machineToAddon(machine))
  }

  /** We feed the machine's watchdog by this file; undefined before it is closed. The guard gives the machine time for a crash dump by it. */
  feedsMachineWatchdog(file: number | undefined): void {
    this.native.machineFed?.(file ?? 0)
  }

  /** Stopping the machine is permitted for this long; zero takes the permission back. */
  permitBugCheck(span: Milliseconds): void {
    this.native.bugcheckPermit(span)
  }

  countdownReading(countdown: number): GuardReading | undefined {
    const reading = this.native.countdownReading(countdown)
    if (reading === undefined) return undefined
    const { state, spent, remaining } = reading
    return { warned: state >= warnedState, spent: milliseconds(spent), remaining: milliseconds(remaining) }
  }

  countdownTally(countdown: number): GapCounts | undefined {
    const [sum = 0, longest = 0, ...pairs] = this.native.countdownTally(countdown) ?? []
    if (pairs.length === 0) return undefined
    const bins = pairs.flatMap((bin, at) => (at % 2 === 0 ? [[bin, pairs[at + 1] ?? 0] as const] : []))
    return gapCounts(sum, longest, bins)
  }

  hold(held: boolean): void {
    this.native.hold(held)
  }

  // Processes.

  /**
   * Watches a process until `forgetProcess` was called as often as this. @throws HangdogError `unavailable` when it has ended, or its start
   * time is another
   */
  watchProcess({ pid, startTime }: ProcessIdentity): number {
    const known = this.#byPid.get(pid)
    const shared = known === undefined ? undefined : this.#watched.get(known)
    // Of one that has ended, the number may be another's by now.
    if (known !== undefined && shared !== undefined && !this.hasEnded(known)) {
      shared.users++
      return known
    }
    const ticks = Number(startTime)
    const added = this.native.processAdd(pid, Number.isSafeInteger(ticks) ? ticks : 0)
    const process = check(added, `cannot watch process ${pid}`)
    this.knowProcess(pid, process)
    return process
  }

  /** The guard watches this process already, for one who will forget it. */
  knowProcess(pid: number, process: number): void {
    this.#watched.set(process, { pid, users: 1 })
    this.#byPid.set(pid, process)
  }

  forgetProcess(process: number): void {
    const shared = this.#watched.get(process)
    if (shared !== undefined && --shared.users > 0) return
    this.#watched.delete(process)
    if (shared !== undefined && this.#byPid.get(shared.pid) === process) this.#byPid.delete(shared.pid)
    this.native.processRemove(process)
  }

  /** Beats of this process reset this countdown, and its end disarms it; zero unbinds. */
  bind(process: number, countdown: number): void {
    check(this.native.processBind(process, countdown), 'cannot bind a countdown')
  }

  /** Its descendants may speak for it on the notify socket. */
  admitDescendants(process: number): void {
    check(this.native.processAdmit(process, true), 'cannot admit descendants')
  }

  /** @returns false when the process had ended. @throws HangdogError `permission` */
  signal(process: number, signal: NodeJS.Signals): boolean {
    const result = this.native.processSignal(process, constants.signals[signal])
    if (result === -constants.errno.ESRCH || result === -constants.errno.ENOENT) return false
    check(result, `cannot send ${signal}`)
    return true
  }

  /** The proof that it has ended. */
  hasEnded(process: number): boolean {
    return this.native.processEnded(process) === 1
  }

  // The notify socket.

  /** @param path of a file that does not exist yet. @throws HangdogError `create` */
  openNotify(path: string, mode: number): void {
    const result = this.native.notifyOpen(path, mode)
    if (result < 0) {
      throw new HangdogError('create', `cannot create the notify socket "${path}": ${errorName(result)}`)
    }
  }

  closeNotify(): void {
    this.native.notifyClose()
  }

  // Heartbeats through shared memory.

  /** @returns what names the page, and a file to give to the service and close. @throws HangdogError `unavailable` */
  openPage(lines: number): GuardPage {
    const opened = this.native.pageOpen(lines)
    if (typeof opened !== 'number') return { page: opened.page, file: opened.fd }
    throw new HangdogError('unavailable', `cannot make a heartbeat page: ${errorName(opened)}`)
  }

  /** No line of it may be bound. */
  closePage(page: number): void {
    this.native.pageClose(page)
  }

  /** Beats in this line reset this countdown. @param pid whose beats count; 0 for anybody's @throws HangdogError `unavailable` when one of them is gone */
  bindLine(page: number, line: number, countdown: number, pid: number): void {
    check(this.native.pageBind(page, line, countdown, pid), 'cannot bind a heartbeat line')
  }

  unbindLine(countdown: number): void {
    this.native.pageUnbind(countdown)
  }

  /** As PageKeeper has it (src/heartbeat/page-server.ts). */
  pageReading(countdown: number): { readonly beats: number; readonly spent: Milliseconds; readonly beater: number } {
    const reading = this.native.countdownReading(countdown)
    return {
      beats: reading?.pageBeats ?? 0,
      spent: milliseconds(reading?.spent ?? 0),
      beater: reading?.pageBeater ?? 0,
    }
  }

  #deliver(most: number): void {
    for (let count = 0; count < most; ) {
      const records = this.native.read()
      if (records.length === 0) return
      for (const record of records) this.#hand(record)
      count += records.length
    }
    this.#rest ??= setImmediate(() => {
      this.#rest = undefined
      this.#deliver(turnRecords)
    })
  }

  #hand(record: AddonRecord): void {
    const { countdown, process, arming } = record
    switch (record.kind) {
      case kinds.warning:
        this.#noticed({ kind: 'warning', countdown, arming })
        return
      case kinds.expired:
        this.#noticed({ kind: 'expired', countdown, arming })
        return
      case kinds.acted:
        for (const listener of this.#listeners) {
          listener.guardActed?.(countdown, process, record.error ?? 0, slotOf(record))
        }
        this.#noticed({ kind: 'acted', countdown, arming })
        return
      case kinds.acting:
        this.#noticed({ kind: 'acting', countdown, arming })
        for (const listener of this.#listeners) listener.guardActing?.(countdown, slotOf(record))
        return
      case kinds.noted:
        for (const listener of this.#listeners) listener.guardNoted?.(countdown, slotOf(record))
        return
      case kinds.holding:
        for (const listener of this.#listeners) listener.guardHolding?.(countdown, holdOf(record.hold))
        return
      case kinds.ended:
        for (const listener of this.#listeners) listener.processEnded?.(process)
        return
      case kinds.stall:
        this.#noticed({ kind: 'stall', lost: milliseconds(record.span ?? 0) })
        return
      case kinds.message:
        this.#message(record)
        return
      case kinds.pageBeat:
        for (const listener of this.#listeners) listener.pageBeaten?.(countdown, silence(record))
        return
    }
  }

  #message({ process, pid = 0, uid = 0, beatTaken, span, text = '' }: AddonRecord): void {
    const message = {
      process: process === 0 ? undefined : process,
      pid,
      uid,
      beatTaken: beatTaken === 1,
      silent: span === undefined ? undefined : milliseconds(span),
      text,
    }
    for (const listener of this.#listeners) listener.messageReceived?.(message)
  }
}

/** Below zero is unknown. */
function silence({ span }: AddonRecord): Milliseconds | undefined {
  return span === undefined || span < 0 ? undefined : milliseconds(span)
}

function slotOf({ slot = 0 }: AddonRecord): number | undefined {
  return slot === 0 ? undefined : slot - 1
}

function check(result: number, what: string): number {
  if (result >= 0) return result
  const code = result === -constants.errno.EPERM ? 'permission' : 'unavailable'
  throw new HangdogError(code, `${what}: ${errorName(result)}`)
}

function granted(result: number | undefined): true | string {
  if (result === 0) return true
  return result === undefined || result < 0 ? 'not asked for' : errorName(-result)
}

export function errorName(negative: number): string {
  return getSystemErrorName(negative)
}
