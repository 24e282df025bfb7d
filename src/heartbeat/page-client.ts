import { loadAddon } from '../platform/addon.js'

/**
 * How this program beats by shared memory, some 20 ns a beat; undefined when hangdog gave it none, or when the native part is not there: then
 * it beats over the heartbeat socket.
 */
export function openPageBeat(environment: NodeJS.ProcessEnv): (() => void) | undefined {
  if (environment.HANGDOG_PAGE === undefined || environment.HANGDOG_PAGE === '') return undefined
  const loaded = loadAddon()
  if (loaded.kind === 'absent') return undefined
  const opened = loaded.addon.openHeartbeat()
  return typeof opened === 'number' ? undefined : opened
}
