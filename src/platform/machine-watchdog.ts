import { getSystemErrorName } from 'node:util'
import { HangdogError } from '../errors.js'
import { formatDuration, type Milliseconds, milliseconds, seconds } from '../time.js'
import type { AddonWatchdog } from './addon.js'
import { type MachineWatchdogSettings, shortestService } from './machine-watchdog-settings.js'
import { findWatchdog, type WatchdogClass } from './watchdog-class.js'
import { type FindWatchdog, openingError, refuseBeforehand } from './watchdog-refusal.js'

/** What a watchdog of the machine turned out to be, once it was started. */
export interface MachineWatchdogNature {
  readonly device: string
  /** As the driver calls itself. */
  readonly identity: string
  /** What the driver made of what was asked. */
  readonly timeout: Milliseconds
  /** Zero when the kernel tells nobody before the end. */
  readonly pretimeout: Milliseconds
  /** What the kernel does at the pretimeout; undefined when there is none or it does not say. */
  readonly governor: string | undefined
  /** Nothing can stop it. */
  readonly nowayout: boolean
  /** The driver stops it when its feeder dies: it has no magic close. */
  readonly stopsOnCrash: boolean
  /** It counted down already: a feeder before us left it so. */
  readonly wasRunning: boolean
  /** WDIOF_* that the driver remembers of the last reset. */
  readonly bootStatus: number
}

/** How it was left. */
export type WatchdogRelease =
  | { readonly kind: 'stopped' }
  /** It goes on, and resets the machine after this time unless somebody feeds it. */
  | { readonly kind: 'left-running'; readonly timeout: Milliseconds; readonly reason: string }

/** Bits of linux/watchdog.h. */
const canSetTimeout = 0x80
const hasMagicClose = 0x100

/** The most that is asked of a driver, in seconds. */
const longestSeconds = 65_535

/** A crash dump has this long, in seconds; a crash kernel that hangs leaves the machine down for no longer. */
const dumpSeconds = 3600

/**
 * Opens a watchdog of the machine, which starts it. From here on the machine is reset when it is not fed.
 * @throws HangdogError `unavailable` when it is not there, no watchdog or somebody else's, `permission`, `config` when its driver cannot
 * be given a time that hangdog can serve; it is stopped again then, where it can be
 */
export function openMachineWatchdog(
  settings: MachineWatchdogSettings,
  addon: AddonWatchdog,
  find: FindWatchdog = findWatchdog,
): MachineWatchdog {
  const shown = find(settings.device)
  refuseBeforehand(settings, shown)
  const fd = addon.watchdogOpen(settings.device)
  if (fd < 0) throw openingError(settings.device, getSystemErrorName(fd))
  try {
    return new MachineWatchdog(addon, fd, setUp(settings, addon, fd, shown), shown)
  } catch (error) {
    addon.watchdogDisable(fd)
    addon.watchdogClose(fd, true)
    throw error
  }
}

/** A watchdog of the machine that hangdog feeds. Calls are one system call each; none waits for anything. */
export class MachineWatchdog {
  readonly nature: MachineWatchdogNature
  /** For who has to lengthen it without JavaScript (watchdog_device_lengthen in native/guard/watchdog-device.h). Closed by `release`. */
  readonly fd: number
  readonly #addon: AddonWatchdog
  readonly #longest: number
  #released = false

  constructor(addon: AddonWatchdog, fd: number, nature: MachineWatchdogNature, shown: WatchdogClass | undefined) {
    this.#addon = addon
    this.fd = fd
    this.nature = nature
    this.#longest = shown?.maxTimeout === undefined || shown.maxTimeout === 0 ? longestSeconds : shown.maxTimeout
  }

