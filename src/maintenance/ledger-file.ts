import { readFile, stat } from 'node:fs/promises'
import { describeError, systemCode } from '../errors.js'
import type { Author } from '../property/store.js'
import { instancePattern } from '../state-directory.js'
import { type Milliseconds, milliseconds } from '../time.js'
import { longestMaintenance, longestReason } from './window.js'

/** A maintenance as it is stored. */
export interface StoredMaintenance {
  readonly id: string
  /** Undefined: every service. */
  readonly service: string | undefined
  readonly since: Date
  readonly until: Date
  /** From `since` to `until`; both are kept, as a check of the two. */
  readonly span: Milliseconds
  readonly reason: string
  readonly by: Author
}

/** Bounds the file, and the work of every change to it. */
export const mostMaintenances = 1000

export type LedgerContent =
  | { readonly kind: 'whole'; readonly all: readonly StoredMaintenance[] }
  /** What is there was not written by this version, or not to its end. */
  | { readonly kind: 'damaged'; readonly problem: string }
  /** A newer version wrote it, or it cannot be read; it must not be written over. */
  | { readonly kind: 'closed'; readonly problem: string }

const version = 1
/** Bytes; more than the most entries with the longest reasons take. */
const longestFile = 4 * 1024 * 1024

/** Reads the file; one that is not there holds nothing. Never rejects. */
export async function readLedger(path: string): Promise<LedgerContent> {
  try {
    const { size } = await stat(path)
    if (size > longestFile) return damaged(`it has ${size} bytes, more than the ${longestFile} it can have`)
    return parseLedger(await readFile(path, 'utf8'))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return { kind: 'whole', all: [] }
    return { kind: 'closed', problem: `it cannot be read (${describeError(error)})` }
  }
}

export function formatLedger(all: readonly StoredMaintenance[]): string {
  const maintenances = all.map(({ id, service, since, until, span, reason, by }) => ({
    id,
    service: service ?? null,
    since: since.toISOString(),
    until: until.toISOString(),
    forMs: span,
    reason,
    by: { uid: by.uid ?? null, pid: by.pid },
  }))
  return `${JSON.stringify({ version, maintenances }, undefined, 2)}\n`
}

export function parseLedger(text: string): LedgerContent {
  const value = parseJson(text)
  if (!isRecord(value)) return damaged('it is not whole')
  if (typeof value.version === 'number' && value.version > version) {
    return { kind: 'closed', problem: `a newer version of hangdog wrote it (format ${value.version}, not ${version})` }
  }
  const { maintenances } = value
  if (value.version !== version || !Array.isArray(maintenances) || maintenances.length > mostMaintenances) {
    return damaged('it is not of the expected form')
  }
  const all = maintenances.flatMap((each) => parseEntry(each) ?? [])
  if (all.length < maintenances.length) return damaged('one of its entries is not of the expected form')
  return { kind: 'whole', all }
}

function parseEntry(value: unknown): StoredMaintenance | undefined {
  if (!isRecord(value) || !isRecord(value.by)) return undefined
  const { id, service, reason, forMs } = value
  const since = parseTime(value.since)
  const until = parseTime(value.until)
  const by = parseAuthor(value.by)
  if (typeof id !== 'string' || typeof reason !== 'string' || reason.length > longestReason) return undefined
  if (service !== null && !(typeof service === 'string' && instancePattern.test(service))) return undefined
  if (by === undefined || since === undefined || until === undefined) return undefined
  // A digit that changed on the disk must not make a maintenance longer than somebody asked for.
  if (typeof forMs !== 'number' || until.getTime() - since.getTime() !== forMs) return undefined
  if (!(forMs > 0 && forMs <= longestMaintenance)) return undefined
  return { id, service: service ?? undefined, since, until, span: milliseconds(forMs), reason, by }
}

function parseAuthor({ uid, pid }: Readonly<Record<string, unknown>>): Author | undefined {
  if (typeof pid !== 'number' || (uid !== null && typeof uid !== 'number')) return undefined
  return { uid: uid ?? undefined, pid }
}

function parseTime(value: unknown): Date | undefined {
  if (typeof value !== 'string') return undefined
  const time = new Date(value)
  return Number.isNaN(time.getTime()) ? undefined : time
}

function damaged(problem: string): LedgerContent {
  return { kind: 'damaged', problem }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
