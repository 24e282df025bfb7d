import { fraction, longer, type Milliseconds, shorter } from '../time.js'
import type { ServicePolicy } from './policy.js'
import type { ServiceState } from './service-state.js'

/** A limit has room for this many beats at the pace of the service: one may be late by a whole interval. */
const beatsWithin = 2

/** How far the beats of a run are apart. */
export interface Pace {
  /** The longest of the channels whose pace has been seen. */
  readonly seen: Milliseconds
  /** There is a channel, or will be, that has not beaten twice yet. */
  readonly unknown: boolean
}

/**
 * The limit that a running service can be held to. One that was told a longer limit when it was started beats accordingly; it must not be
 * taken for hung because its limit was lowered meanwhile. It is held to twice its pace then, but to no more than it was held to before.
 * @param slowest how far its beats are apart at most; it counts while its pace was not seen
 */
export function bearableLimit(
  asked: Milliseconds,
  present: Milliseconds,
  { seen, unknown }: Pace,
  slowest: Milliseconds,
): Milliseconds {
  const pace = unknown ? longer(seen, slowest) : seen
  return longer(asked, shorter(present, fraction(pace, beatsWithin)))
}

/** Whether the countdown that runs in this state is another one by the new policy. A change of anything else leaves it alone. */
export function changesCountdown(before: ServicePolicy, after: ServicePolicy, state: ServiceState): boolean {
  const starting = state.kind === 'starting' || (state.kind === 'held' && state.starting)
  if (before.warningPercent !== after.warningPercent && !starting) return true
  return starting ? before.startTimeout !== after.startTimeout : before.heartbeatTimeout !== after.heartbeatTimeout
}
