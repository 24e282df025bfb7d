import { HangdogError } from './errors.js'
import type { AddonWatchdog, LoadedAddon } from './platform/addon.js'
import type { MachineWatchdogSettings } from './platform/machine-watchdog-settings.js'
import { type FindWatchdog, refuseUnopened } from './platform/watchdog-refusal.js'

/**
 * Refuses a watchdog of the machine before anything is started; it is not opened, as that would start it.
 * @throws HangdogError `unavailable`, `config` or `permission`
 */
export function checkMachineWatchdog(
  settings: MachineWatchdogSettings | undefined,
  addon: LoadedAddon,
  dryRun: boolean,
  find?: FindWatchdog,
): void {
  if (settings === undefined || dryRun) return
  requireWatchdogCalls(addon, settings.device)
  refuseUnopened(settings, find)
}

/** @throws HangdogError `unavailable` without the native part, which alone can feed a watchdog */
export function requireWatchdogCalls(loaded: LoadedAddon, device: string): AddonWatchdog {
  if (loaded.kind === 'loaded') return loaded.addon
  throw new HangdogError('unavailable', `cannot open the watchdog "${device}": ${loaded.reason}`)
}
