import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { systemCode } from '../errors.js'
import { readStart } from './bounded-file.js'

/** Why the kernel kept a piece of its log: the reasons of `kmsg_dump` that leave a record in pstore. */
export type RecordReason = 'panic' | 'oops' | 'emergency' | 'shutdown' | 'other'

/** A piece of the kernel's log that outlived the kernel (pstore). */
export interface KernelRecord {
  /** Where the newest part of it is. */
  readonly source: string
  readonly reason: RecordReason
  readonly writtenAt: Date
  /** Oldest line first. */
  readonly text: string
  readonly cut: boolean
}

/** Files that are looked at, newest first, and bytes that are read of each. A record of EFI is spread over many small files. */
const mostFiles = 64
const bytesOfFile = 128 * 1024

/** systemd-pstore puts the parts of a record two directories below its archive. */
const deepest = 3

/** Parts of one record are written within this time, in ms. */
const togetherMs = 2000

/**
 * Reads the records of pstore, newest first. Nothing is removed: that is left to whoever cares for pstore.
 * @param directories pstore itself, and where systemd-pstore moves its records to; those that are missing hold none
 * @throws the system error of the first that cannot be read
 */
export async function readKernelRecords(directories: readonly string[]): Promise<readonly KernelRecord[]> {
  const files = (await Promise.all(directories.map((directory) => listFiles(directory, deepest)))).flat()
  files.sort((a, b) => b.writtenAt.getTime() - a.writtenAt.getTime())
  const parts: Part[] = []
  for (const file of files.slice(0, mostFiles)) {
    const part = await readPart(file)
    if (part !== undefined) parts.push(part)
  }
  return joinParts(parts)
}

interface RecordFile {
  readonly path: string
  readonly writtenAt: Date
}

/** A file that is gone was moved by systemd-pstore meanwhile, and is found where it went. */
async function listFiles(directory: string, depth: number): Promise<readonly RecordFile[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(whereMissing([]))
  const found: RecordFile[] = []
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory() && depth > 1) found.push(...(await listFiles(path, depth - 1)))
    else if (entry.isFile() && entry.name.startsWith('dmesg-')) {
      const seen = await stat(path).catch(whereMissing(undefined))
      if (seen !== undefined) found.push({ path, writtenAt: seen.mtime })
    }
  }
  return found
}

function whereMissing<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (systemCode(error) === 'ENOENT') return instead
    throw error
  }
}

interface Part extends RecordFile {
  /** The first line without the number of the part: reason and count of the record, such as `Panic#1`. */
  readonly label: string
  readonly number: number
  readonly text: string
  readonly cut: boolean
}

/** Undefined for what has no readable heading: a compressed record that this kernel cannot read. */
async function readPart(file: RecordFile): Promise<Part | undefined> {
  const read = await readStart(file.path, bytesOfFile).catch(whereMissing(undefined))
  const heading = /^(\w+#\d+) Part(\d+)\n/.exec(read?.text ?? '')
  if (read === undefined || heading === null) return undefined
  const [line, label = '', number] = heading
  return { ...file, label, number: Number(number), text: read.text.slice(line.length), cut: read.cut }
}

/** Part 1 holds the end of the log, part 2 what came before it. */
function joinParts(parts: readonly Part[]): readonly KernelRecord[] {
  const groups: Part[][] = []
  for (const part of parts) {
    const group = groups.find((others) => others.every((other) => belongTogether(part, other)))
    if (group === undefined) groups.push([part])
    else group.push(part)
  }
  return groups.map((group) => {
    const inOrder = group.sort((a, b) => b.number - a.number)
    const newest = inOrder.at(-1)
    return {
      source: newest?.path ?? '',
      reason: reasonOf(newest?.label ?? ''),
      writtenAt: newest?.writtenAt ?? new Date(0),
      text: inOrder.map(({ text }) => text).join(''),
      cut: inOrder.some(({ cut }) => cut),
    }
  })
}

/** The count begins again with each boot, so that the same label alone means nothing. */
function belongTogether(a: Part, b: Part): boolean {
  return (
    a.label === b.label &&
    a.number !== b.number &&
    kindOf(a.path) === kindOf(b.path) &&
    Math.abs(a.writtenAt.getTime() - b.writtenAt.getTime()) <= togetherMs
  )
}

/** The backend of pstore that kept it: dmesg-BACKEND-NUMBER. */
function kindOf(path: string): string {
  return join(dirname(path), basename(path).split('-', 2).join('-'))
}

function reasonOf(label: string): RecordReason {
  const word = label.slice(0, label.indexOf('#')).toLowerCase()
  return word === 'panic' || word === 'oops' || word === 'emergency' || word === 'shutdown' ? word : 'other'
}
