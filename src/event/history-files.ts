import { type LineCursor, openCursor, readingFailed } from './history-lines.js'
import { type HistoryFile, listHistoryFiles } from './rotation.js'

/** A file of the history that is open for reading. */
export interface OpenFile {
  readonly cursor: LineCursor
  readonly name: string
}

/** The files of a history at one moment: none is missing, none is there twice. */
export interface OpenHistory {
  /** What each instance writes to now. */
  readonly current: ReadonlyMap<string, OpenFile>
  readonly rotated: readonly HistoryFile[]
  close(): Promise<void>
}

/**
 * Opens what is written to, and lists the rotated files after that. A file that is rotated in between is then found twice, and not
 * missed as it would be the other way round; its inode tells that it is the same.
 * @throws HangdogError `permission` or `data`
 */
export async function openHistoryFiles(directory: string): Promise<OpenHistory> {
  const current = new Map<string, OpenFile>()
  const close = async (): Promise<void> => {
    for (const { cursor } of current.values()) await cursor.file.close()
  }
  try {
    for (const { path, name, instance, rotated } of await list(directory)) {
      const cursor = rotated ? undefined : await openCursor(path)
      if (cursor !== undefined) current.set(instance, { cursor, name })
    }
    const open = new Set<number>()
    for (const { cursor } of current.values()) open.add((await cursor.file.stat()).ino)
    const rotated = (await list(directory)).filter((file) => file.rotated && !open.has(file.inode))
    return { current, rotated, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function list(directory: string): Promise<readonly HistoryFile[]> {
  try {
    return await listHistoryFiles(directory)
  } catch (error) {
    throw readingFailed(directory, error)
  }
}
