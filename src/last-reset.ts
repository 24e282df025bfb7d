import type { BootFlag, WatchdogStatus } from './aftermath/watchdog-status.js'
import type { MachineWatchdogRecord } from './machine-watchdog-record.js'
import { formatDuration, milliseconds } from './time.js'

const causes: Readonly<Record<BootFlag, string>> = {
  overheated: 'overheated',
  'fan-failed': 'fan failed',
  'external-1': 'external relay',
  'external-2': 'external relay',
  'power-low': 'power was too low',
  'reset-by-watchdog': 'watchdog reset',
  'power-high': 'power was too high',
}

/**
 * Why the machine went down before this boot, as far as its watchdogs and our own record tell; undefined when there is nothing to tell.
 * @param record of an earlier boot
 */
export function describeLastReset(
  statuses: readonly WatchdogStatus[],
  record: MachineWatchdogRecord | undefined,
): string | undefined {
  const remembered = statuses.flatMap(({ name, identity, flags, bootStatus }) => {
    const said = [...new Set(flags.map((flag) => causes[flag]))].join(', ')
    return said === '' ? [] : [`${name} (${identity}) remembers: ${said} (0x${bootStatus.toString(16)})`]
  })
  const parts = [...describeRecord(record), ...remembered]
  if (parts.length === 0) return undefined
  if (remembered.length === 0)
    parts.push('no watchdog remembers a reset (one in software cannot), so that a loss of power looks the same')
  return parts.join('; ')
}

function describeRecord(record: MachineWatchdogRecord | undefined): readonly string[] {
  if (record === undefined) return []
  const { phase, device, at } = record
  const timeout = formatDuration(milliseconds(record.timeoutMs))
  switch (phase) {
    case 'idle':
      return []
    case 'armed':
      return [`hangdog had started the watchdog ${device} (${timeout}, at ${at}) and did not end in order`]
    case 'left-running':
      return [`hangdog ended in order at ${at} and had to leave the watchdog ${device} running with ${timeout}`]
    default:
      return phase satisfies never
  }
}
