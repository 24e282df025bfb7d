import { HangdogError } from '../errors.js'
import { type Milliseconds, milliseconds, seconds, zero } from '../time.js'

/** What is done about a hang. The numbers are those of MSCS's HangRecoveryAction. */
export const recoveryActions = ['disable', 'log', 'terminate', 'bugcheck'] as const
export type RecoveryAction = (typeof recoveryActions)[number]

export const restartModes = ['always', 'on-failure', 'never'] as const
export type RestartMode = (typeof restartModes)[number]

/** What is written of a process's memory: nothing, the stacks of its threads with their registers, or all private memory. */
export const coreDumps = ['none', 'minimal', 'full'] as const
export type CoreDump = (typeof coreDumps)[number]

/** What may hold a verdict back. Each has its own limit in HoldLimits. */
export const holdReasons = [
  'stopped',
  'traced',
  'frozen',
  'machine-suspended',
  'machine-paused',
  'supervisor-stalled',
  'starved',
] as const
export type HoldReason = (typeof holdReasons)[number]

/** Everything that decides how one service is watched. Complete: defaults are filled in before the core sees it. */
export interface ServicePolicy {
  /** Longest silence allowed on a channel that names no limit of its own. ClusSvcHeartbeatTimeout; default 60 s. */
  readonly heartbeatTimeout: Milliseconds
  /** HangRecoveryAction; default 2 for `run`. */
  readonly action: RecoveryAction
  /** Decide and report, but act on nothing. ShadowMode; default false. */
  readonly shadow: boolean
  /** Time from start to the first sign of life; default 180 s, as PendingTimeout of MSCS. */
  readonly startTimeout: Milliseconds
  /** Share of the limit after which silence is worth a warning, in percent, 1–99; 0 for no warning. Default 50. */
  readonly warningPercent: number
  readonly terminateSignal: NodeJS.Signals
  /** Between TerminateSignal and SIGKILL; 0 sends SIGKILL at once. Default 5 s. */
  readonly terminateTimeout: Milliseconds
  /** Between SIGKILL and the conclusion that the service cannot be terminated. Default 10 s. */
  readonly killTimeout: Milliseconds
  /** What follows when termination cannot be proven. Default `none`: an event, and no second copy. */
  readonly escalation: 'none' | 'bugcheck'
  /** Between a requested stop and SIGKILL. Default 30 s. */
  readonly stopTimeout: Milliseconds
  /** For all evidence together; 0 captures none. Default 3 s. */
  readonly evidenceTimeout: Milliseconds
  /** What is written of the process's memory before it is ended. Default `none`. */
  readonly coreDump: CoreDump
  /** How long that may delay the action. Default 10 s. */
  readonly coreDumpTimeout: Milliseconds
  /** The largest core, in MiB. Default 2048. */
  readonly coreDumpLimit: number
  /** How long writing the incident may delay the action. Default 1 s. */
  readonly incidentTimeout: Milliseconds
  readonly holds: HoldLimits
  readonly restart: RestartPolicy
}

/** How long silence may go on in all while each reason lasts; 0 does not hold for it. */
export type HoldLimits = Readonly<Record<HoldReason, Milliseconds>>

export interface RestartPolicy {
  readonly mode: RestartMode
  /** First back-off; the first restart after a quiet period comes at once. Doubles each time. Default 500 ms. */
  readonly delay: Milliseconds
  /** Default 30 s. */
  readonly longestDelay: Milliseconds
  /** Restarts within `period` before the service is left failed. Default 5. */
  readonly limit: number
  /** Default 10 min. A run that lasts longer starts the count anew. */
  readonly period: Milliseconds
}

/** Defaults of the design; `holds` that depend on the limit are filled by `completePolicy`. */
export const defaultPolicy: ServicePolicy = {
  heartbeatTimeout: seconds(60),
  action: 'terminate',
  shadow: false,
  startTimeout: seconds(180),
  warningPercent: 50,
  terminateSignal: 'SIGTERM',
  terminateTimeout: seconds(5),
  killTimeout: seconds(10),
  escalation: 'none',
  stopTimeout: seconds(30),
  evidenceTimeout: seconds(3),
  coreDump: 'none',
  coreDumpTimeout: seconds(10),
  coreDumpLimit: 2048,
  incidentTimeout: seconds(1),
  holds: {
    stopped: seconds(300),
    traced: seconds(3600),
    frozen: seconds(3600),
    'machine-suspended': seconds(180),
    'machine-paused': seconds(180),
    'supervisor-stalled': seconds(180),
    starved: seconds(60),
  },
  restart: { mode: 'never', delay: milliseconds(500), longestDelay: seconds(30), limit: 5, period: seconds(600) },
}

/**
 * Reads an action by number or by name.
 * @param option what it was given for; named in the error
 */
export function parseAction(text: string, option: string): RecoveryAction {
  const byName = recoveryActions.find((name) => name === text.toLowerCase())
  const action = byName ?? (/^\d$/.test(text) ? recoveryActions[Number(text)] : undefined)
  if (action === undefined) {
    throw new HangdogError(
      'usage',
      `cannot read ${option} "${text}": expected 0 to 3, or one of ${recoveryActions.join(', ')}`,
    )
  }
  return action
}

/** What would be done is only reported: by the policy, or because this hangdog is one that only decides. */
export function isShadow(policy: ServicePolicy, platform: { readonly name: string }): boolean {
  return policy.action !== 'disable' && (policy.shadow || platform.name === 'dry-run')
}

/** How long a core may delay the action. */
export function coreDumpDelay({ coreDump, coreDumpTimeout }: ServicePolicy): Milliseconds {
  return coreDump === 'none' ? zero : coreDumpTimeout
}

/** The number MSCS has for an action. */
export function actionNumber(action: RecoveryAction): number {
  return recoveryActions.indexOf(action)
}

/** Refuses a policy that contradicts itself. @throws HangdogError `config` */
export function checkPolicy(policy: ServicePolicy, service: string): void {
  const refuse = (what: string, expected: string, given: unknown): never => {
    throw new HangdogError(
      'config',
      `cannot use ${what} of service "${service}": expected ${expected}, not ${String(given)}`,
    )
  }
  if (policy.heartbeatTimeout < shortestLimit) {
    refuse('the heartbeat timeout', `at least ${shortestLimit}ms`, `${policy.heartbeatTimeout}ms`)
  }
  const percent = policy.warningPercent
  if (!Number.isInteger(percent) || percent < 0 || percent > 99)
    refuse('HangWarningPercent', 'a whole number from 0 to 99', percent)
  if (!Number.isInteger(policy.restart.limit) || policy.restart.limit < 0) {
    refuse('the restart limit', 'a whole number from 0', policy.restart.limit)
  }
  if (!Number.isInteger(policy.coreDumpLimit) || policy.coreDumpLimit < 1) {
    refuse('CoreDumpLimit', 'a whole number of MiB from 1', policy.coreDumpLimit)
  }
  if (policy.killTimeout === zero) refuse('the kill timeout', 'more than 0', '0')
}

/** The shortest limit a countdown takes. Below it the jitter of a shared machine is a large share of the limit. */
export const shortestLimit = milliseconds(20)
