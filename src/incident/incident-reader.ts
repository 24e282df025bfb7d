import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { isAlive } from '../process-identity.js'
import {
  type ClosedFile,
  type EvidenceEntry,
  fileNames,
  idPattern,
  type OpenedFile,
  type Step,
} from './incident-file.js'

/** An incident as it is found on disk. */
export type Incident =
  | {
      readonly kind: 'whole'
      readonly id: string
      readonly path: string
      /** `open`: its hangdog still works on it. `interrupted`: that hangdog is gone, and nobody has closed it yet. */
      readonly state: 'open' | 'closed' | 'interrupted'
      readonly opened: OpenedFile
      readonly closed: ClosedFile | null
      readonly steps: readonly Step[]
      readonly evidence: readonly EvidenceEntry[]
      /** Damaged lines of its files that were skipped. */
      readonly damagedLines: number
    }
  | { readonly kind: 'damaged'; readonly id: string; readonly path: string; readonly reason: string }

/**
 * All incidents, oldest first; damaged ones among them.
 * @param directory the `incidents` part of the state directory; a missing one has no incidents
 */
export async function listIncidents(directory: string): Promise<readonly Incident[]> {
  const incidents: Incident[] = []
  for (const id of await listIds(directory)) incidents.push(await load(directory, id))
  return incidents.filter((incident) => !isAhead(incident))
}

/**
 * Reads one incident, by its id or by the beginning of it that no other shares.
 * @throws HangdogError `usage` when none or several begin so
 */
export async function readIncident(directory: string, idOrPrefix: string): Promise<Incident> {
  const ids = await listIds(directory)
  const found = ids.includes(idOrPrefix) ? [idOrPrefix] : ids.filter((id) => id.startsWith(idOrPrefix))
  const [id, ...others] = found
  if (id === undefined || idOrPrefix === '') {
    throw new HangdogError(
      'usage',
      `cannot show the incident "${idOrPrefix}": expected an id of "hangdog incident list"`,
    )
  }
  if (others.length > 0) {
    const some = found.slice(0, 5).join(', ')
    throw new HangdogError(
      'usage',
      `cannot show the incident "${idOrPrefix}": ${found.length} begin so, such as ${some}`,
    )
  }
  return load(directory, id)
}

/** Written ahead by a hangdog that is alive: its countdown has not ended, so there is no incident, and perhaps never will be. */
function isAhead(incident: Incident): boolean {
  return incident.kind === 'whole' && incident.state === 'open' && incident.opened.pending === true
}

async function listIds(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => idPattern.test(name)).sort()
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return []
    throw new HangdogError(
      code === 'EACCES' ? 'permission' : 'data',
      `cannot read the incidents "${directory}": ${describeError(error)}`,
      error,
    )
  }
}

async function load(directory: string, id: string): Promise<Incident> {
  const path = join(directory, id)
  try {
    const opened = parseOpened(await readFile(join(path, fileNames.opened), 'utf8'))
    const closedText = await readOptional(join(path, fileNames.closed))
    const closed = closedText === '' ? null : parseClosed(closedText)
    const steps = parseLines(await readOptional(join(path, fileNames.steps)), isStep)
    const evidence = parseLines(await readOptional(join(path, fileNames.evidence)), isEvidenceEntry)
    return {
      kind: 'whole',
      id,
      path,
      state: closed !== null ? 'closed' : isAlive(opened.writer) ? 'open' : 'interrupted',
      opened,
      closed,
      steps: steps.values,
      evidence: evidence.values,
      damagedLines: steps.damaged + evidence.damaged,
    }
  } catch (error) {
    return { kind: 'damaged', id, path, reason: describeError(error) }
  }
}

async function readOptional(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return ''
    throw error
  }
}

function parseOpened(text: string): OpenedFile {
  const value: unknown = JSON.parse(text)
  if (!isOpened(value)) throw new Error(`${fileNames.opened} lacks fields`)
  return value
}

function parseClosed(text: string): ClosedFile {
  const value: unknown = JSON.parse(text)
  if (!isRecord(value) || typeof value.outcome !== 'string' || typeof value.closedAt !== 'string') {
    throw new Error(`${fileNames.closed} lacks fields`)
  }
  return value as unknown as ClosedFile
}

function parseLines<T>(text: string, accept: (value: unknown) => value is T): { values: T[]; damaged: number } {
  const values: T[] = []
  let damaged = 0
  for (const line of text.split('\n')) {
    if (line === '') continue
    const value = parseOrNothing(line)
    if (accept(value)) values.push(value)
    else damaged += 1
  }
  return { values, damaged }
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isOpened(value: unknown): value is OpenedFile {
  if (!isRecord(value) || !isRecord(value.hang) || !isRecord(value.writer)) return false
  const texts = [
    value.id,
    value.service,
    value.command,
    value.openedAt,
    value.action,
    value.hang.kind,
    value.writer.bootId,
  ]
  return texts.every((text) => typeof text === 'string') && typeof value.pid === 'number'
}

function isStep(value: unknown): value is Step {
  return isRecord(value) && typeof value.at === 'string' && typeof value.text === 'string'
}

function isEvidenceEntry(value: unknown): value is EvidenceEntry {
  return (
    isRecord(value) &&
    typeof value.name === 'string' &&
    (typeof value.file === 'string' || typeof value.reason === 'string')
  )
}
