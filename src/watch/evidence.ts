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
  /** How long the service has been silent. */
  readonly silent?: Milliseconds
  /** All of it must be done within this. */
  readonly budget: Milliseconds
}

/** One captured thing: text or data, or why it was not captured. */
export type Exhibit =
  | { readonly kind: 'captured'; readonly name: string; readonly tookMs: number; readonly content: unknown }
  | { readonly kind: 'missing'; readonly name: string; readonly tookMs: number; readonly reason: string }

/** The exhibit that says in one sentence why the service hangs, when the others tell. */
export const causeExhibit = 'cause'

/** What of a process is to be written into a core. */
export interface CoreRequest {
  readonly subject: ProcessIdentity
  readonly what: 'minimal' | 'full'
  /** Of the incident; the core is put there. */
  readonly directory: string
  /** All must be done within this. */
  readonly limit: Milliseconds
  readonly largestMiB: number
  /** The machine is to be stopped next: bring it to the disk. */
  readonly sync: boolean
}

/** The exhibit of a core: where it is, or why there is none. */
export const coreExhibit = 'core'

/** The exhibit of the light capture that says in one line what the service was doing. */
export const beginningExhibit = 'beginning'

/** Captures evidence. Must keep to the budget whatever a collector does, and never reject. */
export interface EvidenceCollector {
  /** Cheap readings only; taken at the warning, while the hang is young. */
  captureLight(request: EvidenceRequest): Promise<readonly Exhibit[]>
  capture(request: EvidenceRequest): Promise<readonly Exhibit[]>
  /** Writes a core. Must keep to the limit of time, and leave nothing behind that is not whole; never rejects. */
  captureCore?(request: CoreRequest): Promise<Exhibit>
  /**
   * Whether a debugger has halted the program of this process at a breakpoint, which no reading of the process shows. Must not touch
   * a process that cannot be halted so. Absent: nothing can.
   */
  isHalted?(subject: ProcessIdentity): Promise<boolean>
}
