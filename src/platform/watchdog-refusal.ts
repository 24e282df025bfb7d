import { accessSync, constants, existsSync } from 'node:fs'
import { type ErrorCode, HangdogError, systemCode } from '../errors.js'
import type { MachineWatchdogSettings } from './machine-watchdog-settings.js'
import { deviceNumber, findWatchdog, oldNumber, type WatchdogClass } from './watchdog-class.js'

/** How the kernel's description of a device is found. */
export type FindWatchdog = (device: string) => WatchdogClass | undefined

/**
 * Refuses what can be known to be no watchdog that hangdog can use, without opening it: that would start it. Whether somebody else feeds
 * it only the opening says.
 * @throws HangdogError `unavailable` when it is not there, `config` when it is none, or cannot have this timeout, `permission`
 */
export function refuseUnopened(settings: MachineWatchdogSettings, find: FindWatchdog = findWatchdog): void {
  const { device } = settings
  try {
    accessSync(device, constants.W_OK)
  } catch (error) {
    throw openingError(device, systemCode(error) ?? 'EIO')
  }
  const shown = find(device)
  const number = deviceNumber(device)
  // A driver that the kernel does not describe has the number that there was before such descriptions.
  const isOne = shown !== undefined || number === oldNumber
  if (!isOne && (number === undefined || existsSync('/sys/class'))) throw openingError(device, 'ENOTTY')
  refuseBeforehand(settings, shown)
}

/** What the kernel shows is looked at before the watchdog is started: some cannot be stopped again. */
export function refuseBeforehand({ device, timeout }: MachineWatchdogSettings, shown: WatchdogClass | undefined): void {
  if (shown === undefined) return
  const asked = timeout / 1000
  const { minTimeout = 0, maxTimeout = 0, identity } = shown
  if (asked >= minTimeout && (maxTimeout === 0 || asked <= maxTimeout)) return
  const bounds = maxTimeout === 0 ? `at least ${minTimeout}s` : `${minTimeout}s to ${maxTimeout}s`
  throw new HangdogError(
    'config',
    `cannot use the watchdog "${device}" (${identity}): expected a timeout of ${bounds}, not ${asked}s`,
  )
}

/** @param name of the system's error, such as `ENOENT` */
export function openingError(device: string, name: string): HangdogError {
  const [code, why] = openingErrors[name] ?? ['unavailable', `the kernel answers ${name}`]
  return new HangdogError(code, `cannot open the watchdog "${device}": ${why}`)
}

const openingErrors: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  EBUSY: [
    'unavailable',
    'somebody else feeds it already (systemd by RuntimeWatchdogSec, watchdogd, sbd, another hangdog?)',
  ],
  ENOENT: ['unavailable', 'there is no such device; is its driver loaded?'],
  ENODEV: ['unavailable', 'its driver is gone'],
  ENXIO: ['unavailable', 'its driver is not loaded'],
  ENOTTY: ['config', 'expected a watchdog device, found something else'],
  EACCES: ['permission', 'it is not permitted; run as root'],
  EPERM: ['permission', 'it is not permitted; run as root'],
}
