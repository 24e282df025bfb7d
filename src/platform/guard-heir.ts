import { constants } from 'node:os'
import type {
  AddonGuard,
  AddonGuardProcess,
  AddonMachine,
  AddonPlan,
  AddonReading,
  AddonRecord,
  AddonResident,
  AddonStrength,
} from './addon.js'
import { GuardEstate } from './guard-estate.js'

/** Of native/addon/remote-guard.c: the guard process is gone. */
const lostKind = 100

/** What both have. */
type Present = Omit<AddonGuardProcess, 'guardPid' | 'processLabel' | 'inventory' | 'end'>

/**
 * Stands for a guard process, and for its heir: when that process is gone, a guard in our own process takes over what was watched, under
 * the same names. Countdowns that ran get their whole limit again, as after any time in which nobody looked.
 */
export class GuardHeir implements AddonGuard {
  readonly guardPid: number
  readonly #first: AddonGuardProcess
  readonly #inherit: () => AddonGuard | number
  readonly #lost: (heir: AddonGuard | number) => void
  #heir: AddonGuard | undefined
  #isLost = false
  readonly #estate = new GuardEstate()

  /**
   * @param inherit opens the guard that takes over; a negative errno value when there is none
   * @param lost told once, after the heir has taken over
   */
  constructor(first: AddonGuardProcess, inherit: () => AddonGuard | number, lost: (heir: AddonGuard | number) => void) {
    this.#first = first
    this.guardPid = first.guardPid
    this.#inherit = inherit
    this.#lost = lost
  }

  /** Another owner made this one; it is kept from now on as if it had been made here. */
  know(process: number, pid: number, startTime: number): void {
    this.#estate.keepProcess(process, pid, startTime)
  }

  countdownCreate(): number {
    const made = this.#estate.made(this.#ask((guard) => guard.countdownCreate()))
    if (made > 0) this.#estate.keepCountdown(made)
    return made
  }

  countdownArm(countdown: number, limit: number, warning: number): number {
    const kept = this.#estate.countdowns.get(countdown)
    const result = this.#ask((guard) => guard.countdownArm(this.#estate.name(countdown), limit, warning))
    if (kept === undefined || result < 0) return result
    kept.limit = limit
    kept.warning = warning
    kept.armed = true
    kept.arming = result + kept.ahead
    return kept.arming
  }

  countdownQuietBeat(countdown: number): number {
    return this.#ask((guard) => guard.countdownQuietBeat(this.#estate.name(countdown)))
  }

  countdownExtend(countdown: number, span: number): number {
    return this.#ask((guard) => guard.countdownExtend(this.#estate.name(countdown), span))
  }

  countdownDisarm(countdown: number): number {
    this.#estate.disarmed(countdown)
    return this.#ask((guard) => guard.countdownDisarm(this.#estate.name(countdown)))
  }

  countdownDispose(countdown: number): number {
    const result = this.#ask((guard) => guard.countdownDispose(this.#estate.name(countdown)))
    this.#estate.countdowns.delete(countdown)
    return result
  }

  countdownClaim(countdown: number, arming: number): number {
    const kept = this.#estate.countdowns.get(countdown)
    const result = this.#ask((guard) => guard.countdownClaim(this.#estate.name(countdown), arming - (kept?.ahead ?? 0)))
    if (result === 0) this.#estate.disarmed(countdown)
    return result
  }

  countdownFallback(countdown: number, process: number, signal: number, budget: number): number {
    const kept = this.#estate.countdowns.get(countdown)
    if (kept !== undefined) kept.fallback = signal === 0 ? undefined : { process, signal, budget }
    return this.#ask((guard) =>
      guard.countdownFallback(this.#estate.name(countdown), this.#estate.name(process), signal, budget),
    )
  }

  countdownPlan(countdown: number, plan: AddonPlan): number {
    const kept = this.#estate.countdowns.get(countdown)
    const result = this.#ask((guard) => guard.countdownPlan(this.#estate.name(countdown), this.#estate.named(plan)))
    if (kept !== undefined && result >= 0) kept.plan = plan.action === 0 ? undefined : plan
    return result
  }

  /** What the guard that is gone knew of a lease is gone with it: whoever asked is there to deal with the expiry. */
  countdownLease(countdown: number, span: number): number {
    return this.#ask((guard) => guard.countdownLease(this.#estate.name(countdown), span))
  }

  countdownReading(countdown: number): AddonReading | undefined {
    return this.#look((guard) => guard.countdownReading(this.#estate.name(countdown)))
  }

  countdownTally(countdown: number): readonly number[] | undefined {
    // What the guard that is gone had counted is gone with it.
    return this.#guard.countdownTally(this.#estate.name(countdown))
  }

  processAdd(pid: number, startTime: number): number {
    const made = this.#estate.made(this.#ask((guard) => guard.processAdd(pid, startTime)))
    if (made > 0) this.#estate.keepProcess(made, pid, startTime)
    return made
  }

