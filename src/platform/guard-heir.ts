import { lstatSync, unlinkSync } from 'node:fs'
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

/** Of native/addon/remote-guard.c: the guard process is gone. */
const lostKind = 100

/** Added to what names a thing of the heir, so that it cannot be taken for one of the guard that is gone. Names are below 2^52. */
const heirBase = 2 ** 52

/** What both have. */
type Present = Omit<AddonGuardProcess, 'guardPid' | 'processLabel' | 'inventory' | 'end'>

interface KeptCountdown {
  limit: number
  warning: number
  armed: boolean
  /** The number of its last arming, as our caller knows it. */
  arming: number
  /** By how much that differs from the heir's, which has counted from one. */
  ahead: number
  fallback: { readonly process: number; readonly signal: number; readonly budget: number } | undefined
  plan: AddonPlan | undefined
}

interface KeptProcess {
  readonly pid: number
  readonly startTime: number
  countdown: number
  admits: boolean
}

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
  #held = false
  readonly #countdowns = new Map<number, KeptCountdown>()
  readonly #processes = new Map<number, KeptProcess>()
  /** What the heir calls what was there before it, and the other way round. */
  readonly #heirNames = new Map<number, number>()
  readonly #ownNames = new Map<number, number>()
  #notify: { readonly path: string; readonly mode: number } | undefined

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
    this.#processes.set(process, { pid, startTime, countdown: 0, admits: false })
  }

  countdownCreate(): number {
    const made = this.#made(this.#ask((guard) => guard.countdownCreate()))
    if (made > 0) {
      this.#countdowns.set(made, {
        limit: 0,
        warning: 0,
        armed: false,
        arming: 0,
        ahead: 0,
        fallback: undefined,
        plan: undefined,
      })
    }
    return made
  }

  countdownArm(countdown: number, limit: number, warning: number): number {
    const kept = this.#countdowns.get(countdown)
    const result = this.#ask((guard) => guard.countdownArm(this.#name(countdown), limit, warning))
    if (kept === undefined || result < 0) return result
    kept.limit = limit
    kept.warning = warning
    kept.armed = true
    kept.arming = result + kept.ahead
    return kept.arming
  }

  countdownQuietBeat(countdown: number): number {
    return this.#ask((guard) => guard.countdownQuietBeat(this.#name(countdown)))
  }

  countdownExtend(countdown: number, span: number): number {
    return this.#ask((guard) => guard.countdownExtend(this.#name(countdown), span))
  }

  countdownDisarm(countdown: number): number {
    this.#disarmed(countdown)
    return this.#ask((guard) => guard.countdownDisarm(this.#name(countdown)))
  }

  countdownDispose(countdown: number): number {
    const result = this.#ask((guard) => guard.countdownDispose(this.#name(countdown)))
    this.#countdowns.delete(countdown)
    return result
  }

  countdownClaim(countdown: number, arming: number): number {
    const kept = this.#countdowns.get(countdown)
    const result = this.#ask((guard) => guard.countdownClaim(this.#name(countdown), arming - (kept?.ahead ?? 0)))
    if (result === 0) this.#disarmed(countdown)
    return result
  }

  countdownFallback(countdown: number, process: number, signal: number, budget: number): number {
    const kept = this.#countdowns.get(countdown)
    if (kept !== undefined) kept.fallback = signal === 0 ? undefined : { process, signal, budget }
    return this.#ask((guard) => guard.countdownFallback(this.#name(countdown), this.#name(process), signal, budget))
  }

  countdownPlan(countdown: number, plan: AddonPlan): number {
    const kept = this.#countdowns.get(countdown)
    const result = this.#ask((guard) => guard.countdownPlan(this.#name(countdown), this.#named(plan)))
    if (kept !== undefined && result >= 0) kept.plan = plan.action === 0 ? undefined : plan
    return result
  }

  /** What the guard that is gone knew of a lease is gone with it: whoever asked is there to deal with the expiry. */
  countdownLease(countdown: number, span: number): number {
    return this.#ask((guard) => guard.countdownLease(this.#name(countdown), span))
  }

  countdownReading(countdown: number): AddonReading | undefined {
    return this.#look((guard) => guard.countdownReading(this.#name(countdown)))
  }

  countdownTally(countdown: number): readonly number[] | undefined {
    // What the guard that is gone had counted is gone with it.
    return this.#guard.countdownTally(this.#name(countdown))
  }

  processAdd(pid: number, startTime: number): number {
    const made = this.#made(this.#ask((guard) => guard.processAdd(pid, startTime)))
    if (made > 0) this.#processes.set(made, { pid, startTime, countdown: 0, admits: false })
    return made
  }

  processRemove(process: number): number {
    this.#processes.delete(process)
    return this.#ask((guard) => guard.processRemove(this.#name(process)))
  }

  processSignal(process: number, signal: number): number {
    return this.#ask((guard) => guard.processSignal(this.#name(process), signal))
  }

  processEnded(process: number): number {
    return this.#ask((guard) => guard.processEnded(this.#name(process)))
  }

  processBind(process: number, countdown: number): number {
    const kept = this.#processes.get(process)
    if (kept !== undefined) kept.countdown = countdown
    return this.#ask((guard) => guard.processBind(this.#name(process), this.#name(countdown)))
  }

  processAdmit(process: number, admit: boolean): number {
    const kept = this.#processes.get(process)
    if (kept !== undefined) kept.admits = admit
    return this.#ask((guard) => guard.processAdmit(this.#name(process), admit))
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
    if (result >= 0) this.#notify = { path, mode }
    return result
  }

  notifyClose(): number {
    this.#notify = undefined
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
    if (this.#heir !== undefined) return this.#heir.read().map((record) => this.#translate(record))
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
    this.#held = held
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

  #disarmed(countdown: number): void {
    const kept = this.#countdowns.get(countdown)
    if (kept !== undefined) kept.armed = false
  }

  #succeed(): void {
    if (this.#isLost) return
    this.#isLost = true
    const heir = this.#inherit()
    if (typeof heir !== 'number') this.#handOver(heir)
    this.#lost(heir)
  }

  #handOver(heir: AddonGuard): void {
    this.#heir = heir
    for (const [name, kept] of this.#countdowns) {
      this.#rename(name, heir.countdownCreate())
      if (kept.armed) heir.countdownArm(this.#name(name), kept.limit, kept.warning)
      kept.ahead = kept.armed ? kept.arming - 1 : kept.arming
    }
    for (const [name, { pid, startTime, countdown, admits }] of this.#processes) {
      const process = heir.processAdd(pid, startTime)
      // One that has ended meanwhile: its own end is seen by whoever started it.
      if (process < 0) continue
      this.#rename(name, process)
      if (admits) heir.processAdmit(process, true)
      if (countdown !== 0) heir.processBind(process, this.#name(countdown))
    }
    for (const [name, { fallback, plan }] of this.#countdowns) {
      if (plan !== undefined) heir.countdownPlan(this.#name(name), this.#named(plan))
      if (fallback === undefined) continue
      heir.countdownFallback(this.#name(name), this.#name(fallback.process), fallback.signal, fallback.budget)
    }
    if (this.#notify !== undefined) reopen(heir, this.#notify)
    heir.hold(this.#held)
  }

  #rename(name: number, heirName: number): void {
    this.#heirNames.set(name, heirName)
    this.#ownNames.set(heirName, name)
  }

  /** What the present guard calls it. */
  #name(name: number): number {
    if (this.#heir === undefined || name === 0) return name
    return name >= heirBase ? name - heirBase : (this.#heirNames.get(name) ?? 0)
  }

  #named(plan: AddonPlan): AddonPlan {
    return plan.process === undefined ? plan : { ...plan, process: this.#name(plan.process) }
  }

  /** What our caller is to call what was just made. */
  #made(name: number): number {
    return this.#heir === undefined || name < 0 ? name : name + heirBase
  }

  #translate(record: AddonRecord): AddonRecord {
    const countdown = this.#known(record.countdown)
    const arming = record.arming + (this.#countdowns.get(countdown)?.ahead ?? 0)
    return { ...record, countdown, process: this.#known(record.process), arming }
  }

  /** What our caller calls it. */
  #known(heirName: number): number {
    return heirName === 0 ? 0 : (this.#ownNames.get(heirName) ?? heirName + heirBase)
  }
}

/** Services go on writing to the socket by its path. */
function reopen(heir: AddonGuard, { path, mode }: { readonly path: string; readonly mode: number }): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) unlinkSync(path)
  heir.notifyOpen(path, mode)
}
