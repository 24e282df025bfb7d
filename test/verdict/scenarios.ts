import type { Disturbance } from './disturbance.js'
import { disturbances } from './disturbances.js'
import type { Scenario } from './matrix.js'
import { tryDisturbance } from './trial.js'
import type { Watcher } from './watched.js'

/** What a watcher can be put through. */
export function listScenarios(watcher: Watcher): readonly Scenario[] {
  return disturbances.map((disturbance) => disturbanceScenario(watcher, disturbance))
}

function disturbanceScenario(watcher: Watcher, disturbance: Disturbance): Scenario {
  const { name, what, alone = false } = disturbance
  return {
    watcher: watcher.name,
    name,
    what,
    kind: 'disturbance',
    alone,
    lack: (limitMs) =>
      watcher.lack ??
      watcher.refuses(limitMs, disturbance.subject) ??
      (watcher.name === 'hangdog' ? undefined : disturbance.onlyHangdog) ??
      disturbance.lack?.(),
    run: (limitMs) => tryDisturbance(watcher, disturbance, limitMs),
  }
}
