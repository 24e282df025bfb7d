import type { HoldReason, RecoveryAction } from './policy.js'
import type { Hang } from './verdict.js'

/**
 * Where a service stands. The machine is pure: `advance` says which state follows and what is to be done about it; service.ts does it.
 * While a countdown runs the state is starting, armed, held or reported; in every other state all countdowns are off.
 */
export type ServiceState =
  /** Not running, and nobody wants it to. */
  | { readonly kind: 'stopped'; readonly reason: string }
  /** Runs; no sign of life yet. */
  | { readonly kind: 'starting' }
  /** Runs and is watched. */
  | { readonly kind: 'armed' }
  /** Runs, and no countdown does. */
  | { readonly kind: 'unwatched'; readonly why: WatchOff | 'no-contact' }
  /** Silent for its limit; waiting beats are being drained before a verdict. */
  | { readonly kind: 'expired'; readonly channel: string; readonly starting: boolean; readonly triggered: boolean }
  /** Silent, but for a reason that is not its own. */
  | { readonly kind: 'held'; readonly channel: string; readonly reason: HoldReason; readonly starting: boolean }
  /** Hung and reported (action 1); the countdown runs again. */
  | { readonly kind: 'reported'; readonly channel: string; readonly hang: Hang }
  /** Hung; the ladder is at work. */
  | { readonly kind: 'recovering'; readonly channel: string; readonly hang: Hang }
  /** Could not be terminated. Nothing is started beside it. */
  | { readonly kind: 'stuck' }
  /** An orderly end is under way: asked for by the operator, or announced by the service itself, which then has StopTimeout for it. */
  | { readonly kind: 'stopping'; readonly announced: boolean }
  /** The process has ended; what it left behind is being ended too. */
  | { readonly kind: 'ending' }
  /** Ended; a restart is due after a back-off. */
  | { readonly kind: 'waiting' }
  /** Ended, and left so. */
  | { readonly kind: 'failed'; readonly reason: string }

/** Why no silence is judged although it could be: HangRecoveryAction is 0, or the service is in maintenance. */
export type WatchOff = 'disabled' | 'maintenance'

export type ServiceEvent =
  | { readonly kind: 'spawned' }
  | { readonly kind: 'signOfLife'; readonly channel: string }
  /** The limit of a channel passed; before the first sign of life that is the start timeout. */
  | { readonly kind: 'limitElapsed'; readonly channel: string }
  | { readonly kind: 'triggered' }
  | { readonly kind: 'judgedHung'; readonly hang: Hang }
  /** `alone`: the silent process is one that the service started; its other channels are not held with it. */
  | { readonly kind: 'judgedHeld'; readonly reason: HoldReason; readonly alone: boolean }
  /** What held the process is over. */
  | { readonly kind: 'holdCleared' }
  | { readonly kind: 'stallNoticed'; readonly reason: HoldReason }
  /** Something beside us ends the service, as it hung: see ForeignEnding. */
  | { readonly kind: 'takenOver'; readonly channel: string; readonly hang: Hang }
  /** The ladder found the service beating again before anything irreversible. */
  | { readonly kind: 'recoveryAbandoned' }
  | { readonly kind: 'terminationFailed' }
  | { readonly kind: 'stopRequested' }
  /** The service said that it is ending in order. */
  | { readonly kind: 'endAnnounced' }
  | { readonly kind: 'disableRequested'; readonly why: WatchOff }
  /** `opened`: the service has given a sign of life, so that countdowns of open channels start at once. */
  | { readonly kind: 'enableRequested'; readonly opened: boolean }
  | { readonly kind: 'processExited' }
  /** The process and all its descendants are gone. */
  | { readonly kind: 'ended'; readonly next: 'restart' | 'stop' | 'fail'; readonly reason: string }
  | { readonly kind: 'startFailed'; readonly next: 'restart' | 'fail'; readonly reason: string }

export type Effect =
  /** Run the countdown of ServiceStartTimeout. */
  | 'arm-start'
  /** Run the countdown of StopTimeout, after an end that the service announced. */
  | 'arm-stop'
  /** An announced end takes too long: end the service. */
  | 'end-overdue'
  /** A stall may have used up a silence that nobody could break: the whole limit once more, once per silence of each channel. */
  | 'arm-stalled'
  /** Run the countdowns of all open channels, from the start of their limits. */
  | 'arm-channels'
  /** The same, but for the one that is silent. */
  | 'arm-others'
  | 'disarm'
  /** Drain waiting beats, read the process, come to a verdict. */
  | 'judge'
  /** Look again after a while whether the hold is over. */
  | 'watch-hold'
  /** Report the hang, with evidence (action 1). */
  | 'report'
  /** Start the ladder (actions 2 and 3). */
  | 'recover'
  /** Go on where something else ended the service. */
  | 'follow'
  /** End the descendants that outlived the process, then decide about a restart. */
  | 'sweep'
  /** See whether what could not be terminated goes away after all. */
  | 'watch-stuck'
  /** Close the incident that is open. */
  | 'close-incident'

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

/** A countdown may run in this state. */
export function isWatched(state: ServiceState): boolean {
  return state.kind === 'starting' || state.kind === 'armed' || state.kind === 'held' || state.kind === 'reported'
}

/** The hold comes from a time in which nobody could run; any sign of life ends it. */
export function isStall(reason: HoldReason): boolean {
  return reason === 'machine-paused' || reason === 'machine-suspended' || reason === 'supervisor-stalled'
}

/** The service has not come to its end in this state. */
export function isRunning(state: ServiceState): boolean {
  return state.kind !== 'stopped' && state.kind !== 'waiting' && state.kind !== 'failed'
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
