import { lstatSync, unlinkSync } from 'node:fs'
import type { AddonGuard, AddonPlan, AddonRecord } from './addon.js'

/** Added to what names a thing of the heir, so that it cannot be taken for one of the guard that is gone. Names are below 2^52. */
const heirBase = 2 ** 52

export interface KeptCountdown {
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

export interface KeptProcess {
  readonly pid: number
  readonly startTime: number
  countdown: number
  admits: boolean
}

/** What a guard was asked to keep, and what its heir calls it. */
export class GuardEstate {
  readonly countdowns = new Map<number, KeptCountdown>()
  readonly processes = new Map<number, KeptProcess>()
  held = false
  notify: { readonly path: string; readonly mode: number } | undefined
  #inherited = false
  /** What the heir calls what was there before it, and the other way round. */
  readonly #heirNames = new Map<number, number>()
  readonly #ownNames = new Map<number, number>()

  keepCountdown(name: number): void {
    const unset = { limit: 0, warning: 0, armed: false, arming: 0, ahead: 0, fallback: undefined, plan: undefined }
    this.countdowns.set(name, unset)
  }

  keepProcess(name: number, pid: number, startTime: number): void {
    this.processes.set(name, { pid, startTime, countdown: 0, admits: false })
  }

  disarmed(countdown: number): void {
    const kept = this.countdowns.get(countdown)
    if (kept !== undefined) kept.armed = false
  }

  handOver(heir: AddonGuard): void {
    this.#inherited = true
    for (const [name, kept] of this.countdowns) {
      this.#rename(name, heir.countdownCreate())
      if (kept.armed) heir.countdownArm(this.name(name), kept.limit, kept.warning)
      kept.ahead = kept.armed ? kept.arming - 1 : kept.arming
    }
    for (const [name, { pid, startTime, countdown, admits }] of this.processes) {
      const process = heir.processAdd(pid, startTime)
      // One that has ended meanwhile: its own end is seen by whoever started it.
      if (process < 0) continue
      this.#rename(name, process)
      if (admits) heir.processAdmit(process, true)
      if (countdown !== 0) heir.processBind(process, this.name(countdown))
    }
    for (const [name, { fallback, plan }] of this.countdowns) {
      if (plan !== undefined) heir.countdownPlan(this.name(name), this.named(plan))
      if (fallback === undefined) continue
      heir.countdownFallback(this.name(name), this.name(fallback.process), fallback.signal, fallback.budget)
    }
    if (this.notify !== undefined) reopen(heir, this.notify)
    heir.hold(this.held)
  }

  /** What the present guard calls it. */
  name(name: number): number {
    if (!this.#inherited || name === 0) return name
    return name >= heirBase ? name - heirBase : (this.#heirNames.get(name) ?? 0)
  }

  named(plan: AddonPlan): AddonPlan {
    return plan.process === undefined ? plan : { ...plan, process: this.name(plan.process) }
  }

  /** What our caller is to call what was just made. */
  made(name: number): number {
    return !this.#inherited || name < 0 ? name : name + heirBase
  }

  /** A record of the heir, as our caller knows what it speaks of. */
  translate(record: AddonRecord): AddonRecord {
    const countdown = this.#known(record.countdown)
    const arming = record.arming + (this.countdowns.get(countdown)?.ahead ?? 0)
    return { ...record, countdown, process: this.#known(record.process), arming }
  }

  #rename(name: number, heirName: number): void {
    this.#heirNames.set(name, heirName)
    this.#ownNames.set(heirName, name)
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
