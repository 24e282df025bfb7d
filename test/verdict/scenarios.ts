import type { Fault } from '../../src/fault/kit.js'
import { findMissing } from '../../src/fault/need.js'
import type { Disturbance } from './disturbance.js'
import { disturbances } from './disturbances.js'
import { hangs, tryHang } from './hang.js'
import type { Scenario } from './matrix.js'
import { tryDisturbance } from './trial.js'
import type { Watcher } from './watched.js'

/** What a watcher can be put through. */
export async function listScenarios(watcher: Watcher): Promise<readonly Scenario[]> {
  const found = await Promise.all(hangs.map((fault) => hangScenario(watcher, fault)))
  return [...found, ...disturbances.map((disturbance) => disturbanceScenario(watcher, disturbance))]
}

async function hangScenario(watcher: Watcher, fault: Fault): Promise<Scenario> {
  const missing = await findMissing(fault.needs)
  return {
    watcher: watcher.name,
    name: fault.kind,
    what: fault.summary,
    kind: 'hang',
    // It needs memory and disk, and has others wait for them.
    alone: fault.kind === 'memory-thrash',
    lack: (limitMs) =>
      watcher.lack ??
      watcher.refuses(limitMs) ??
      watcher.refusesHang(fault) ??
      (missing.length > 0 ? missing.join('; ') : undefined),
    run: (limitMs) => tryHang(watcher, fault, limitMs),
  }
}

export function disturbanceScenario(watcher: Watcher, disturbance: Disturbance): Scenario {
  const { name, what, alone = false } = disturbance
  return {
    watcher: watcher.name,
    name,
    what,
    kind: 'disturbance',
    alone,
    lack: (limitMs) =>
      watcher.lack ?? watcher.refuses(limitMs) ?? watcher.refusesDisturbance(disturbance) ?? disturbance.lack?.(),
    run: (limitMs) => tryDisturbance(watcher, disturbance, limitMs),
  }
}
