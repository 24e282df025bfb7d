import { readFile } from 'node:fs/promises'
import { join, normalize, sep } from 'node:path'
import { type Aftermath, readAftermath } from '../aftermath/aftermath.js'
import { describeError } from '../errors.js'
import { describeCause } from '../evidence/cause.js'
import { type EvidenceEntry, fileNames, type OpenedFile, type Step } from '../incident/incident-file.js'
import type { Incident } from '../incident/incident-reader.js'
import type { Exhibit } from '../watch/evidence.js'
import { orderEvidence } from './evidence-order.js'
import type { NextStart } from './next-start.js'

/** A piece of evidence with what is in it. */
export type EvidenceItem = EvidenceEntry & {
  /** When it was taken: at the warning, while the hang was young, or at expiry. */
  readonly taken: 'at-warning' | 'at-expiry'
  /** Absent when it is missing or cannot be read. */
  readonly content?: unknown
  /** Why it cannot be read, though it was captured. */
  readonly unreadable?: string
}

/** Everything about one incident. Field names are stable. */
export interface IncidentReport extends OpenedFile {
  readonly state: 'open' | 'closed' | 'interrupted'
  readonly path: string
  readonly cause: string
  readonly closedAt: string | null
  readonly outcome: string | null
  readonly steps: readonly Step[]
  /** What tells most comes first. */
  readonly evidence: readonly EvidenceItem[]
  /** How the machine or hangdog came to its end, where that cut the work on the incident off; null else. */
  readonly aftermath: Aftermath | null
  /** Why it cannot be read, though it is there. */
  readonly aftermathUnreadable?: string
  readonly damagedLines: number
  /** The start that followed; undefined when nobody has looked. */
  readonly next?: { readonly start: NextStart | null; readonly unreadable?: string }
}

/** The exhibit that holds the cause as one sentence. */
export const causeName = 'cause'

/** Reads what was captured, and names the cause. Never rejects: what cannot be read says so in its place. */
export async function readReport(incident: Extract<Incident, { kind: 'whole' }>): Promise<IncidentReport> {
  const { opened, closed, state, path, steps, damagedLines } = incident
  const evidence: EvidenceItem[] = []
  const marked = incident.evidence.some(({ early }) => early !== undefined)
  for (const [index, entry] of incident.evidence.entries()) {
    // Records of earlier versions do not mark the early capture: it came first, and what is in both can be told apart.
    const again = incident.evidence.slice(index + 1).some((later) => later.name === entry.name)
    const isEarly = marked ? entry.early !== undefined : again
    evidence.push({ ...(await readItem(path, entry)), taken: isEarly ? 'at-warning' : 'at-expiry' })
  }
  const cause = nameCause(opened, evidence)
  return {
    ...opened,
    state,
    path,
    cause,
    closedAt: closed?.closedAt ?? null,
    outcome: closed?.outcome ?? null,
    steps,
    evidence: orderEvidence(evidence, cause),
    ...(await readEnd(path)),
    damagedLines,
  }
}

/** Never rejects. @param path of the incident */
export async function readEnd(path: string): Promise<Pick<IncidentReport, 'aftermath' | 'aftermathUnreadable'>> {
  try {
    return { aftermath: await readAftermath(path) }
  } catch (error) {
    return { aftermath: null, aftermathUnreadable: describeError(error) }
  }
}

async function readItem(path: string, entry: EvidenceEntry): Promise<EvidenceEntry & Partial<EvidenceItem>> {
  if (!('file' in entry)) return entry
  // The record names its own files; one that was tampered with must not make us print others.
  const file = normalize(entry.file)
  if (!file.startsWith(`${fileNames.exhibits}${sep}`))
    return { ...entry, unreadable: 'it is not a file of the incident' }
  try {
    const text = await readFile(join(path, file), 'utf8')
    return { ...entry, content: file.endsWith('.json') ? JSON.parse(text) : text }
  } catch (error) {
    return { ...entry, unreadable: describeError(error) }
  }
}

/** As it was named when the hang was dealt with; else from what was captured. */
function nameCause({ hang }: OpenedFile, evidence: readonly EvidenceItem[]): string {
  const named = evidence.find((item) => item.name === causeName)?.content
  if (typeof named === 'string') return named.trim()
  const exhibits = evidence.flatMap(({ name, tookMs, content, taken }): Exhibit[] =>
    content === undefined || taken === 'at-warning' ? [] : [{ kind: 'captured', name, tookMs, content }],
  )
  try {
    return describeCause(hang, exhibits)
  } catch {
    // Written by a hangdog that knows kinds of hangs which this one does not.
    return `unknown: ${hang.kind}`
  }
}
