import { HangdogError } from './errors.js'
import { type LoadedAddon, lackOf } from './platform/addon.js'
import { lackOfGuardProgram } from './platform/guard-process.js'
import type { ServiceSettings } from './service-settings.js'

/** Where the guard is: a process of its own that outlives us, a thread of this one, or nowhere. */
export const guardModes = ['process', 'thread', 'none'] as const
export type GuardMode = (typeof guardModes)[number]

/** Why there is no guard of this kind; undefined when there is one. */
export function lackOfGuard(addon: LoadedAddon, mode: GuardMode): string | undefined {
  if (mode === 'none') return 'the guard was turned off (--guard none)'
  return lackOf(addon) ?? (mode === 'process' ? lackOfGuardProgram() : undefined)
}

/**
 * Refuses what cannot be kept by a guard of this kind, without starting anything. @param lacks as lackOfGuard says
 * @throws HangdogError `unavailable` when a guard process was asked for and cannot be had; `config` for a service that would not outlive
 * hangdog
 */
export function checkGuard(mode: GuardMode, lacks: string | undefined, services: readonly ServiceSettings[]): void {
  if (mode !== 'process') return
  if (lacks !== undefined)
    throw new HangdogError('unavailable', `cannot use --guard "process": ${lacks}; see hangdog doctor`)
  for (const { name, output, heartbeat } of services) {
    if (heartbeat === 'page') {
      throw new HangdogError(
        'unavailable',
        `cannot watch service "${name}" by a guard process: expected a heartbeat other than "page", whose memory it cannot share yet`,
      )
    }
    if (output !== 'pass') continue
    throw new HangdogError(
      'config',
      `cannot watch service "${name}" by a guard process: expected output "file" or "inherit", not "pass", which breaks when hangdog dies`,
    )
  }
}
