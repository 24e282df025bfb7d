import type { ArchiveEntry } from './archive.js'
import { describeContents, describeRemovals, type LeftOut } from './export-texts.js'
import type { IncidentFile } from './incident-files.js'
import { redactText } from './redaction.js'
import { copySafely, type SafeFile } from './safe-copy.js'

export interface ExportSource {
  readonly id: string
  readonly files: readonly IncidentFile[]
  /** The page of `hangdog incident show --all`; undefined when the record is damaged. */
  readonly page: string | undefined
  /** The events of the service around the incident, one JSON object a line. */
  readonly events: string
  /** Also what cannot be searched: core dumps, heap snapshots, binary files. */
  readonly withCore: boolean
}

export interface ExportContents {
  readonly entries: readonly ArchiveEntry[]
  /** Places that a secret was taken out of. */
  readonly removals: number
  readonly leftOut: readonly LeftOut[]
  /** What is in it unsearched. */
  readonly unsearched: readonly string[]
}

/** What an archive of an incident holds: safe copies of its files, the page for people, and what says what is what. */
export function gatherExport({ id, files, page, events, withCore }: ExportSource): ExportContents {
  const safe: SafeFile[] = []
  const leftOut: LeftOut[] = []
  const opaque: Extract<IncidentFile, { kind: 'opaque' }>[] = []
  for (const file of files) {
    if (file.kind === 'text') safe.push(copySafely(file))
    else if (file.kind === 'opaque' && withCore) opaque.push(file)
    else leftOut.push(file.kind === 'opaque' ? { path: file.path, why: file.why, size: file.size } : file)
  }
  if (page !== undefined) safe.push(copySafely({ kind: 'text', path: 'report.txt', text: page }))
  if (events !== '') safe.push(copySafely({ kind: 'text', path: 'events.jsonl', text: events }))
  const paths = [...safe.map(({ path }) => path), ...opaque.map(({ path }) => path)]
  const texts = [
    { path: 'README.txt', text: describeContents({ id, paths, damaged: page === undefined, withCore }) },
    { path: 'REDACTED.txt', text: describeRemovals(safe, leftOut, opaque) },
    ...safe,
  ].map(({ path, text }): ArchiveEntry => ({ kind: 'text', path: nameIn(id, path), text }))
  const cores = opaque.map(
    ({ path, size, read }): ArchiveEntry => ({ kind: 'file', path: nameIn(id, path), size, read }),
  )
  return {
    entries: [...texts, ...cores],
    removals: safe.reduce((sum, { removed }) => sum + removed.length, 0),
    leftOut,
    unsearched: opaque.map(({ path }) => path),
  }
}

/** The name of a file may come from a service as well. */
function nameIn(id: string, path: string): string {
  return `${id}/${redactText(path).value}`
}
