import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Incident, readIncident } from '../incident/incident-reader.js'
import type { StateDirectory } from '../state-directory.js'
import { parseRecord } from './canary-record.js'
import type { DrillReadings } from './rehearsal.js'

/** Reads what a drill looks at from the disk, as anybody else would. */
export function createDrillReadings({ incidents }: Pick<StateDirectory, 'incidents'>): DrillReadings {
  return {
    record: async (path) => parseRecord(await readFile(path, 'utf8')),
    // One that is not there yet is looked for again.
    incident: (id) => readIncident(incidents, id).catch(() => undefined),
    stack: async (incident) => {
      const file = findStack(incident)
      return file === undefined ? undefined : readFrames(JSON.parse(await readFile(join(incident.path, file), 'utf8')))
    },
  }
}

function findStack(incident: Incident): string | undefined {
  if (incident.kind !== 'whole') return undefined
  const entry = incident.evidence.find(({ name, kind }) => name === 'javascript-stack' && kind === 'captured')
  return entry?.kind === 'captured' ? entry.file : undefined
}

/** The functions of the frames, innermost first. */
function readFrames(exhibit: unknown): readonly string[] {
  const frames = isRecord(exhibit) && Array.isArray(exhibit.frames) ? exhibit.frames : []
  return frames.flatMap((frame: unknown) =>
    isRecord(frame) && typeof frame.function === 'string' ? [frame.function] : [],
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
