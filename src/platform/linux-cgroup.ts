import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { readKernelFile, writeKernelFile } from './linux-proc.js'

/** Where control groups are mounted: the unified hierarchy (v2), the freezer of v1, both on hybrid machines, or none. */
export interface CgroupMounts {
  readonly unified?: CgroupMount
  readonly freezer?: CgroupMount
}

interface CgroupMount {
  readonly directory: string
  /** Group that is seen at the mount's top; other than `/` inside a container. */
  readonly root: string
}

/** Finds the mounts in the text of /proc/self/mountinfo. */
export function parseCgroupMounts(mountinfo: string): CgroupMounts {
  const mounts: { unified?: CgroupMount; freezer?: CgroupMount } = {}
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2)
    const [type, , options] = after?.split(' ') ?? []
    const fields = before?.split(' ') ?? []
    const mount = { root: decodeOctal(fields[3] ?? '/'), directory: decodeOctal(fields[4] ?? '') }
    if (type === 'cgroup2') mounts.unified ??= mount
    if (type === 'cgroup' && options?.split(',').includes('freezer')) mounts.freezer ??= mount
  }
  return mounts
}

/** A process's groups, from the text of /proc/PID/cgroup. */
export interface CgroupMembership {
  readonly unified?: string
  readonly freezer?: string
}

export function parseMembership(text: string): CgroupMembership {
  const found: { unified?: string; freezer?: string } = {}
  for (const line of text.split('\n')) {
    const [id, controllers, ...path] = line.split(':')
    if (id === undefined || controllers === undefined) continue
    if (id === '0') found.unified = path.join(':')
    else if (controllers.split(',').includes('freezer')) found.freezer = path.join(':')
  }
  return found
}

/** Whether the group of a process, or one above it, is frozen. Reads at most three small kernel files. */
export function isFrozen(mounts: CgroupMounts, pid: number): boolean {
  if (mounts.unified === undefined && mounts.freezer === undefined) return false
  const text = readKernelFile(`/proc/${pid}/cgroup`)
  if (text === undefined) return false
  const groups = parseMembership(text)
  const unified = groupDirectory(mounts.unified, groups.unified)
  if (unified !== undefined && /^frozen 1$/m.test(readKernelFile(`${unified}/cgroup.events`) ?? '')) return true
  const freezer = groupDirectory(mounts.freezer, groups.freezer)
  // FREEZING is not yet all of the group, but the process may be among those that stand still.
  return freezer !== undefined && /^FR/.test(readKernelFile(`${freezer}/freezer.state`) ?? '')
}

/**
 * The file that says whether a process is frozen as a part of its group; undefined when its group cannot be frozen.
 * @param ownUnified it has a group of its own in the unified hierarchy, of which that is known anyway
 */
export function freezerFile(mounts: CgroupMounts, pid: number, ownUnified: boolean): string | undefined {
  const groups = parseMembership(readKernelFile(`/proc/${pid}/cgroup`) ?? '')
  const freezer = groupDirectory(mounts.freezer, groups.freezer)
  if (freezer !== undefined) return `${freezer}/freezer.state`
  const unified = ownUnified ? undefined : groupDirectory(mounts.unified, groups.unified)
  return unified === undefined ? undefined : `${unified}/cgroup.events`
}

/** Directory of a group; undefined for the top one, which cannot be frozen, and for groups outside what is mounted here. */
function groupDirectory(mount: CgroupMount | undefined, path: string | undefined): string | undefined {
  if (mount === undefined || path === undefined) return undefined
  if (mount.root === '/') return path === '/' || path.startsWith('/..') ? undefined : mount.directory + path
  return path.startsWith(`${mount.root}/`) ? mount.directory + path.slice(mount.root.length) : undefined
}

/** A control group made for one run of one service. */
export interface OwnGroup {
  readonly directory: string
  /** Kills all in it and below it at once; false when the kernel has no cgroup.kill (before 5.14) or refuses. */
  kill(): boolean
  /** Those directly in it. */
  members(): readonly number[]
  /** Takes the group away when nobody is in it any more; false when it must stay for now. */
  remove(): boolean
}

/** Makes `hangdog/NAME-RANDOM` below the group hangdog is in; or says why that cannot be. */
export function createOwnGroup(mounts: CgroupMounts, service: string): OwnGroup | string {
  if (mounts.unified === undefined) return 'no cgroup v2 hierarchy is mounted'
  const path = parseMembership(readKernelFile('/proc/self/cgroup') ?? '').unified
  const above = groupDirectory(mounts.unified, path) ?? mounts.unified.directory
  const directory = join(above, 'hangdog', `${fileName(service)}-${randomBytes(4).toString('hex')}`)
  try {
    mkdirSync(directory, { recursive: true })
  } catch (error) {
    return `no group can be made in ${above}: ${error instanceof Error ? error.message : String(error)}`
  }
  return openOwnGroup(directory)
}

/** A group that was made before. */
export function openOwnGroup(directory: string): OwnGroup {
  return {
    directory,
    kill: () => writeGroupFile(join(directory, 'cgroup.kill'), '1'),
    members: () => (readKernelFile(join(directory, 'cgroup.procs')) ?? '').split('\n').map(Number).filter(isPid),
    remove: () => removeGroup(directory),
  }
}

function removeGroup(directory: string): boolean {
  try {
    rmdirSync(directory)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT'
  }
  try {
    rmdirSync(join(directory, '..'))
  } catch {
    // Other services have groups beside this one.
  }
  return true
}

function writeGroupFile(path: string, text: string): boolean {
  try {
    writeKernelFile(path, text)
    return true
  } catch {
    return false
  }
}

/** Whether groups can be made here and killed as a whole; tried on a group that is removed again. */
export function probeOwnGroup(mounts: CgroupMounts): string | undefined {
  const group = createOwnGroup(mounts, 'probe')
  if (typeof group === 'string') return group
  try {
    return readdirSync(group.directory).includes('cgroup.kill')
      ? undefined
      : 'the kernel has no cgroup.kill (needs 5.14)'
  } catch (error) {
    return String(error)
  } finally {
    group.remove()
  }
}

const isPid = (pid: number) => Number.isInteger(pid) && pid > 0

const fileName = (service: string) => service.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)

/** mountinfo writes space, tab, newline and backslash as three octal digits. */
function decodeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
}
