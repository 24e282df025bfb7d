import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import gypBuild from 'node-gyp-build'
import { describeError } from '../errors.js'
import type { KernelAddon } from './kernel-module.js'

/** The functions of the native part, as native/addon/hangdog-addon.c exports them. Spans are milliseconds. */
export interface Addon extends AddonWatchdog, AddonNotify {
  readonly version: number
  /** @returns a negative errno value when it cannot be opened */
  open(
    countdowns: number,
    processes: number,
    ringBytes: number,
    flags: number,
    priority: number,
    woken: () => void,
  ): AddonGuard | number
  /** In a service: opens what HANGDOG_PAGE names. @returns what beats there, or a negative errno value */
  openHeartbeat(): (() => void) | number
  /** The kernel module's countdowns. Missing in a binding of before. */
  readonly kernel?: KernelAddon
  /**
   * Becomes the owner of the guard process that listens at this path.
   * @returns a negative errno value when it cannot, or the pid of the one that owns it
   */
  connect(path: string, woken: () => void): AddonGuardProcess | number
}

/** A guard that is a process of its own. Once it is gone, every call gives -ENOTCONN, and one record of the kind `lost` says so. */
export interface AddonGuardProcess extends Omit<AddonGuard, 'pageOpen' | 'pageClose' | 'pageBind' | 'pageUnbind'> {
  readonly guardPid: number
  /**
   * Keeps the process watched when its owner dies, with a text to find it by. @param beatsHere 1 when its beats reach the guard without
   * the owner, else 0: its countdown then stops with the owner
   */
  processLabel(process: number, beatsHere: number, label: string): number
  /** @param from 0, then `next` of the last. @returns the next labelled process */
  inventory(from: number): AddonResident | undefined
  /** The owner leaves in order: all is forgotten, and the guard process ends. */
  end(): number
}

export interface AddonResident {
  readonly process: number
  readonly pid: number
  /** The countdown that its beats reset; 0 for none. */
  readonly countdown: number
  readonly ended: number
  /** The guard acted on it alone. */
  readonly acted: number
  readonly label: string
  readonly next: number
}

/**
 * Calls on a watchdog of the machine, which is named by its descriptor. Times are whole seconds; a number below zero is a negative errno
 * value. See native/guard/watchdog-device.h.
 */
export interface AddonWatchdog {
  /** Starts it as well. */
  watchdogOpen(path: string): number
  watchdogSupport(fd: number): AddonWatchdogSupport | number
  watchdogSetTimeout(fd: number, seconds: number): number
  watchdogSetPretimeout(fd: number, seconds: number): number
  watchdogLengthen(fd: number, seconds: number): number
  watchdogKeepAlive(fd: number): number
  watchdogBootStatus(fd: number): number
  watchdogDisable(fd: number): number
  watchdogClose(fd: number, orderly: boolean): number
}

export interface AddonWatchdogSupport {
  /** WDIOF_* of linux/watchdog.h. */
  readonly options: number
  readonly firmware: number
  readonly identity: string
}

export interface AddonNotify {
  /** One datagram, without waiting. @returns zero or a negative errno value */
  notifySend(socket: string, text: string): number
}

/** What a plan consists of: native/guard/guard-plan.h. Spans are milliseconds; what is left out is none, or zero. */
export interface AddonPlan {
  readonly action: number
  readonly flags?: number
  readonly process?: number
  readonly signal?: number
  readonly budget?: number
  readonly grace?: number
  readonly killLimit?: number
  readonly recordLimit?: number
  readonly stopped?: number
  readonly traced?: number
  readonly frozen?: number
  readonly starved?: number
  readonly group?: string
  readonly freezer?: string
  readonly name?: string
  readonly about?: string
}

/** Paths of the kernel's files; one that is left out is not used. */
export interface AddonMachine {
  readonly sysrq?: string
  readonly crashLoaded?: string
  readonly kernelLog?: string
  readonly watchdog?: string
  readonly pressure?: string
  /** 1 when reboot(2) may be used. */
  readonly reboot?: number
}

/** What a guard can do alone. Numbers as in AddonGuard. */
export interface AddonPlans {
  countdownPlan(countdown: number, plan: AddonPlan): number
  countdownLease(countdown: number, span: number): number
  recordOpen(path: string, head: string): number
  recordText(slot: number): string | undefined
  recordFree(slot: number): number
  machineOpen(machine: AddonMachine): number
  bugcheckPermit(span: number): number
  /** @param file zero for none. Not with a guard process, which has no file of ours. */
  machineFed?(file: number): number
}

