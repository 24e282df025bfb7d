import { randomBytes } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './errors.js'

/**
 * Puts a whole file on disk or leaves the old one as it was: a new file beside it is written and synced, takes the name, and the
 * directory is synced. When this resolves the file survives a loss of power.
 * @throws the system error; nothing but the old file is left behind
 */
export async function writeDurably(path: string, data: string | Uint8Array): Promise<void> {
  await replaceFile(path, data)
  await syncDirectory(dirname(path))
}

/**
 * As writeDurably, but its caller syncs the directory: before that, a loss of power may bring the old file back.
 * @param beforeNaming called when the new file is on the disk and does not have the name yet; what it throws leaves the old file
 * @throws the system error; nothing but the old file is left behind
 */
export async function replaceFile(
  path: string,
  data: string | Uint8Array,
  beforeNaming?: () => Promise<void>,
): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
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
