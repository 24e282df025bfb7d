import { lstat, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../errors.js'
import { instancePattern } from '../state-directory.js'

/** A file of the history. */
export interface HistoryFile {
  readonly path: string
  readonly name: string
  readonly instance: string
  /** False for the one an instance appends to. */
  readonly rotated: boolean
  readonly inode: number
  readonly bytes: number
  /** Wall time of the last write, in ms. */
  readonly writtenAt: number
}

/**
 * The history files of a directory; those of one instance are in the order they were written. A rotated file is called
 * `<instance>~<time>.jsonl`: "~" cannot be part of an instance's name, so the two never meet.
 */
export async function listHistoryFiles(directory: string): Promise<readonly HistoryFile[]> {
  let names: readonly string[]
  try {
    names = await readdir(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
  const files: HistoryFile[] = []
  for (const name of names) {
    const match = /^([^~]+)(~[0-9TZ.-]+)?\.jsonl$/.exec(name)
    const instance = match?.[1]
    if (instance === undefined || !instancePattern.test(instance)) continue
    const path = join(directory, name)
    const found = await lstat(path).catch(() => undefined)
    if (found === undefined) continue
    const { ino, size, mtimeMs } = found
    const rotated = match?.[2] !== undefined
    files.push({ path, name, instance, rotated, inode: ino, bytes: size, writtenAt: mtimeMs })
  }
  return files.sort(inOrderWritten)
}

export function currentFile(directory: string, instance: string): string {
  return join(directory, `${instance}.jsonl`)
}

/** Gives the current file of an instance its rotated name, and returns that. */
export async function rotate(directory: string, instance: string, at: Date): Promise<string> {
  const taken = new Set((await listHistoryFiles(directory)).map((file) => file.name))
  const stamp = at.toISOString().replaceAll(/[-:]/g, '')
  let name = `${instance}~${stamp}.jsonl`
  // Two rotations in one millisecond happen in tests only, but rename would silently replace the first file.
  for (let again = 1; taken.has(name); again += 1) name = `${instance}~${stamp}-${String(again).padStart(4, '0')}.jsonl`
  await rename(currentFile(directory, instance), join(directory, name))
  return join(directory, name)
}

function inOrderWritten(a: HistoryFile, b: HistoryFile): number {
  if (a.instance !== b.instance) return a.instance < b.instance ? -1 : 1
  if (a.rotated !== b.rotated) return a.rotated ? -1 : 1
  const [first, second] = [stem(a), stem(b)]
  return first < second ? -1 : first > second ? 1 : 0
}

function stem(file: HistoryFile): string {
  return file.name.slice(0, -'.jsonl'.length)
}
