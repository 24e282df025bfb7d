import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory, writeDurably } from '../durable-file.js'
import { isAlive, type ProcessIdentity, thisProcess } from '../process-identity.js'
import { listNames } from '../state-directory.js'

/**
 * A file that is there while a hangdog runs, and is removed when it stops in order. One whose writer is gone says that this hangdog was
 * cut off, and in which boot.
 */
export interface RunMark {
  readonly instance: string
  /** Wall time, ISO 8601 in UTC. */
  readonly startedAt: string
  readonly writer: ProcessIdentity
}

/** A mark whose writer is gone. */
export interface LeftMark extends RunMark {
  readonly path: string
}

const extension = '.json'

/** Sets the mark of this process. @returns what removes it @throws the system error */
export async function setRunMark(directory: string, instance: string, now: Date): Promise<() => Promise<void>> {
  const writer = thisProcess()
  const mark: RunMark = { instance, startedAt: now.toISOString(), writer }
  // Each run has a file of its own: a successor of the same name must not wipe out what it has not reported yet.
  const name = `run-${writer.bootId.slice(0, 8)}-${writer.pid}-${writer.startTime}${extension}`
  await writeDurably(join(directory, name), `${JSON.stringify(mark)}\n`)
  return async () => {
    await rm(join(directory, name), { force: true })
    await syncDirectory(directory)
  }
}

/** Finds the marks of hangdogs that were cut off. What is not a mark is passed over. @throws HangdogError when they cannot be listed */
export async function findLeftMarks(directory: string): Promise<readonly LeftMark[]> {
  const left: LeftMark[] = []
  for (const name of await listNames(directory, extension, 'marks of runs')) {
    const path = join(directory, `${name}${extension}`)
    const mark = await readMark(path)
    if (mark !== undefined && !isAlive(mark.writer)) left.push({ ...mark, path })
  }
  return left
}

/** Undefined when it is gone by now, or damaged. */
async function readMark(path: string): Promise<RunMark | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isMark(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isMark(value: unknown): value is RunMark {
  if (typeof value !== 'object' || value === null) return false
  if (!('instance' in value && 'startedAt' in value && 'writer' in value)) return false
  const { writer } = value
  if (typeof value.instance !== 'string' || typeof value.startedAt !== 'string') return false
  if (typeof writer !== 'object' || writer === null) return false
  if (!('pid' in writer && 'startTime' in writer && 'bootId' in writer)) return false
  return typeof writer.pid === 'number' && typeof writer.startTime === 'string' && typeof writer.bootId === 'string'
}
