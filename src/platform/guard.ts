import { constants } from 'node:os'
import { HangdogError } from '../errors.js'
import { type Milliseconds, milliseconds } from '../time.js'
import { type GapCounts, gapCounts } from '../watch/beat-gaps.js'
import type { GuardCountdowns, GuardNotice, GuardReading } from '../watch/native-engine.js'
import type { Addon, AddonGuard } from './addon.js'
import { type GuardListener, GuardNews } from './guard-news.js'
import { type GuardOptions, type GuardStrength, openNative, strengthOf } from './guard-opening.js'
import { type GuardMachine, type GuardPlan, machineToAddon, planToAddon } from './guard-plan.js'
import { check, errorName } from './guard-result.js'
import { GuardWatches, hasEnded } from './guard-watches.js'
import type { ProcessIdentity } from './platform.js'

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

/** @throws HangdogError `unavailable` when it cannot be opened */
export function openGuard(addon: Addon, options: GuardOptions = {}): Guard {
  return new Guard((woken) => openNative(addon, options, woken))
}

/** The native guard: its thread keeps countdowns, receives notify datagrams and watches processes while JavaScript is busy. */
export class Guard implements GuardCountdowns {
  readonly native: AddonGuard
  readonly #news = new GuardNews()
  /** Goes on with what was too much for one turn. */
  #rest: NodeJS.Immediate | undefined
  readonly #watches: GuardWatches

  /** @param open gives the guard, and takes what is to be called when it has something to say */
  constructor(open: (woken: () => void) => AddonGuard | number) {
    const opened = open(() => this.#deliver(turnRecords))
    if (typeof opened === 'number') {
      throw new HangdogError('unavailable', `cannot open the guard: ${errorName(opened)}`)
    }
    this.native = opened
    this.#watches = new GuardWatches(opened)
  }

  get strength(): GuardStrength {
    return strengthOf(this.native)
  }

  listen(listener: GuardListener): void {
    this.#news.listen(listener)
  }

  unlisten(listener: GuardListener): void {
    this.#news.unlisten(listener)
  }

  onNotice(listener: (notice: GuardNotice) => void): void {
    this.#news.noticed = listener
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
    this.#news.end()
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
  watchProcess(identity: ProcessIdentity): number {
    return this.#watches.watch(identity)
  }

  /** The guard watches this process already, for one who will forget it. */
  knowProcess(pid: number, process: number): void {
    this.#watches.know(pid, process)
  }

  forgetProcess(process: number): void {
    this.#watches.forget(process)
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
    return hasEnded(this.native, process)
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
      for (const record of records) this.#news.tell(record)
      count += records.length
    }
    this.#rest ??= setImmediate(() => {
      this.#rest = undefined
      this.#deliver(turnRecords)
    })
  }
}
