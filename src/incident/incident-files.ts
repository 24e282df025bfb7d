import { isUtf8 } from 'node:buffer'
import { constants, createReadStream } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describeError } from '../errors.js'

/** A file of an incident, as far as it may be looked into. */
export type IncidentFile = {
  /** Below the incident's directory, with slashes. */
  readonly path: string
} & (
  | { readonly kind: 'text'; readonly text: string }
  /** What cannot be searched for secrets: memory images, binary data, texts that are too long. */
  | { readonly kind: 'opaque'; readonly size: number; readonly why: string; readonly read: () => AsyncIterable<Buffer> }
  | { readonly kind: 'unreadable'; readonly why: string }
)

/** Longer ones are not searched; an exhibit has 4 MiB at most. */
const longestText = 32 * 1024 * 1024

/** Dumps may well be text; what they hold is memory all the same. */
const dumpName = /(?:^|\/)core(?:[.-]|$)|\.(?:core|dmp|hprof|heapsnapshot|heapprofile|cpuprofile)(?:\.[a-z0-9]{1,5})?$/i

/** All files of an incident in the order of their names. Never rejects, and follows no links. */
export async function readIncidentFiles(directory: string): Promise<readonly IncidentFile[]> {
  const files: IncidentFile[] = []
  await collect(directory, '', files)
  return files.sort((a, b) => (a.path < b.path ? -1 : 1))
}

async function collect(root: string, below: string, files: IncidentFile[]): Promise<void> {
  try {
    for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) await collect(root, path, files)
      else if (entry.isFile()) files.push(await readOne(join(root, path), path))
      else files.push({ kind: 'unreadable', path, why: 'it is not a regular file' })
    }
  } catch (error) {
    files.push({ kind: 'unreadable', path: below === '' ? '.' : below, why: describeError(error) })
  }
}

async function readOne(full: string, path: string): Promise<IncidentFile> {
  try {
    const file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { size } = await file.stat()
      const opaque = (why: string): IncidentFile => ({
        kind: 'opaque',
        path,
        size,
        why,
        read: () => createReadStream(full),
      })
      if (dumpName.test(path)) return opaque('a memory image')
      if (size > longestText) return opaque('too large to be searched for secrets')
      const bytes = await file.readFile()
      const text = bytes.toString('utf8')
      // The last character may be cut in half; what is no text has many such places. Where hangdog has put the sign for a
      // broken character itself, in output of a service, all of it is text.
      const isWhole = isUtf8(bytes) || (text.match(/\ufffd/g) ?? []).length <= 1 + bytes.length / 100
      const isText = !bytes.includes(0) && isWhole
      return isText ? { kind: 'text', path, text } : opaque('binary data')
    } finally {
      await file.close()
    }
  } catch (error) {
    return { kind: 'unreadable', path, why: describeError(error) }
  }
}
