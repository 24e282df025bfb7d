import { randomUUID } from 'node:crypto'
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './errors.js'

/**
 * Puts a whole file on disk or leaves the old one as it was: a new file beside it is written and synced, takes the name, and the
 * directory is synced. When this resolves the file survives a loss of power.
 * @param beforeNaming called when the new file is on the disk and does not have the name yet; what it throws leaves the old file
 * @throws the system error; nothing but the old file is left behind
 */
export async function writeDurably(
  path: string,
  data: string | Uint8Array,
  beforeNaming?: () => Promise<void>,
): Promise<void> {
  const draft = draftOf(path)
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(data)
      await file.sync()
    } finally {
      await file.close()
    }
    await beforeNaming?.()
    await rename(draft, path)
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined)
    throw error
  }
  await syncDirectory(dirname(path))
}

/**
 * As writeDurably, by calls that block this process, which take a fraction of the time. Its caller syncs the directory: before that, a
 * loss of power may bring the old file back.
 */
export async function replaceFileBlocking(
  path: string,
  data: string | Uint8Array,
  beforeNaming: () => Promise<void>,
): Promise<void> {
  const draft = draftOf(path)
  try {
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(file, data)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    await beforeNaming()
    renameSync(draft, path)
  } catch (error) {
    removeIfPossible(draft)
    throw error
  }
}

/** All 48 bits of the last group of such a UUID are random; Node has them ready, and asks the system for other random bytes each time. */
function draftOf(path: string): string {
  return `${path}.${randomUUID().slice(-12)}.tmp`
}

const draftEnd = /^\.[0-9a-f]{12}\.tmp$/

/** Whether a file is one that is about to take the name of another, or was when its writer was killed. Both names without directory. */
export function isDraftOf(name: string, draft: string): boolean {
  return draft.startsWith(name) && draftEnd.test(draft.slice(name.length))
}

/** For what does no harm when it stays. Blocks this process. */
export function removeIfPossible(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // Whoever calls knows that it may stay.
  }
}

/** Makes the names in a directory durable. Where a system cannot sync a directory (Windows, some file systems) this does nothing. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await openDirectory(path)
  try {
    await syncOpenDirectory(directory)
  } finally {
    await directory?.close()
  }
}

/** As syncDirectory, by calls that block this process. */
export function syncDirectoryBlocking(path: string): void {
  let directory: number | undefined
  try {
    directory = openSync(path, 'r')
    fsyncSync(directory)
  } catch (error) {
    if (!isUnsupported(error)) throw error
  } finally {
    if (directory !== undefined) closeSync(directory)
  }
}

/** Opens a directory to sync it later; undefined where directories cannot be opened. */
export async function openDirectory(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r')
  } catch (error) {
    if (isUnsupported(error)) return undefined
    throw error
  }
}

export async function syncOpenDirectory(directory: FileHandle | undefined): Promise<void> {
  try {
    await directory?.sync()
  } catch (error) {
    if (!isUnsupported(error)) throw error
  }
}

function isUnsupported(error: unknown): boolean {
  return ['EISDIR', 'EPERM', 'EINVAL', 'ENOTSUP'].includes(systemCode(error) ?? '')
}
