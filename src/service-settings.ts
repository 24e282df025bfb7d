import type { Milliseconds } from './time.js'
import type { CoreDump, HoldReason, RecoveryAction, RestartMode, ServicePolicy } from './watch/policy.js'

/** What a command line or a file says about one service. What it does not say comes from the defaults. */
export interface ServiceSettings {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly directory?: string
  /** Added to the environment of hangdog. */
  readonly environment?: Readonly<Record<string, string>>
  /** As `--heartbeat` takes it. */
  readonly heartbeat: string
  /** Who may speak on the notify socket: the process that was started, or any of the service's. Default `main`. */
  readonly notifyAccess?: 'main' | 'all'
  readonly probe?: { readonly interval?: Milliseconds; readonly timeout?: Milliseconds }
  readonly output: 'pass' | 'inherit' | 'file'
  readonly ownGroup: boolean
  /** Have the kernel module watch it as well. Default false. */
  readonly kernelWatch?: boolean
  readonly policy: PolicySettings
  /** Where the settings come from, for people; default: the command line. */
  readonly source?: string
}

/** A policy with gaps. */
export interface PolicySettings {
  readonly heartbeatTimeout?: Milliseconds
  readonly action?: RecoveryAction
  readonly shadow?: boolean
  readonly startTimeout?: Milliseconds
  readonly warningPercent?: number
  readonly terminateSignal?: NodeJS.Signals
  readonly terminateTimeout?: Milliseconds
  readonly killTimeout?: Milliseconds
  readonly escalation?: 'none' | 'bugcheck'
  readonly stopTimeout?: Milliseconds
  readonly evidenceTimeout?: Milliseconds
  readonly coreDump?: CoreDump
  readonly coreDumpTimeout?: Milliseconds
  readonly coreDumpLimit?: number
  readonly holds?: Readonly<Partial<Record<HoldReason, Milliseconds>>>
  readonly restart?: {
    readonly mode?: RestartMode
    readonly delay?: Milliseconds
    readonly longestDelay?: Milliseconds
    readonly limit?: number
    readonly period?: Milliseconds
  }
}

/** Fills the gaps; the first of the layers that says something about a point wins. */
export function completePolicy(base: ServicePolicy, ...layers: readonly PolicySettings[]): ServicePolicy {
  let policy = base
  for (const layer of [...layers].reverse()) {
    policy = {
      ...policy,
      ...defined(layer),
      holds: { ...policy.holds, ...defined(layer.holds ?? {}) },
      restart: { ...policy.restart, ...defined(layer.restart ?? {}) },
    }
  }
  return policy
}

/** Without the keys whose value is undefined, which would otherwise hide what lies below. */
function defined<T extends object>(settings: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [Key in keyof T]: Exclude<T[Key], undefined> }
}
