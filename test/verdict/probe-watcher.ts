import { fileURLToPath } from 'node:url'
import { freePort } from './free-port.js'
import { WatchedByPeer } from './peer-watcher.js'
import type { Watcher } from './watched.js'

const program = fileURLToPath(new URL('peers/http-probe.mjs', import.meta.url))
const health = fileURLToPath(new URL('peers/health.mjs', import.meta.url))

/** A liveness probe by HTTP, with the semantics of the kubelet: period and timeout of 1 s, and as many failures as the limit has seconds. */
export const probeWatcher: Watcher = {
  name: 'HTTP probe',
  lack: undefined,
  refuses: (limitMs) => (limitMs % 1000 === 0 ? undefined : 'its period is a whole number of seconds'),
  refusesHang: ({ language }) => (language === 'node' ? undefined : 'the service has no HTTP endpoint'),
  refusesDisturbance: ({ onlyHangdog }) => onlyHangdog,
  start: async ({ service, limitMs }) => {
    const given = service.environment.PORT
    const port = given ?? String(await freePort())
    const preload: Record<string, string> =
      given === undefined ? { NODE_OPTIONS: `--import=${health}`, HEALTH_PORT: port } : {}
    // What beats and is not heard must beat into nothing.
    const command = [process.execPath, program, String(limitMs / 1000), port, 'env']
    const assignments = Object.entries({ ...service.environment, ...preload }).map(([key, value]) => `${key}=${value}`)
    return await WatchedByPeer.start([...command, ...assignments, ...service.command], {})
  },
}
