import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Of a core in the directory of its incident; `.partial` while it is written. */
const corePattern = /^core\.\d+(\.partial)?$/

/** A core is large, so it is counted apart from the rest of its incident. */
export function isCoreFile(name: string): boolean {
  return corePattern.test(name)
}

/** Where the core of a process is put. */
export function corePath(directory: string, pid: number): string {
  return join(directory, `core.${pid}`)
}

/** One that is still written to is younger than that, in ms: the limit for writing one is shorter. */
const abandonedMs = 24 * 3600 * 1000

/**
 * Removes the oldest cores until those that are left take no more than so many bytes of the disk, and what became of cores that were
 * never whole. The incidents stay. What cannot be removed is left.
 * @returns how many were removed
 */
export async function pruneCores(incidents: string, mostBytes: number): Promise<number> {
  const cores: { path: string; bytes: number; writtenAt: number }[] = []
  for (const incident of await readdir(incidents).catch(() => [])) {
    const names = await readdir(join(incidents, incident)).catch(() => [])
    for (const name of names.filter(isCoreFile)) {
      const path = join(incidents, incident, name)
      const status = await stat(path).catch(() => undefined)
      // A core has holes: what counts is what it takes.
      if (status !== undefined) cores.push({ path, bytes: status.blocks * 512, writtenAt: status.mtimeMs })
    }
  }
  cores.sort((a, b) => b.writtenAt - a.writtenAt)
  let kept = 0
  let removed = 0
  for (const { path, bytes, writtenAt } of cores) {
    const isPartial = path.endsWith('.partial')
    if (isPartial ? Date.now() - writtenAt < abandonedMs : kept + bytes <= mostBytes) kept += isPartial ? 0 : bytes
    else if (await removeFile(path)) removed += 1
  }
  return removed
}

async function removeFile(path: string): Promise<boolean> {
  try {
    await rm(path)
    return true
  } catch {
    return false
  }
}
