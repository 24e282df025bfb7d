import { join } from 'node:path'
import { writeDurably } from '../durable-file.js'
import { describeError } from '../errors.js'
import type { Clock } from '../time.js'
import { type ClosedFile, fileNames } from './incident-file.js'
import { type Incident, listIncidents } from './incident-reader.js'

/** Of an incident that could not be closed; it is found again at the next start. */
export type CloseFailed = (incident: string, error: string) => void

/** An incident of a hangdog that is gone. */
export type Interrupted = Extract<Incident, { kind: 'whole' }>

/**
 * Finds the incidents that an earlier run left open, closes them as interrupted, and returns them as they were found. Those that a
 * live hangdog works on are not touched, and neither are damaged ones, of which nobody knows whose they are.
 * @param beforeClosing done with each before it is closed, so that it is done again should hangdog die meanwhile; when it fails, that
 * is told and the incident is closed all the same
 */
export async function findInterrupted(
  directory: string,
  clock: Pick<Clock, 'wallNow'>,
  failed: CloseFailed,
  beforeClosing: (incident: Interrupted) => Promise<void> = async () => undefined,
): Promise<readonly Interrupted[]> {
  const found: Interrupted[] = []
  for (const incident of await listIncidents(directory)) {
    if (incident.kind === 'damaged' || incident.state !== 'interrupted') continue
    await beforeClosing(incident).catch((error: unknown) => failed(incident.id, describeError(error)))
    const closed: ClosedFile = { outcome: 'interrupted', closedAt: clock.wallNow().toISOString() }
    try {
      await writeDurably(join(incident.path, fileNames.closed), `${JSON.stringify(closed, undefined, 2)}\n`)
      found.push(incident)
    } catch (error) {
      failed(incident.id, describeError(error))
    }
  }
  return found
}
