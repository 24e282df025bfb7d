import type { Exhibit } from './evidence.js'
import type { JudgementRecord } from './judgement.js'
import type { RecoveryAction } from './policy.js'
import type { Hang } from './verdict.js'

/** One hang, as it is opened. */
export interface IncidentOpening {
  readonly service: string
  readonly command: string
  readonly pid: number
  readonly channel: string
  readonly limitMs: number
  readonly silentMs: number
  readonly action: RecoveryAction
  readonly hang: Hang
  /** How it was judged; absent when something else than hangdog's own verdict led to it. */
  readonly judgement?: JudgementRecord
}

export type IncidentOutcome =
  | 'recovered'
  | 'recovered-by-itself'
  | 'terminated'
  | 'ended-by-itself'
  | 'not-terminated'
  | 'left-failed'
  /** The operator had the service stopped while its hang was reported only. */
  | 'stopped'

/** When the light capture of the warning point was taken. */
export interface EarlyTime {
  /** Wall time, ISO 8601 in UTC. */
  readonly at: string
  readonly silentMs: number
}

/** The record of one hang. Each call resolves when the record is on disk or cannot be; none rejects. */
export interface IncidentRecord {
  readonly id: string
  /** Where large files of the incident are put; undefined where there is no such place. */
  readonly directory?: string
  /** What is about to be done, or was. */
  step(text: string): Promise<void>
  /** @param early for the light capture: when that was taken, and how long the service had been silent */
  attach(exhibits: readonly Exhibit[], early?: EarlyTime): Promise<void>
  close(outcome: IncidentOutcome): Promise<void>
}

/**
 * A record that is on disk before its incident has begun: written at the warning, when there is time, so that nothing has to be waited
 * for when the countdown ends. Either of the two calls is made, once.
 */
export interface PreparedIncident {
  /** The countdown ended. The verdict is added to the record behind the caller's back, before any step. */
  open(opening: IncidentOpening): IncidentRecord
  /** The silence ended: there is no incident. Never rejects. */
  discard(): Promise<void>
}

/** Opens incidents. Both calls resolve when a record is on disk, and reject when that cannot be done. */
export interface IncidentLog {
  open(opening: IncidentOpening): Promise<IncidentRecord>
  /** @param opening what is known at the warning; it says what will be done when the countdown ends */
  prepare(opening: IncidentOpening): Promise<PreparedIncident>
}
