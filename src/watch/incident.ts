import type { Exhibit } from './evidence.js'
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
}

export type IncidentOutcome =
  | 'recovered'
  | 'recovered-by-itself'
  | 'terminated'
  | 'ended-by-itself'
  | 'not-terminated'
  | 'bugcheck-requested'
  | 'left-failed'
  | 'dry-run'

/** The record of one hang. Each call resolves when the record is on disk or cannot be; none rejects. */
export interface IncidentRecord {
  readonly id: string
  /** What is about to be done, or was. */
  step(text: string): Promise<void>
  attach(exhibits: readonly Exhibit[]): Promise<void>
  close(outcome: IncidentOutcome): Promise<void>
}

/** Opens incidents. `open` resolves when the record is on disk; it rejects when that cannot be done. */
export interface IncidentLog {
  open(opening: IncidentOpening): Promise<IncidentRecord>
}
