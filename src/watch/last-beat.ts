import { before, type Clock, type WallTime } from '../time.js'
import type { Channel } from './channel.js'
import type { ServiceState } from './service-state.js'
import { mainChannel } from './sign-of-life.js'
import type { Silence } from './silence.js'

/** What is known of the beats of a service. */
export interface BeatKnowledge {
  readonly main: Channel
  readonly silence: Silence
  /** Of the last beat that did more than reset a countdown, or what was known when the countdown was last given up. */
  readonly noticed: WallTime | undefined
}

/**
 * When the last beat on the main channel was. No time is kept with an ordinary beat: it follows from the countdown that it started, or
 * from the silence that came of it. Both are no help where something else started the countdown, as at a start or a stop.
 */
export function lastBeat(
  state: ServiceState,
  { main, silence, noticed }: BeatKnowledge,
  clock: Clock,
): WallTime | undefined {
  if (main.beats === 0) return noticed
  const silent = silence.length()
  const isStart = 'starting' in state && state.starting
  if (silent > 0 && 'channel' in state && state.channel === mainChannel && !isStart)
    return before(clock.wallNow(), silent)
  const isOwn = state.kind === 'armed' || (!isStart && (state.kind === 'held' || state.kind === 'reported'))
  return isOwn && main.armed ? before(clock.wallNow(), main.silent()) : noticed
}