  processRemove(process: number): number {
    this.#estate.processes.delete(process)
    return this.#ask((guard) => guard.processRemove(this.#estate.name(process)))
  }

  processSignal(process: number, signal: number): number {
    return this.#ask((guard) => guard.processSignal(this.#estate.name(process), signal))
  }

  processEnded(process: number): number {
    return this.#ask((guard) => guard.processEnded(this.#estate.name(process)))
  }

  processBind(process: number, countdown: number): number {
    const kept = this.#estate.processes.get(process)
    if (kept !== undefined) kept.countdown = countdown
    return this.#ask((guard) => guard.processBind(this.#estate.name(process), this.#estate.name(countdown)))
  }

  processAdmit(process: number, admit: boolean): number {
    const kept = this.#estate.processes.get(process)
    if (kept !== undefined) kept.admits = admit
    return this.#ask((guard) => guard.processAdmit(this.#estate.name(process), admit))
  }

  /** An heir outlives nobody: there is nothing to label. */
  processLabel(process: number, beatsHere: number, label: string): number {
    return this.#heir === undefined ? this.#first.processLabel(process, beatsHere, label) : 0
  }

  inventory(from: number): AddonResident | undefined {
    return this.#heir === undefined ? this.#first.inventory(from) : undefined
  }

  /** What is asked after this is asked of nobody. */
  end(): number {
    const result = this.#heir === undefined ? this.#first.end() : 0
    this.#isLost = true
    return result
  }

  notifyOpen(path: string, mode: number): number {
    const result = this.#ask((guard) => guard.notifyOpen(path, mode))
    if (result >= 0) this.#estate.notify = { path, mode }
    return result
  }

  notifyClose(): number {
    this.#estate.notify = undefined
    return this.#ask((guard) => guard.notifyClose())
  }

  /** An heir writes into a file of its own, which is opened when its succession is told. */
  recordOpen(path: string, head: string): number {
    return this.#guard.recordOpen(path, head)
  }

  recordText(slot: number): string | undefined {
    return this.#look((guard) => guard.recordText(slot))
  }

  recordFree(slot: number): number {
    return this.#ask((guard) => guard.recordFree(slot))
  }

  machineOpen(machine: AddonMachine): number {
    return this.#ask((guard) => guard.machineOpen(machine))
  }

  bugcheckPermit(span: number): number {
    return this.#ask((guard) => guard.bugcheckPermit(span))
  }

  // Pages would have to be handed over as open files; src/guard-mode.ts refuses services that want one.

  pageOpen(): number {
    return -constants.errno.ENOSYS
  }

  pageClose(): number {
    return -constants.errno.ENOSYS
  }

  pageBind(): number {
    return -constants.errno.ENOSYS
  }

  pageUnbind(): number {
    return -constants.errno.ENOSYS
  }

  read(): readonly AddonRecord[] {
    if (this.#heir !== undefined) return this.#heir.read().map((record) => this.#estate.translate(record))
    const records = this.#first.read()
    if (!records.some(({ kind }) => kind === lostKind)) return records
    this.#succeed()
    return records.filter(({ kind }) => kind !== lostKind)
  }

  counters(): Readonly<Record<string, number>> | undefined {
    return this.#look((guard) => guard.counters())
  }

  strength(): AddonStrength | undefined {
    return this.#look((guard) => guard.strength())
  }

  hold(held: boolean): void {
    this.#estate.held = held
    this.#guard.hold(held)
  }

  close(): void {
    this.#isLost = true
    this.#first.close()
    this.#heir?.close()
  }

  handSet(now: number): number {
    return this.#guard.handSet(now)
  }

  handTurn(): number {
    return this.#guard.handTurn()
  }

  handNext(): number {
    return this.#guard.handNext()
  }

  get #guard(): Present {
    return this.#heir ?? this.#first
  }

  /** Asks again after a succession that the first try has brought about. */
  #ask(call: (guard: Present) => number): number {
    const result = call(this.#guard)
    if (result !== -constants.errno.ENOTCONN || this.#isLost) return result
    this.#succeed()
    return this.#heir === undefined ? result : call(this.#heir)
  }

  /** As `ask`, where nothing to read looks the same as nobody there to read it. */
  #look<T>(call: (guard: Present) => T | undefined): T | undefined {
    const result = call(this.#guard)
    if (result !== undefined || this.#isLost) return result
    this.#ask((guard) => guard.processEnded(0))
    return this.#heir === undefined ? undefined : call(this.#heir)
  }

  #succeed(): void {
    if (this.#isLost) return
    this.#isLost = true
    const heir = this.#inherit()
    if (typeof heir !== 'number') {
      this.#heir = heir
      this.#estate.handOver(heir)
    }
    this.#lost(heir)
  }
}
