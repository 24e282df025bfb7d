import { constants, existsSync } from 'node:fs'
import { access, readdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Every control group that the kit makes begins so. */
const groupPrefix = 'hangdog-fault-'

/** Where control groups version 1 and version 2 are usually mounted. */
const version1 = '/sys/fs/cgroup/memory'
const version2 = '/sys/fs/cgroup'

/** The folder in which control groups that limit memory can be made; undefined when this process may not make any. */
export async function findMemoryGroups(): Promise<string | undefined> {
  if (await isWritable(join(version1, 'cgroup.procs'))) return version1
  if (!(await isWritable(join(version2, 'cgroup.procs')))) return undefined
  // Only what the top group hands down can be limited below it.
  const handed = await readFile(join(version2, 'cgroup.subtree_control'), 'utf8').catch(() => '')
  return handed.split(/\s+/).includes('memory') ? version2 : undefined
}

/** Removes the groups of services that are gone; the name of a group ends in the pid. Never rejects. */
export async function sweepMemoryGroups(): Promise<void> {
  const folder = await findMemoryGroups()
  if (folder === undefined) return
  const names = await readdir(folder).catch(() => [])
  const left = names.filter((name) => name.startsWith(groupPrefix) && !isThere(name.slice(groupPrefix.length)))
  await Promise.all(left.map((name) => rmdir(join(folder, name)).catch(() => {})))
}

/** A service that has just begun is not in its group yet, which may be removed while it is empty. */
function isThere(pid: string): boolean {
  return existsSync(`/proc/${pid}`)
}

async function isWritable(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
