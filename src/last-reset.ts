import type { MachineWatchdogRecord } from './machine-watchdog-record.js'
import type { BootStatus } from './platform/watchdog-class.js'
import { formatDuration, milliseconds } from './time.js'

/**
 * Why the machine went down before this boot, as far as its watchdogs and our own record tell; undefined when there is nothing to tell.
 * @param record of an earlier boot
 */
export function describeLastReset(
  statuses: readonly BootStatus[],
  record: MachineWatchdogRecord | undefined,
): string | undefined {
  const remembered = statuses.flatMap(({ watchdog, identity, causes, status }) =>
    causes.length === 0 ? [] : [`${watchdog} (${identity}) remembers: ${causes.join(', ')} (0x${status.toString(16)})`],
  )
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
