import { type Reading, readText } from './proc-file.js'

/** The control groups of a process, of both versions. */
export interface ControlGroup {
  /** Directories by controller: `memory`, `cpu` and so on in version 1; all in one of version 2, under `unified`. */
  readonly directories: Readonly<Record<string, string>>
  /** What their files say, by name. */
  readonly files: Readonly<Record<string, string>>
}

/** Which files are read, by the controller whose directory they are in. */
const groupFiles: Readonly<Record<string, readonly string[]>> = {
  unified: [
    'cgroup.freeze',
    'cpu.pressure',
    'memory.pressure',
    'io.pressure',
    'memory.current',
    'memory.max',
    'memory.high',
    'memory.swap.current',
    'memory.swap.max',
    'memory.events',
    'cpu.max',
    'cpu.stat',
    'pids.current',
    'pids.max',
  ],
  memory: [
    'memory.usage_in_bytes',
    'memory.limit_in_bytes',
    'memory.memsw.limit_in_bytes',
    'memory.failcnt',
    'memory.oom_control',
  ],
  cpu: ['cpu.cfs_quota_us', 'cpu.cfs_period_us', 'cpu.stat'],
  freezer: ['freezer.state'],
  pids: ['pids.current', 'pids.max'],
}

/** Of memory.stat, which has a hundred lines. */
const memoryCounters = [
  'pgmajfault',
  'workingset_refault_file',
  'workingset_refault_anon',
  'workingset_refault',
  'swap',
]

/** Reads the groups of a process. A group has only the files of its controllers; those that are absent say nothing. */
export async function readControlGroup(pid: number): Promise<Reading<ControlGroup>> {
  const [membership, mounts] = await Promise.all([readText(`/proc/${pid}/cgroup`), readText('/proc/self/mountinfo')])
  if (membership.kind === 'unreadable') return membership
  const directories = findGroupDirectories(membership.value, mounts.kind === 'read' ? mounts.value : '')
  const files: Record<string, string> = {}
  for (const [controller, names] of Object.entries(groupFiles)) {
    const directory = directories[controller]
    if (directory === undefined) continue
    for (const name of names) {
      const text = await readText(`${directory}/${name}`)
      if (text.kind === 'read') files[name] = text.value.trim()
    }
  }
  const memory = directories.memory ?? directories.unified
  const counters = memory === undefined ? undefined : await readText(`${memory}/memory.stat`)
  if (counters?.kind === 'read') files['memory.stat'] = selectCounters(counters.value)
  return { kind: 'read', value: { directories, files } }
}

/**
 * Where the groups of a process are, by the texts of /proc/PID/cgroup and /proc/self/mountinfo. Those outside of what is mounted here
 * are left out: inside a container that is the case for every other container.
 */
export function findGroupDirectories(membership: string, mountinfo: string): Record<string, string> {
  const mounts = parseGroupMounts(mountinfo)
  const directories: Record<string, string> = {}
  for (const line of membership.split('\n')) {
    const [id, controllers = '', ...rest] = line.split(':')
    if (id === undefined || rest.length === 0) continue
    for (const controller of id === '0' ? ['unified'] : controllers.split(',')) {
      const mount = mounts.get(controller)
      const directory = mount === undefined ? undefined : placeIn(mount, rest.join(':'))
      if (directory !== undefined) directories[controller] = directory
    }
  }
  return directories
}

interface GroupMount {
  readonly point: string
  /** The group at its top. */
  readonly root: string
}

function parseGroupMounts(mountinfo: string): ReadonlyMap<string, GroupMount> {
  const mounts = new Map<string, GroupMount>()
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2)
    const [, , , root, point] = before?.split(' ') ?? []
    const [type, , options] = after?.split(' ') ?? []
    if (root === undefined || point === undefined) continue
    const controllers = type === 'cgroup2' ? ['unified'] : type === 'cgroup' ? (options?.split(',') ?? []) : []
    for (const controller of controllers) if (!mounts.has(controller)) mounts.set(controller, { point, root })
  }
  return mounts
}

function placeIn({ point, root }: GroupMount, path: string): string | undefined {
  if (path.startsWith('/..')) return undefined
  if (root === '/') return path === '/' ? point : point + path
  if (path === root) return point
  return path.startsWith(`${root}/`) ? point + path.slice(root.length) : undefined
}

function selectCounters(text: string): string {
  return text
    .split('\n')
    .filter((line) => memoryCounters.includes(line.split(' ', 1)[0] ?? ''))
    .join('\n')
}
