import type { HoldReason } from './policy.js'
import type { Hang } from './verdict.js'

/**
 * Where a service stands. The machine is pure: `advance` (service-step.ts) says which state follows and what is to be done about it;
 * service.ts does it.
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
