import { z } from 'zod'
import { completeOwnWatch, type OwnWatchSettings, ownWatchActions } from './own-kernel-watch-settings.js'
import { completeMachineWatchdog, type MachineWatchdogSettings } from './platform/machine-watchdog-settings.js'
import { parseDuration } from './time.js'

export const durationText = z
  .string()
  .regex(/^(0|\d+(\.\d+)?(ms|s|m|h))$/)
  .describe('A duration with its unit: 500ms, 6s, 2m or 1h')

/** `machineWatchdog` of the file that `hangdog supervise` reads. */
export const machineWatchdogSchema = z
  .strictObject({
    device: z.string().min(1).describe('Such as /dev/watchdog0'),
    timeout: durationText.optional().describe('5s to 65535s; default 60s'),
    pretimeout: durationText.optional().describe('Default: a quarter of the timeout; 0 for none'),
  })
  .describe('Feed this watchdog of the machine: it is reset when hangdog comes to no decision any more')

/** `watchHangdog` of the same file. */
export const watchHangdogSchema = z
  .strictObject({
    timeout: durationText.describe('5s or more'),
    action: z.enum(ownWatchActions).optional().describe('What the kernel does then; default terminate'),
  })
  .describe('Have the kernel module watch hangdog itself, which acts when that comes to no decision any more')

/** @throws HangdogError `usage` */
export function toMachineWatchdog(given: z.infer<typeof machineWatchdogSchema>): MachineWatchdogSettings {
  const { device, timeout, pretimeout } = given
  return completeMachineWatchdog(
    {
      device,
      ...(timeout !== undefined && { timeout: parseDuration(timeout, 'machineWatchdog.timeout') }),
      ...(pretimeout !== undefined && { pretimeout: parseDuration(pretimeout, 'machineWatchdog.pretimeout') }),
    },
    'machineWatchdog',
  )
}

/** @throws HangdogError `usage` */
export function toWatchHangdog({ timeout, action }: z.infer<typeof watchHangdogSchema>): OwnWatchSettings {
  const limit = parseDuration(timeout, 'watchHangdog.timeout')
  return completeOwnWatch({ timeout: limit, ...(action !== undefined && { action }) }, 'watchHangdog')
}
