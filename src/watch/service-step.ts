import type { HoldReason, RecoveryAction } from './policy.js'
import {
  type Effect,
  isRunning,
  isStall,
  isWatched,
  type ServiceEvent,
  type ServiceState,
  type WatchOff,
} from './service-state.js'
import type { Hang } from './verdict.js'

export interface Step {
  readonly state: ServiceState
  readonly effects: readonly Effect[]
}

export interface StepContext {
  readonly action: RecoveryAction
  /** Undefined when silence is judged. */
  readonly off: WatchOff | undefined
  /** Silence before the first contact means something: the service was told how to beat, or a probe asks it. */
  readonly committed: boolean
}

/** One for all services: it is looked at for each beat, and one object stays in the processor's cache. */
const armed: ServiceState = { kind: 'armed' }

/** Which state follows from an event, and what is to be done about it. */
export function advance(state: ServiceState, event: ServiceEvent, context: StepContext): Step {
  const next = follow(state, event, context)
  // In these two states the watch can be turned off without an effect; it has one as soon as a countdown would run again.
  const isLate = (state.kind === 'expired' || state.kind === 'recovering') && isWatched(next.state)
  return context.off !== undefined && isLate
    ? step({ kind: 'unwatched', why: context.off }, 'disarm', 'close-incident')
    : next
}

function follow(state: ServiceState, event: ServiceEvent, context: StepContext): Step {
  switch (event.kind) {
    case 'spawned':
      return context.off !== undefined
        ? step({ kind: 'unwatched', why: context.off })
        : step({ kind: 'starting' }, 'arm-start')
    case 'signOfLife':
      return afterSignOfLife(state, event.channel)
    case 'limitElapsed':
      return afterLimit(state, event.channel, context)
    case 'triggered':
      return isWatched(state)
        ? step({ kind: 'expired', channel: 'main', starting: false, triggered: true }, 'disarm', 'judge')
        : same(state)
    case 'judgedHung':
      return afterHung(state, event.hang, context)
    case 'judgedHeld':
      return afterHeld(state, event)
    case 'holdCleared':
      return state.kind === 'held' ? released(state) : same(state)
    case 'takenOver':
      return isWatched(state) || state.kind === 'expired'
        ? step({ kind: 'recovering', channel: event.channel, hang: event.hang }, 'disarm', 'follow')
        : same(state)
    case 'stallNoticed':
      return afterStall(state, event.reason)
    case 'recoveryAbandoned':
      return state.kind === 'recovering' ? step(armed, 'arm-channels') : same(state)
    case 'terminationFailed':
      return isRunning(state) ? step({ kind: 'stuck' }, 'disarm', 'watch-stuck') : same(state)
    case 'stopRequested':
      return afterStopRequest(state)
    case 'endAnnounced':
      return isWatched(state) || state.kind === 'unwatched'
        ? step({ kind: 'stopping', announced: true }, 'disarm', 'close-incident', 'arm-stop')
        : same(state)
    case 'disableRequested':
      return afterDisabling(state, event.why)
    case 'enableRequested':
      if (state.kind !== 'unwatched' || state.why === 'no-contact') return same(state)
      return event.opened ? step(armed, 'arm-channels') : step({ kind: 'starting' }, 'arm-start')
    case 'processExited':
      return afterExit(state)
    case 'ended':
      return afterEnd(event.next, event.reason)
    case 'startFailed':
      return afterEnd(event.next, event.reason)
    default:
      return event satisfies never
  }
}

function step(state: ServiceState, ...effects: Effect[]): Step {
  return { state, effects }
}

function same(state: ServiceState): Step {
  return { state, effects: [] }
}

function afterSignOfLife(state: ServiceState, channel: string): Step {
  switch (state.kind) {
    case 'starting':
      return step(armed, 'arm-channels')
    case 'unwatched':
      return state.why === 'no-contact' ? step(armed, 'arm-channels') : same(state)
    case 'expired':
      // A beat that waited while the countdown ended. A service that asked to be treated as hung is not excused by it.
      if (state.triggered || (!state.starting && state.channel !== channel)) return same(state)
      return step(armed, 'arm-channels')
    case 'held':
      // Countdowns ran on during the hold of a stall; starting all of them over for one beat would hide the silence of the others.
      if (isStall(state.reason)) return step(armed)
      return state.starting || state.channel === channel ? step(armed, 'arm-channels') : same(state)
    case 'reported':
      return state.channel === channel ? step(armed, 'arm-channels', 'close-incident') : same(state)
    case 'armed':
    case 'recovering':
    case 'stuck':
    case 'stopping':
    case 'ending':
    case 'stopped':
    case 'waiting':
    case 'failed':
      return same(state)
    default:
      return state satisfies never
  }
}

