import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WatchedByPeer } from './peer-watcher.js'
import type { Watcher } from './watched.js'

const program = fileURLToPath(new URL('peers/timeout-watchdog.mjs', import.meta.url))
const register = fileURLToPath(new URL('../../dist/heartbeat/register.js', import.meta.url))

/** One setTimeout in a Node program: what a watchdog comes to without any of the rest. */
export const timeoutWatcher: Watcher = {
  name: 'setTimeout',
  lack: undefined,
  refuses: () => undefined,
  refusesHang: ({ heartbeat }) => (heartbeat === 'tcp' ? 'it hears beats and makes no probes' : undefined),
  refusesDisturbance: ({ onlyHangdog }) => onlyHangdog,
  start: ({ service, limitMs, directory }) => {
    // Node services beat by the same preload, for the same limit.
    const preload = service.heartbeat === 'node' ? { NODE_OPTIONS: `--import=${register}` } : {}
    const command = [process.execPath, program, String(limitMs), join(directory, 'beats'), 'env']
    const assignments = Object.entries({ ...service.environment, ...preload }).map(([key, value]) => `${key}=${value}`)
    return WatchedByPeer.start([...command, ...assignments, ...service.command], {})
  },
}
