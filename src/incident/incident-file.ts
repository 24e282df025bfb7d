import { randomBytes } from 'node:crypto'
import type { ProcessIdentity } from '../process-identity.js'
import type { EarlyTime, IncidentOpening, IncidentOutcome } from '../watch/incident.js'

/** `incident.json`: what was known when the incident was opened. Field names are stable. */
export interface OpenedFile extends IncidentOpening {
  readonly id: string
  /** Wall time, ISO 8601 in UTC. */
  readonly openedAt: string
  readonly hostname: string
  readonly hangdogVersion: string
  readonly writer: ProcessIdentity
  /** Written at the warning; the countdown has not ended, or that was not written any more. */
  readonly pending?: true
  /** Begun by the guard, which acted alone as hangdog did not answer. */
  readonly by?: 'guard'
}

/** A line of `steps.jsonl`. */
export interface Step {
  readonly at: string
  readonly text: string
}

/** A line of `evidence.jsonl`; the contents are in `evidence/`. */
export type EvidenceEntry =
  | {
      readonly kind: 'captured'
      readonly name: string
      readonly tookMs: number
      /** Below the incident's directory. */
      readonly file: string
      /** Only the beginning was kept. */
      readonly cut: boolean
      /** Of what was taken at the warning, while the hang was young. */
      readonly early?: EarlyTime
    }
  | {
      readonly kind: 'missing'
      readonly name: string
      readonly tookMs: number
      readonly reason: string
      readonly early?: EarlyTime
    }

/** `closed.json`. */
export interface ClosedFile {
  readonly outcome: IncidentOutcome | 'interrupted'
  readonly closedAt: string
}

export const fileNames = {
  opened: 'incident.json',
  steps: 'steps.jsonl',
  evidence: 'evidence.jsonl',
  exhibits: 'evidence',
  closed: 'closed.json',
} as const

/** Sorts by time, says which service, and is a file name on every system: 20250131T120000123Z-web-a1b2c3. */
export function makeId(service: string, at: Date): string {
  return `${at.toISOString().replaceAll(/[-:.]/g, '')}-${safeName(service, 40)}-${randomBytes(3).toString('hex')}`
}

export const idPattern = /^\d{8}T\d{9}Z-[A-Za-z0-9_.-]+-[0-9a-f]{6}$/

/** Keeps what every file system takes. */
export function safeName(name: string, longest: number): string {
  const safe = name.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, longest)
  return safe === '' ? '_' : safe
}
