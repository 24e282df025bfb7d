import type { IncidentRecord } from './incident.js'
import type { Hang } from './verdict.js'

/** Something beside us is ending the service because it hung: the guard, when we did not answer. It cannot be stopped by us. */
export interface ForeignEnding {
  readonly hang: Hang
  /** Resolves when it is done, with its record, which we go on with; undefined when there is none. Never rejects. */
  readonly record: Promise<IncidentRecord | undefined>
}
