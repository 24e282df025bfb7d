import type { ProcessIdentity, ProcessReading, ServiceProcess } from '../platform/platform.js'
import type { Milliseconds } from '../time.js'
import type { Hang } from './verdict.js'

/** What is to be captured, and about whom. */
export interface EvidenceRequest {
  readonly service: string
  readonly process: ServiceProcess
  /** The process that is silent: the service's own, or one that it started. */
  readonly subject: ProcessIdentity
  readonly reading: ProcessReading
  /** Absent for the light capture at the warning. */
  readonly hang?: Hang
  /** All of it must be done within this. */
  readonly budget: Milliseconds
}

/** One captured thing: text or data, or why it was not captured. */
export type Exhibit =
  | { readonly kind: 'captured'; readonly name: string; readonly tookMs: number; readonly content: unknown }
  | { readonly kind: 'missing'; readonly name: string; readonly tookMs: number; readonly reason: string }

/** The exhibit that says in one sentence why the service hangs, when the others tell. */
export const causeExhibit = 'cause'

/** Captures evidence. Must keep to the budget whatever a collector does, and never reject. */
export interface EvidenceCollector {
  /** Cheap readings only; taken at the warning, while the hang is young. */
  captureLight(request: EvidenceRequest): Promise<readonly Exhibit[]>
  capture(request: EvidenceRequest): Promise<readonly Exhibit[]>
}
