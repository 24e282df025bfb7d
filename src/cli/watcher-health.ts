import { loadAddon } from '../platform/addon.js'
import { listWatchdogs, type WatchdogClass } from '../platform/watchdog-class.js'
import type { Check } from './health.js'

/** Who can watch hangdog itself on this machine. Starts no watchdog: to open one would. */
export function examineWatchers(): readonly Check[] {
  const loaded = loadAddon()
  const missing = loaded.kind === 'absent' ? loaded.reason : undefined
  return [examineMachineWatchdog(listWatchdogs(), missing), examineServiceManager(missing)]
}

/** @param missing why the native part is not here */
export function examineMachineWatchdog(watchdogs: readonly WatchdogClass[], missing: string | undefined): Check {
  const check = 'machine-watchdog'
  if (watchdogs.length === 0) {
    return {
      check,
      state: 'weak',
      reason: 'the kernel shows no watchdog: nothing resets this machine when hangdog hangs with it',
      mend: 'load the driver of its hardware, or softdog',
    }
  }
  const reason = watchdogs.map(describe).join('; ')
  if (missing !== undefined) {
    return { check, state: 'weak', reason: `${reason}; cannot be fed: ${missing}`, mend: 'build the native part' }
  }
  return { check, state: 'ok', reason: `${reason}; fed with --machine-watchdog`, mend: null }
}

function describe({ device, identity, active, nowayout, minTimeout, maxTimeout, bootStatus }: WatchdogClass): string {
  const longest = maxTimeout === undefined || maxTimeout === 0 ? '' : `, ${minTimeout ?? 1}s to ${maxTimeout}s`
  return [
    `${device} (${identity}${longest})`,
    active === true ? 'runs' : 'does not run',
    ...(nowayout === true ? ['cannot be stopped'] : []),
    ...(bootStatus === 0 ? [] : [`boot status 0x${bootStatus.toString(16)}`]),
  ].join(', ')
}

function examineServiceManager(missing: string | undefined): Check {
  const check = 'service-manager'
  if (missing === undefined)
    return { check, state: 'ok', reason: 'is answered: Type=notify and WatchdogSec= can be used', mend: null }
  return {
    check,
    state: 'weak',
    reason: `is not answered: ${missing}`,
    mend: 'build the native part, or use Type=exec without WatchdogSec=',
  }
}
