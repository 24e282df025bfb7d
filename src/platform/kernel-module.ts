import { closeSync, constants as fileConstants, openSync, readFileSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { getSystemErrorName } from 'node:util'
import { describeError, HangdogError } from '../errors.js'
import type { Milliseconds } from '../time.js'
import type { ProcessIdentity } from './platform.js'

/**
 * The functions of native/addon/kernel-countdown.c. What is named is a descriptor of /dev/hangdog; spans are milliseconds. A number below
 * zero is a negative errno value.
 */
export interface KernelAddon {
  version(fd: number): KernelVersion | number
  /** @returns the number of this arming */
  arm(
    fd: number,
    timeout: number,
    warning: number,
    pid: number,
    startTime: number,
    action: number,
    source: number,
    name: string,
  ): number
  disarm(fd: number): number
  extend(fd: number, span: number): number
  /** @returns what was spent before this beat */
  beat(fd: number): number
  state(fd: number): KernelState | number
  /** @returns undefined when there is nothing to tell */
  event(fd: number): KernelEvent | number | undefined
  watch(woken: () => void): KernelWatch | number
}

/** Calls back when one of the descriptors has something to tell. */
export interface KernelWatch {
  add(fd: number): number
  remove(fd: number): number
  ready(): readonly number[]
  hold(held: boolean): void
  close(): void
}

export interface KernelVersion {
  readonly api: number
  /** 1 when no countdown that runs can be turned off. */
  readonly nowayout: number
  /** 1 when the administrator lets the module panic. */
  readonly bugcheckConsent: number
  /** How many can be open at a time. */
  readonly countdowns: number
}

export interface KernelState {
  /** Of enum hangdog_state_kind. */
  readonly state: number
  readonly arming: number
  readonly beats: number
  readonly spent: number
  readonly remaining: number
}

export interface KernelEvent {
  /** Of enum hangdog_event_kind. */
  readonly kind: number
  readonly arming: number
  readonly span: number
  readonly error: number
}

/** Of native/include/hangdog-module.h. */
export const kernelStates = { off: 0, armed: 1, warned: 2, expired: 3 } as const
export const kernelEvents = { warning: 1, expired: 2, stall: 3, ended: 4 } as const
const expectedApi = 1
const longestName = 31

/** What is done at the end of a kernel countdown, by the numbers of HangRecoveryAction. */
export const kernelActions = { disable: 0, log: 1, terminate: 2, bugcheck: 3 } as const
export type KernelAction = keyof typeof kernelActions

export const kernelDevice = '/dev/hangdog'
const apiVersionFile = '/sys/class/misc/hangdog/api_version'

/** Whether the kernel module is loaded, and can be used by this process. */
export type KernelModuleFinding =
  | { readonly kind: 'usable'; readonly api: number }
  | { readonly kind: 'unusable'; readonly api: number; readonly reason: string }
  | { readonly kind: 'absent' }

/** Looks without changing anything; needs no addon. Never throws. */
export function findKernelModule(device = kernelDevice, versionFile = apiVersionFile): KernelModuleFinding {
  let api: number
  try {
    api = Number(readFileSync(versionFile, 'utf8'))
  } catch {
    return { kind: 'absent' }
  }
  if (api !== expectedApi) return { kind: 'unusable', api, reason: `expected version ${expectedApi} of it` }
  try {
    // A countdown that was never armed: closing it changes nothing.
    closeSync(openSync(device, 'r+'))
    return { kind: 'usable', api }
  } catch (error) {
    return { kind: 'unusable', api, reason: describeError(error) }
  }
}

/** What a kernel countdown is to do. */
export interface KernelOrder {
  /** Of at least 10 ms. */
  readonly timeout: Milliseconds
  /** Until the warning; zero is none. */
  readonly warning: Milliseconds
  readonly action: KernelAction
  readonly process: ProcessIdentity
  /** For people: in the kernel's log and in sysfs. */
  readonly name: string
}

/** One open file of /dev/hangdog: a countdown that the kernel keeps. It is off when the last one who holds the file has closed it. */
export class KernelCountdown {
  readonly fd: number
  readonly #addon: KernelAddon

  /** @throws HangdogError `unavailable` when the module is not there, speaks another version, or has no room */
  constructor(addon: KernelAddon, device = kernelDevice) {
    this.#addon = addon
    try {
      this.fd = openSync(device, fileConstants.O_RDWR | fileConstants.O_NONBLOCK)
    } catch (error) {
      throw new HangdogError('unavailable', `cannot use the kernel module: ${describeError(error)}`)
    }
    const version = addon.version(this.fd)
    if (typeof version === 'object' && version.api === expectedApi) return
    closeSync(this.fd)
    const found = typeof version === 'number' ? getSystemErrorName(version) : `version ${version.api}`
    throw new HangdogError('unavailable', `cannot use "${device}": expected version ${expectedApi}, not ${found}`)
  }

  /**
   * Starts over with this order. @returns the number of the arming
   * @throws HangdogError `permission` when the process is not ours to end or a bugcheck is not consented to, `unavailable` else
   */
  arm({ timeout, warning, action, process: { pid, startTime }, name }: KernelOrder): number {
    const ticks = Number(startTime)
    const started = Number.isSafeInteger(ticks) ? ticks : 0
    const shown = name.replace(/[^\x20-\x7e]/g, '?').slice(0, longestName)
    const arming = this.#addon.arm(this.fd, timeout, warning, pid, started, kernelActions[action], 0, shown)
    if (arming >= 0) return arming
    const { EPERM, EACCES } = constants.errno
    const code = arming === -EPERM || arming === -EACCES ? 'permission' : 'unavailable'
    throw new HangdogError(code, `cannot have the kernel watch process ${pid}: ${getSystemErrorName(arming)}`)
  }

  /** One write; it waits for nothing. */
  beat(): void {
    writeSync(this.fd, '\n')
  }

  /** @returns false with nowayout: then it runs on */
  disarm(): boolean {
    return this.#addon.disarm(this.fd) === 0
  }

  /** Does nothing unless it runs, and nothing with nowayout. */
  extend(span: Milliseconds): void {
    this.#addon.extend(this.fd, span)
  }

  /** A beat that tells. @returns a negative errno value when it does not run */
  beatSpent(): number {
    return this.#addon.beat(this.fd)
  }

  state(): KernelState | undefined {
    const state = this.#addon.state(this.fd)
    return typeof state === 'number' ? undefined : state
  }

  /** The next thing that the kernel has to tell. */
  event(): KernelEvent | undefined {
    const event = this.#addon.event(this.fd)
    return typeof event === 'number' ? undefined : event
  }

  close(): void {
    closeSync(this.fd)
  }
}
