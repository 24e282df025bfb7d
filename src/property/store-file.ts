import { createHash } from 'node:crypto'
import { describeError, HangdogError } from '../errors.js'
import type { Author, PropertySnapshot, PropertyValues, RecordedChange, RecordedChangeSet } from './store.js'
import { decodeValue, encodeValue } from './stored-value.js'

/** Of the form written here. A hangdog reads its own and older versions, and leaves newer ones alone. */
export const storeVersion = 1

/** What the bytes of a store's file are. */
export type StoreFileContent =
  | { readonly kind: 'whole'; readonly snapshot: PropertySnapshot }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly finding: string }

/**
 * The file: JSON that a person can read, each change set on a line of its own, with a SHA-256 of all before it as its last field. JSON
 * alone shows a torn file, but not one whose bytes changed on the disk. Every later version is to keep this envelope: `version` first,
 * the checksum last.
 */
export function encodeStoreFile({ generation, common, services, recent }: PropertySnapshot): Buffer {
  const head = {
    version: storeVersion,
    generation,
    common: encodeValues(common),
    services: toObject([...services].map(([name, values]) => [name, encodeValues(values)])),
  }
  const fields = JSON.stringify(head, undefined, 2).slice(0, -'\n}'.length)
  const parts: Buffer[] = [Buffer.from(`${fields},\n  "recent": [`)]
  for (const changeSet of recent) parts.push(parts.length === 1 ? lineStart : nextLineStart, encodeChangeSet(changeSet))
  const open = Buffer.concat([...parts, recentEnd])
  return Buffer.concat([open, Buffer.from(`${checksumField(open)}\n`)])
}

const lineStart = Buffer.from('\n    ')
const nextLineStart = Buffer.from(',\n    ')
const recentEnd = Buffer.from('\n  ]')

/** Never throws, whatever the bytes are. */
export function decodeStoreFile(bytes: Buffer): StoreFileContent {
  if (bytes.length === 0) return { kind: 'damaged', finding: 'an empty file' }
  const parsed = parseObject(bytes)
  const version = parsed?.version
  if (!hasChecksum(bytes)) {
    // A newer version may have given the envelope up after all; one that differs from ours by its number alone is ours, damaged.
    return isNewer(version) && !hasChecksum(withOwnVersion(bytes, version))
      ? { kind: 'newer', version }
      : { kind: 'damaged', finding: 'a checksum that does not match (torn, damaged or changed by hand)' }
  }
  if (isNewer(version)) return { kind: 'newer', version }
  try {
    return { kind: 'whole', snapshot: decodeSnapshot(parsed) }
  } catch (error) {
    return { kind: 'damaged', finding: describeError(error) }
  }
}

/** Bytes of remembered change sets. Values may be large, and each write writes all that is remembered. */
const longestMemory = 256 * 1024

/** Forgets the oldest change sets when all together are too long to be written each time; the newest always stays. */
export function boundMemory(snapshot: PropertySnapshot): PropertySnapshot {
  let length = 0
  let kept = 0
  for (const changeSet of [...snapshot.recent].reverse()) {
    length += encodeChangeSet(changeSet).length
    if (kept > 0 && length > longestMemory) break
    kept += 1
  }
  return kept === snapshot.recent.length ? snapshot : { ...snapshot, recent: snapshot.recent.slice(-kept) }
}

function checksumField(open: Uint8Array): string {
  return `,\n  "sha256": "${createHash('sha256').update(open).digest('hex')}"\n}`
}

const checksumFieldLength = checksumField(Buffer.alloc(0)).length

/** An editor may have taken the last newline away; that is no damage. */
function hasChecksum(bytes: Buffer): boolean {
  const end = bytes.length - (bytes.at(-1) === newline ? 1 : 0)
  const open = bytes.subarray(0, Math.max(0, end - checksumFieldLength))
  return bytes.toString('latin1', open.length, end) === checksumField(open)
}

const newline = 0x0a

