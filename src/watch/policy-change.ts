import { fraction, longer, type Milliseconds, shorter } from '../time.js'
import type { ServicePolicy } from './policy.js'
import type { ServiceState } from './service-state.js'

/** A limit has room for this many beats at the pace of the service: one may be late by a whole interval. */
const beatsWithin = 2

/**
 * The limit that a running service can be held to. One that was told a longer limit when it was started beats accordingly; it must not be
 * taken for hung because its limit was lowered meanwhile. It is held to twice its pace then, but to no more than it was held to before.
 * @param pace how far its beats were apart lately
 */
export function bearableLimit(asked: Milliseconds, present: Milliseconds, pace: Milliseconds): Milliseconds {
  return longer(asked, shorter(present, fraction(pace, beatsWithin)))
}

/** Whether the countdown that runs in this state is another one by the new policy. A change of anything else leaves it alone. */
export function changesCountdown(before: ServicePolicy, after: ServicePolicy, state: ServiceState): boolean {
  const starting = state.kind === 'starting' || (state.kind === 'held' && state.starting)
  if (before.warningPercent !== after.warningPercent && !starting) return true
  return starting ? before.startTimeout !== after.startTimeout : before.heartbeatTimeout !== after.heartbeatTimeout
}
