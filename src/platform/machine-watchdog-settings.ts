import { HangdogError } from '../errors.js'
import { formatDuration, type Milliseconds, milliseconds, parseDuration, seconds } from '../time.js'

/** Which watchdog of the machine is to be fed, and how long the machine may go without. All times are whole seconds. */
export interface MachineWatchdogSettings {
  /** An absolute path, such as /dev/watchdog0. */
  readonly device: string
  /** Default 60 s; from 5 s to 65535 s. What the driver makes of it counts. */
  readonly timeout: Milliseconds
  /** How long before the end the kernel is told, where the driver can; 0 for not at all. Default: a quarter of the timeout. */
  readonly pretimeout: Milliseconds
}

/** As most drivers have it. */
const defaultTimeout = seconds(60)

/**
 * The shortest time between feeding and the next thing that happens, be it the end or the pretimeout. A round of decisions is due four
 * times within it; with less, a busy machine that is well would be reset.
 */
export const shortestService = seconds(5)

const longestTimeout = seconds(65_535)
const pretimeoutShare = 1 / 4

/**
 * Reads `DEVICE` or `DEVICE:TIMEOUT`.
 * @param option what the text was given for; named in the error
 * @throws HangdogError `usage`
 */
export function parseMachineWatchdog(text: string, option: string): MachineWatchdogSettings {
  const end = text.indexOf(':', text.lastIndexOf('/'))
  const device = end < 0 ? text : text.slice(0, end)
  const timeout = end < 0 ? undefined : parseDuration(text.slice(end + 1), option)
  return completeMachineWatchdog({ device, ...(timeout !== undefined && { timeout }) }, option)
}

/**
 * Fills in what was not given, and refuses what cannot be.
 * @throws HangdogError `usage` with the expected form and what was given
 */
export function completeMachineWatchdog(
  given: Pick<MachineWatchdogSettings, 'device'> & Partial<MachineWatchdogSettings>,
  option: string,
): MachineWatchdogSettings {
  const { device, timeout = defaultTimeout } = given
  const pretimeout = given.pretimeout ?? seconds(defaultPretimeout(timeout / 1000))
  if (!device.startsWith('/') || device.endsWith('/'))
    throw refusal(option, device, 'the absolute path of a device, such as /dev/watchdog0')
  if (timeout % 1000 !== 0 || timeout < shortestService || timeout > longestTimeout)
    throw refusal(option, `${timeout / 1000}s`, 'a timeout of whole seconds from 5s to 65535s')
  if (pretimeout % 1000 !== 0 || pretimeout > timeout - shortestService)
    throw refusal(
      option,
      formatDuration(pretimeout),
      `a pretimeout of whole seconds that leaves ${formatDuration(shortestService)} of the timeout of ${formatDuration(timeout)}`,
    )
  return { device, timeout, pretimeout: milliseconds(pretimeout) }
}

/** In whole seconds. */
function defaultPretimeout(timeoutSeconds: number): number {
  const room = Math.max(0, timeoutSeconds - shortestService / 1000)
  return Math.floor(Math.min(timeoutSeconds * pretimeoutShare, room))
}

function refusal(option: string, found: string, expected: string): HangdogError {
  return new HangdogError('usage', `cannot use ${option} "${found}": expected ${expected}`)
}
