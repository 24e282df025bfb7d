import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../errors.js'
import { readStart } from './bounded-file.js'

/** What a hardware watchdog says of the last boot. */
export interface WatchdogStatus {
  /** Such as watchdog0. */
  readonly name: string
  /** The driver's name for the device, such as "i6300ESB timer". */
  readonly identity: string
  /** As the driver gives it: a sum of WDIOF flags. */
  readonly bootStatus: number
  readonly flags: readonly BootFlag[]
}

/** The flags of the kernel's watchdog API that a boot status can have (linux/watchdog.h). */
const flagBits = {
  overheated: 0x01,
  'fan-failed': 0x02,
  'external-1': 0x04,
  'external-2': 0x08,
  'power-low': 0x10,
  'reset-by-watchdog': 0x20,
  'power-high': 0x40,
} as const

export type BootFlag = keyof typeof flagBits

/** Far more than machines have. */
const mostDevices = 16

/**
 * Reads the boot status of all watchdogs, without opening the devices, which would start them.
 * @param directory /sys/class/watchdog; where it is missing there are none @throws the system error
 */
export async function readWatchdogs(directory: string): Promise<readonly WatchdogStatus[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  const found: WatchdogStatus[] = []
  for (const name of names.sort().slice(0, mostDevices)) {
    const status = await readValue(join(directory, name, 'bootstatus'))
    if (status === undefined) continue
    const bootStatus = Number(status)
    const identity = (await readValue(join(directory, name, 'identity'))) ?? 'unknown'
    if (Number.isInteger(bootStatus)) found.push({ name, identity, bootStatus, flags: flagsOf(bootStatus) })
  }
  return found
}

function flagsOf(status: number): readonly BootFlag[] {
  const flags: BootFlag[] = []
  for (const flag of Object.keys(flagBits)) {
    if (isFlag(flag) && (status & flagBits[flag]) !== 0) flags.push(flag)
  }
  return flags
}

function isFlag(name: string): name is BootFlag {
  return name in flagBits
}

/** Undefined where a kernel without these attributes has none. */
async function readValue(path: string): Promise<string | undefined> {
  try {
    return (await readStart(path, 256)).text.trim()
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined
    throw error
  }
}
