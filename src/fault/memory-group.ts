import { constants } from 'node:fs'
import { access, readdir, readFile, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Every control group that the kit makes begins so. */
export const groupPrefix = 'hangdog-fault-'

/** Where control groups that limit memory can be made. */
export interface MemoryGroups {
  readonly folder: string
  /** Of the limit, in bytes. */
  readonly limitFile: 'memory.limit_in_bytes' | 'memory.max'
}

/** Where control groups version 1 and version 2 are usually mounted. */
const version1 = '/sys/fs/cgroup/memory'
const version2 = '/sys/fs/cgroup'

/** Undefined when this process may not make any. */
export async function findMemoryGroups(): Promise<MemoryGroups | undefined> {
  if (await isWritable(join(version1, 'cgroup.procs'))) return { folder: version1, limitFile: 'memory.limit_in_bytes' }
  if (!(await isWritable(join(version2, 'cgroup.procs')))) return undefined
  // Only what the top group hands down can be limited below it.
  const handed = await readFile(join(version2, 'cgroup.subtree_control'), 'utf8').catch(() => '')
  return handed.split(/\s+/).includes('memory') ? { folder: version2, limitFile: 'memory.max' } : undefined
}

/** Removes the groups whose processes are gone. One that is in use refuses. Never rejects. */
export async function sweepMemoryGroups(): Promise<void> {
  const groups = await findMemoryGroups()
  if (groups === undefined) return
  const names = await readdir(groups.folder).catch(() => [])
  const own = names.filter((name) => name.startsWith(groupPrefix))
  await Promise.all(own.map((name) => rmdir(join(groups.folder, name)).catch(() => {})))
}

async function isWritable(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