/** One open guard. A number that is below zero is a negative errno value; after close all are. */
export interface AddonGuard extends AddonPlans {
  countdownCreate(): number
  countdownArm(countdown: number, limit: number, warning: number): number
  countdownQuietBeat(countdown: number): number
  countdownExtend(countdown: number, span: number): number
  countdownDisarm(countdown: number): number
  countdownDispose(countdown: number): number
  countdownClaim(countdown: number, arming: number): number
  countdownFallback(countdown: number, process: number, signal: number, budget: number): number
  countdownReading(countdown: number): AddonReading | undefined
  /** Sum and longest in ms, then number and count of each bin; undefined when nothing was counted. */
  countdownTally(countdown: number): readonly number[] | undefined
  processAdd(pid: number, startTime: number): number
  processRemove(process: number): number
  processSignal(process: number, signal: number): number
  processEnded(process: number): number
  processBind(process: number, countdown: number): number
  processAdmit(process: number, admit: boolean): number
  notifyOpen(path: string, mode: number): number
  notifyClose(): number
  pageOpen(lines: number): AddonPage | number
  pageClose(page: number): number
  pageBind(page: number, line: number, countdown: number, pid: number): number
  pageUnbind(countdown: number): number
  read(): readonly AddonRecord[]
  counters(): Readonly<Record<string, number>> | undefined
  strength(): AddonStrength | undefined
  hold(held: boolean): void
  close(): void
  handSet(now: number): number
  handTurn(): number
  handNext(): number
}

export interface AddonReading {
  readonly state: number
  readonly arming: number
  readonly spent: number
  readonly remaining: number
  readonly beats: number
  readonly pageBeats: number
  readonly pageBeater: number
}

export interface AddonPage {
  readonly page: number
  /** To be given to the service and closed. */
  readonly fd: number
}

/** Which fields there are depends on the kind: see src/platform/guard.ts. */
export interface AddonRecord {
  readonly kind: number
  readonly countdown: number
  readonly process: number
  readonly arming: number
  readonly span?: number
  readonly error?: number
  /** Of a record, plus one; 0 for none. */
  readonly slot?: number
  readonly hold?: number
  readonly pid?: number
  readonly uid?: number
  readonly beatTaken?: number
  readonly text?: string
}

/** Zero is success; else an errno value, or -1 when it was not asked for. */
export interface AddonStrength {
  readonly realtime: number
  readonly lockedOwn: number
  readonly lockedAll: number
}

export type LoadedAddon =
  | { readonly kind: 'loaded'; readonly addon: Addon; readonly file: string }
  | { readonly kind: 'absent'; readonly reason: string }

/** The binding that this code is written for. */
const expectedVersion = 2

/**
 * The only place that finds the native part: what was built on this machine, then what came with a release for its processor and its libc.
 * hangdog works without it, and says what is weaker. Never throws.
 * @param folder to be looked in, as node-gyp-build does
 */
export function loadAddon(folder: string = addonFolder()): LoadedAddon {
  const require = createRequire(import.meta.url)
  let file: string
  try {
    file = gypBuild.path(folder)
  } catch {
    return absent(`the addon is not built for this machine: there is none in ${folder}`)
  }
  try {
    const loaded: unknown = require(file)
    if (!isAddon(loaded)) return absent(`${file} is not the addon of this hangdog: expected version ${expectedVersion}`)
    return { kind: 'loaded', addon: loaded, file }
  } catch (error) {
    return absent(`${file} cannot be loaded: ${describeError(error)}`)
  }
}

/** Why there is no addon; undefined when there is one. */
export function lackOf(loaded: LoadedAddon): string | undefined {
  return loaded.kind === 'absent' ? loaded.reason : undefined
}

/** Where the addon is, and what is built with it. */
export function addonFolder(): string {
  return join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'native', 'addon')
}

function isAddon(loaded: unknown): loaded is Addon {
  if (typeof loaded !== 'object' || loaded === null) return false
  if (!('version' in loaded) || loaded.version !== expectedVersion) return false
  return ['open', 'connect', 'watchdogOpen', 'notifySend'].every((name) => name in loaded)
}

function absent(reason: string): LoadedAddon {
  return { kind: 'absent', reason }
}
