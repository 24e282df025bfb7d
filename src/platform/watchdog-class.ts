import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readKernelFile } from './linux-proc.js'

/** A watchdog of this machine, as the kernel describes it. To look at it does not start it. */
export interface WatchdogClass {
  /** Such as `watchdog0`. */
  readonly name: string
  readonly device: string
  readonly identity: string
  /** It counts down already, whoever started it. Undefined where the kernel does not say, as with all below. */
  readonly active: boolean | undefined
  /** Nothing can stop it once it was started. */
  readonly nowayout: boolean | undefined
  /** In seconds. */
  readonly timeout: number | undefined
  readonly minTimeout: number | undefined
  readonly maxTimeout: number | undefined
  /** What the kernel does at the pretimeout: `noop` logs a line, `panic` panics. */
  readonly pretimeoutGovernor: string | undefined
  readonly bootStatus: number
}

const classRoot = '/sys/class/watchdog'

/** All watchdogs of this machine that the kernel shows, in order. Never throws. */
export function listWatchdogs(root: string = classRoot): readonly WatchdogClass[] {
  try {
    const names = readdirSync(root).filter((name) => /^watchdog\d+$/.test(name))
    return names.sort((a, b) => Number(a.slice(8)) - Number(b.slice(8))).map((name) => describe(root, name))
  } catch {
    return []
  }
}

/** The number of the device /dev/watchdog, which stands for watchdog0: 10 and 130. */
export const oldNumber = '10:130'

/** What the kernel says of the watchdog behind a device file; undefined when it is none, or the kernel does not show it. */
export function findWatchdog(device: string, root: string = classRoot): WatchdogClass | undefined {
  const number = deviceNumber(device)
  if (number === undefined) return undefined
  return listWatchdogs(root).find(({ name }) =>
    number === oldNumber ? name === 'watchdog0' : readText(root, name, 'dev') === number,
  )
}

/** Of a device file, as `major:minor`; undefined when it is none. */
export function deviceNumber(path: string): string | undefined {
  try {
    const found = statSync(path)
    if (!found.isCharacterDevice()) return undefined
    // As the kernel's new_encode_dev packs them for user space.
    const { rdev } = found
    const major = (rdev >> 8) & 0xfff
    const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00)
    return `${major}:${minor}`
  } catch {
    return undefined
  }
}

function describe(root: string, name: string): WatchdogClass {
  const state = readText(root, name, 'state')
  const nowayout = readText(root, name, 'nowayout')
  return {
    name,
    device: `/dev/${name}`,
    identity: readText(root, name, 'identity') ?? 'unknown',
    active: state === undefined ? undefined : state === 'active',
    nowayout: nowayout === undefined ? undefined : nowayout === '1',
    timeout: readNumber(root, name, 'timeout'),
    minTimeout: readNumber(root, name, 'min_timeout'),
    maxTimeout: readNumber(root, name, 'max_timeout'),
    pretimeoutGovernor: readText(root, name, 'pretimeout_governor'),
    bootStatus: readNumber(root, name, 'bootstatus') ?? 0,
  }
}

function readText(root: string, name: string, file: string): string | undefined {
  return readKernelFile(join(root, name, file))?.trim()
}

function readNumber(root: string, name: string, file: string): number | undefined {
  const text = readText(root, name, file)
  const value = Number(text)
  return text === undefined || text === '' || !Number.isInteger(value) ? undefined : value
}
