import { HangdogError } from '../errors.js'
import { createLinuxPlatform, type HostPlatform } from './linux.js'
import type { LinuxPlatformOptions } from './linux-options.js'

/** What is chosen by the one who starts hangdog; each adapter takes what concerns it. */
export interface PlatformOptions extends LinuxPlatformOptions {
  /** The system to choose for; default the one hangdog runs on. */
  readonly system?: NodeJS.Platform
}

/**
 * Chooses the adapter for the system hangdog runs on.
 * @throws HangdogError `unavailable` when there is none
 */
export function selectPlatform(options: PlatformOptions = {}): HostPlatform {
  const system = options.system ?? process.platform
  if (system === 'linux') return createLinuxPlatform(options)
  throw new HangdogError('unavailable', `cannot watch services on "${system}": there is no adapter for it yet`)
}