  /** @returns why it could not be fed */
  feed(): string | undefined {
    if (this.#released) return undefined
    const result = this.#addon.watchdogKeepAlive(this.fd)
    return result < 0 ? getSystemErrorName(result) : undefined
  }

  /** Gives a crash dump its time. Only called right before the machine is stopped. @returns what it has now, or why not */
  lengthenForDump(): Milliseconds | string {
    return this.#lengthen(Math.min(dumpSeconds, this.#longest))
  }

  /**
   * Leaves it in order: it is stopped by the magic close. One that cannot be stopped gets all the time that its driver gives, and goes on;
   * the letter is not written then, as it would be a lie.
   */
  release(): WatchdogRelease {
    if (this.#released) return { kind: 'stopped' }
    const { nowayout, timeout } = this.nature
    if (!nowayout && !this.#refusesToStop()) {
      this.#released = true
      const closed = this.#addon.watchdogClose(this.fd, true)
      if (closed === 0) return { kind: 'stopped' }
      return { kind: 'left-running', timeout, reason: `the driver answers ${getSystemErrorName(closed)}` }
    }
    const given = this.#lengthen(this.#longest)
    this.#released = true
    this.#addon.watchdogClose(this.fd, false)
    const reason = 'the kernel was told never to stop it (nowayout)'
    return { kind: 'left-running', timeout: typeof given === 'string' ? timeout : given, reason }
  }

  /** Asked also where the kernel shows no nowayout: the answer is the driver's own. Other errors say that it knows no such request. */
  #refusesToStop(): boolean {
    const result = this.#addon.watchdogDisable(this.fd)
    return result < 0 && getSystemErrorName(result) === 'EBUSY'
  }

  #lengthen(limit: number): Milliseconds | string {
    if (this.#released) return 'it is not open'
    const given = this.#addon.watchdogLengthen(this.fd, limit)
    return given < 0 ? getSystemErrorName(given) : seconds(given)
  }
}

function setUp(
  settings: MachineWatchdogSettings,
  addon: AddonWatchdog,
  fd: number,
  shown: WatchdogClass | undefined,
): MachineWatchdogNature {
  const { device } = settings
  const support = addon.watchdogSupport(fd)
  if (typeof support === 'number') throw openingError(device, getSystemErrorName(support))
  const { identity, options } = support
  const timeout = chooseTimeout(settings, addon, fd, { identity, settable: (options & canSetTimeout) !== 0, shown })
  const pretimeout = choosePretimeout(settings, timeout, addon, fd)
  // A kernel that keeps the pretimeout for the driver counts it only from the next feeding on.
  addon.watchdogKeepAlive(fd)
  return {
    device,
    identity,
    timeout,
    pretimeout,
    governor: pretimeout > 0 ? shown?.pretimeoutGovernor : undefined,
    nowayout: shown?.nowayout === true,
    stopsOnCrash: (options & hasMagicClose) === 0,
    wasRunning: shown?.active === true,
    bootStatus: Math.max(0, addon.watchdogBootStatus(fd)),
  }
}

function chooseTimeout(
  { device, timeout }: MachineWatchdogSettings,
  addon: AddonWatchdog,
  fd: number,
  { identity, settable, shown }: { identity: string; settable: boolean; shown: WatchdogClass | undefined },
): Milliseconds {
  // A driver with a time of its own tells it only by the kernel's description.
  const given = settable ? addon.watchdogSetTimeout(fd, timeout / 1000) : (shown?.timeout ?? 0)
  const what = `cannot use the watchdog "${device}" (${identity})`
  if (given < 0) {
    const why = getSystemErrorName(given)
    throw new HangdogError(
      'config',
      `${what}: its driver does not take a timeout of ${formatDuration(timeout)} (${why})`,
    )
  }
  if (given * 1000 >= shortestService) return seconds(given)
  throw new HangdogError(
    'config',
    `${what}: expected a timeout of ${formatDuration(shortestService)} or more, and its driver made ${given}s of ${formatDuration(timeout)}`,
  )
}

/** Tried on every driver: some kernels keep a pretimeout for those that have none. Where there is none, nobody is told before the end. */
function choosePretimeout(
  { pretimeout, timeout: asked }: MachineWatchdogSettings,
  timeout: Milliseconds,
  addon: AddonWatchdog,
  fd: number,
): Milliseconds {
  const wanted = Math.min(Math.floor(((pretimeout / asked) * timeout) / 1000), (timeout - shortestService) / 1000)
  const given = addon.watchdogSetPretimeout(fd, Math.max(0, wanted))
  if (given <= 0) return milliseconds(0)
  if (timeout - given * 1000 >= shortestService) return seconds(given)
  addon.watchdogSetPretimeout(fd, 0)
  return milliseconds(0)
}