function parseObject(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isNewer(version: unknown): version is number {
  return typeof version === 'number' && Number.isInteger(version) && version > storeVersion
}

/** As latin1, in which every byte is one character and comes back as it was. */
function withOwnVersion(bytes: Buffer, version: number): Buffer {
  const text = bytes.toString('latin1').replace(`"version": ${version}`, `"version": ${storeVersion}`)
  return Buffer.from(text, 'latin1')
}

function encodeValues(values: PropertyValues): object {
  return toObject([...values].map(([name, value]) => [name, encodeValue(value)]))
}

/** In the order of their names, and safe for names such as `__proto__`: fromEntries defines them as any other. */
function toObject(entries: readonly (readonly [string, object])[]): object {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/**
 * Each write writes all that is remembered, of which all but one was written before. Saves a third of a millisecond a write; and as
 * bytes, not text, most of what makes the garbage collector run.
 */
const lines = new WeakMap<RecordedChangeSet, Buffer>()

function encodeChangeSet(changeSet: RecordedChangeSet): Buffer {
  const known = lines.get(changeSet)
  if (known !== undefined) return known
  const line = Buffer.from(JSON.stringify({ ...changeSet, changes: changeSet.changes.map(encodeChange) }))
  lines.set(changeSet, line)
  return line
}

function encodeChange({ from, to, ...target }: RecordedChange): object {
  return { ...target, from: from && encodeValue(from), to: to && encodeValue(to) }
}

/** The checksum says that a hangdog wrote it; this finds out whether it wrote what we think it did. @throws HangdogError */
function decodeSnapshot(content: Readonly<Record<string, unknown>> | undefined): PropertySnapshot {
  const { version, generation, common, services, recent } = content ?? {}
  if (version !== storeVersion) throw malformed('version', String(storeVersion))
  return {
    generation: decodeCount(generation, 'generation'),
    common: decodeValues(common, 'common'),
    services: new Map(
      entriesOf(services, 'services').map(([name, values]) => [name, decodeValues(values, `service "${name}"`)]),
    ),
    recent: itemsOf(recent, 'recent').map(decodeChangeSet),
  }
}

function decodeValues(values: unknown, what: string): PropertyValues {
  return new Map(entriesOf(values, what).map(([name, value]) => [name, decodeValue(value, `property "${name}"`)]))
}

function decodeChangeSet(changeSet: unknown): RecordedChangeSet {
  if (!isObject(changeSet)) throw malformed('recent', 'objects')
  const { generation, author, at, changes } = changeSet
  return {
    generation: decodeCount(generation, 'generation'),
    author: decodeAuthor(author),
    at: decodeText(at, 'at'),
    changes: itemsOf(changes, 'changes').map(decodeChange),
  }
}

function decodeAuthor(author: unknown): Author {
  if (!isObject(author)) throw malformed('author', 'an object')
  const { uid, pid } = author
  return { uid: uid === undefined ? undefined : decodeCount(uid, 'uid'), pid: decodeCount(pid, 'pid') }
}

function decodeChange(change: unknown): RecordedChange {
  if (!isObject(change)) throw malformed('changes', 'objects')
  const { service, name, from, to } = change
  return {
    ...(service !== undefined && { service: decodeText(service, 'service') }),
    name: decodeText(name, 'name'),
    from: from === undefined ? undefined : decodeValue(from, 'from'),
    to: to === undefined ? undefined : decodeValue(to, 'to'),
  }
}

function decodeCount(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw malformed(what, 'a whole number')
}

function decodeText(value: unknown, what: string): string {
  if (typeof value === 'string') return value
  throw malformed(what, 'a text')
}

function entriesOf(value: unknown, what: string): readonly [string, unknown][] {
  if (isObject(value)) return Object.entries(value)
  throw malformed(what, 'an object')
}

function itemsOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw malformed(what, 'a list')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(what: string, expected: string): HangdogError {
  return new HangdogError('data', `a wrong form (${what}: expected ${expected})`)
}
