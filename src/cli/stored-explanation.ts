import { readEvents } from '../event/history-reader.js'
import { listIncidents } from '../incident/incident-reader.js'
import type { StateDirectory } from '../state-directory.js'
import type { JudgementRecord } from '../watch/judgement.js'

/** What is on disk about a service that nobody watches now. Field names are stable. */
export interface StoredExplanation {
  readonly service: string
  readonly state: 'not watched now'
  /** The last incident; null when there was none. */
  readonly incident: StoredVerdict | null
  /** Message of the last event about a near miss, with its time; null when there was none. */
  readonly nearMiss: { readonly at: string; readonly message: string } | null
}

/** How the last hang was judged. */
export interface StoredVerdict {
  readonly id: string
  readonly openedAt: string
  readonly outcome: string
  /** The kind of hang. */
  readonly hang: string
  /** Null in a record that has none: one of the guard, or of an earlier version. */
  readonly last: JudgementRecord | null
}

/** @returns undefined when nothing is known of the service @throws HangdogError when the directory cannot be read */
export async function readStoredExplanation(
  service: string,
  directory: StateDirectory,
): Promise<StoredExplanation | undefined> {
  const incident = await findIncident(service, directory)
  const { known, nearMiss } = await findNearMiss(service, directory)
  if (incident === null && !known) return undefined
  return { service, state: 'not watched now', incident, nearMiss }
}

async function findIncident(service: string, { incidents }: StateDirectory): Promise<StoredVerdict | null> {
  let last: StoredVerdict | null = null
  for (const incident of await listIncidents(incidents)) {
    if (incident.kind === 'damaged' || incident.opened.service !== service) continue
    const { id, state, opened, closed } = incident
    const { openedAt, hang, judgement } = opened
    last = { id, openedAt, outcome: closed?.outcome ?? state, hang: hang.kind, last: judgement ?? null }
  }
  return last
}

async function findNearMiss(
  service: string,
  { events }: StateDirectory,
): Promise<{ readonly known: boolean; readonly nearMiss: StoredExplanation['nearMiss'] }> {
  let known = false
  let nearMiss: StoredExplanation['nearMiss'] = null
  for await (const { name, time, message } of readEvents(events, { service })) {
    known = true
    if (name === 'near-miss') nearMiss = { at: time, message }
  }
  return { known, nearMiss }
}