function afterLimit(state: ServiceState, channel: string, context: StepContext): Step {
  switch (state.kind) {
    case 'starting':
      return context.committed
        ? step({ kind: 'expired', channel, starting: true, triggered: false }, 'disarm', 'judge')
        : step({ kind: 'unwatched', why: 'no-contact' }, 'disarm')
    case 'held':
      return step({ kind: 'expired', channel, starting: state.starting, triggered: false }, 'disarm', 'judge')
    case 'stopping':
      return state.announced ? step({ kind: 'stopping', announced: false }, 'disarm', 'end-overdue') : same(state)
    case 'armed':
    case 'reported':
      return step({ kind: 'expired', channel, starting: false, triggered: false }, 'disarm', 'judge')
    case 'unwatched':
    case 'expired':
    case 'recovering':
    case 'stuck':
    case 'ending':
    case 'stopped':
    case 'waiting':
    case 'failed':
      return same(state)
    default:
      return state satisfies never
  }
}

/** A verdict that is due comes to nothing (`afterHung`), and a recovery that is under way goes on. */
function afterDisabling(state: ServiceState, why: WatchOff): Step {
  if (state.kind === 'unwatched') return state.why === why ? same(state) : step({ kind: 'unwatched', why })
  return isWatched(state) ? step({ kind: 'unwatched', why }, 'disarm', 'close-incident') : same(state)
}

function afterHung(state: ServiceState, hang: Hang, { action, off }: StepContext): Step {
  if (state.kind !== 'expired' && state.kind !== 'held') return same(state)
  if (off !== undefined) return step({ kind: 'unwatched', why: off }, 'disarm')
  const channel = state.channel
  switch (action) {
    case 'disable':
      return step({ kind: 'unwatched', why: 'disabled' }, 'disarm')
    case 'log':
      return step({ kind: 'reported', channel, hang }, 'arm-channels', 'report')
    case 'terminate':
    case 'bugcheck':
      return step({ kind: 'recovering', channel, hang }, 'disarm', 'recover')
    default:
      return action satisfies never
  }
}

function afterHeld(state: ServiceState, { reason, alone }: ServiceEvent & { readonly kind: 'judgedHeld' }): Step {
  if (state.kind !== 'expired') return same(state)
  const held: ServiceState = { kind: 'held', channel: state.channel, reason, starting: state.starting }
  // A starved service gets its limit once more. One that cannot run at all is looked at until it can.
  if (reason !== 'starved')
    return alone && !state.starting ? step(held, 'arm-others', 'watch-hold') : step(held, 'watch-hold')
  return step(held, state.starting ? 'arm-start' : 'arm-channels')
}

function released(state: ServiceState & { readonly kind: 'held' }): Step {
  return state.starting ? step({ kind: 'starting' }, 'arm-start') : step(armed, 'arm-channels')
}

function afterStall(state: ServiceState, reason: HoldReason): Step {
  if (state.kind !== 'armed') return same(state)
  return step({ kind: 'held', channel: 'main', reason, starting: false }, 'arm-stalled')
}

function afterStopRequest(state: ServiceState): Step {
  if (state.kind === 'waiting' || state.kind === 'failed')
    return step({ kind: 'stopped', reason: 'stopped on request' })
  // The ladder and the sweep end the service anyway; they see the request when they are done.
  const ends = state.kind === 'recovering' || state.kind === 'stuck' || state.kind === 'ending'
  return state.kind === 'stopped' || ends ? same(state) : step({ kind: 'stopping', announced: false }, 'disarm')
}

function afterExit(state: ServiceState): Step {
  if (!isRunning(state) || state.kind === 'recovering' || state.kind === 'stuck') return same(state)
  return step({ kind: 'ending' }, 'disarm', 'sweep')
}

function afterEnd(next: 'restart' | 'stop' | 'fail', reason: string): Step {
  switch (next) {
    case 'restart':
      return step({ kind: 'waiting' }, 'disarm')
    case 'stop':
      return step({ kind: 'stopped', reason }, 'disarm')
    case 'fail':
      return step({ kind: 'failed', reason }, 'disarm')
    default:
      return next satisfies never
  }
}
