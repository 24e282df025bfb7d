import type { Emit } from '../event/event.js'
import type { Platform } from '../platform/platform.js'
import type { Clock } from '../time.js'
import type { CountdownEngine } from './countdown.js'
import type { EvidenceCollector } from './evidence.js'
import type { IncidentLog } from './incident.js'

/** Everything the core needs from outside. One object, because every part of the core works with the same few of them. */
export interface Surroundings {
  readonly clock: Clock
  readonly engine: CountdownEngine
  readonly platform: Platform
  /** Carries out ends that were asked for, in a dry run as well. Otherwise the same as `platform`. */
  readonly enders: Pick<Platform, 'terminate' | 'kill' | 'survivors'>
  readonly emit: Emit
  readonly incidents: IncidentLog
  readonly evidence: EvidenceCollector
  readonly bugCheckGate: BugCheckGate
  /** Resolves when every heartbeat that waited in a socket when it was called has been delivered. */
  readonly drain: () => Promise<void>
  /** As Math.random. */
  readonly random: () => number
}

/** Says whether this machine may be stopped: consent, minimum uptime, limit per period. Asked right before, must not wait. */
export interface BugCheckGate {
  permit(): BugCheckPermit
}

export type BugCheckPermit = { readonly kind: 'granted' } | { readonly kind: 'refused'; readonly reason: string }
