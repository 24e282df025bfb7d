import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '../errors.js'
import { type Excerpt, readEnd } from './bounded-file.js'

/** What kdump left of one crash. */
export interface CrashDump {
  readonly directory: string
  /** The image of the memory; null when only the kernel's log was saved. */
  readonly image: { readonly path: string; readonly bytes: number; readonly complete: boolean } | null
  /** The end of the kernel's log; null when it was not saved. */
  readonly log: (Excerpt & { readonly path: string }) | null
  readonly writtenAt: Date
}

/** Crashes that are looked at, newest first, and bytes that are read of each log: the panic is at its end. */
const mostDumps = 8
const bytesOfLog = 256 * 1024

/**
 * Finds what kdump saved, newest first, in the layouts of Debian (`DATE/dump.DATE`, `DATE/dmesg.DATE`), Red Hat
 * (`ADDRESS-DATE/vmcore`, `vmcore-dmesg.txt`) and SUSE (`DATE/vmcore`, `dmesg.txt`). The names hold the crash kernel's idea of the local
 * time, so that only the times of the files are believed. A missing directory holds no dumps.
 * @throws the system error when the directory cannot be read
 */
export async function findCrashDumps(directory: string): Promise<readonly CrashDump[]> {
  const folders = await listFolders(directory)
  const found: CrashDump[] = []
  for (const { path } of folders.slice(0, mostDumps)) {
    const dump = await readFolder(path)
    if (dump !== undefined) found.push(dump)
  }
  return found
}

interface Listed {
  readonly path: string
  readonly name: string
  readonly bytes: number
  readonly writtenAt: Date
}

async function listFolders(directory: string): Promise<readonly Listed[]> {
  const listed = await list(directory, 'directory')
  return [...listed].sort((a, b) => b.writtenAt.getTime() - a.writtenAt.getTime())
}

async function list(directory: string, kind: 'directory' | 'file'): Promise<readonly Listed[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  const found: Listed[] = []
  for (const entry of entries) {
    if (kind === 'directory' ? !entry.isDirectory() : !entry.isFile()) continue
    const path = join(directory, entry.name)
    const { size, mtime } = await stat(path)
    found.push({ path, name: entry.name, bytes: size, writtenAt: mtime })
  }
  return found
}

/** Undefined for a directory that holds neither an image nor a log. */
async function readFolder(directory: string): Promise<CrashDump | undefined> {
  const files = await list(directory, 'file')
  const image = prefer(files.filter(({ name }) => /^(dump|vmcore)([.-]|$)/.test(name) && !name.includes('dmesg')))
  const log = prefer(files.filter(({ name }) => /^(vmcore-)?dmesg([.-]|$)/.test(name)))
  if (image === undefined && log === undefined) return undefined
  const times = [image, log].flatMap((file) => (file === undefined ? [] : [file.writtenAt.getTime()]))
  return {
    directory,
    image: image === undefined ? null : { path: image.path, bytes: image.bytes, complete: !isIncomplete(image) },
    log: log === undefined ? null : { path: log.path, ...(await readEnd(log.path, bytesOfLog)) },
    writtenAt: new Date(Math.max(...times)),
  }
}

/** A whole file rather than one that the crash kernel did not come to the end of. */
function prefer(files: readonly Listed[]): Listed | undefined {
  return files.find((file) => !isIncomplete(file)) ?? files[0]
}

const isIncomplete = ({ name }: Listed): boolean => name.includes('incomplete')
