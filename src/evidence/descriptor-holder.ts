import { opendir, readdir, readFile, readlink, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Reading, readWithin } from './proc-file.js'

/** A process that has a file open. */
export interface Holder {
  readonly pid: number
  readonly name: string
  /** The kernel's letter. */
  readonly state: string
  readonly fd: number
  readonly access: 'read' | 'write' | 'both'
}

/** What is looked for: the link of a descriptor, such as `pipe:[123]`, or the path of a file. */
export interface Sought {
  readonly link: string
  /** Of a file with a path: other processes may see it under another path, so that these two decide. */
  readonly file?: { readonly device: bigint; readonly inode: bigint }
}

export interface HolderSearch {
  /** By `link`. */
  readonly holders: ReadonlyMap<string, readonly Holder[]>
  /** Every descriptor of every other process was looked at, so that who is not listed does not have it open. */
  readonly complete: boolean
  readonly processes: number
}

/** Descriptors looked at in all, and of one process. */
const searchLimit = 40_000
const processLimit = 8192

/** The search ends by itself a little before the reading would be given up. */
const searchMs = 500
const readingMs = 650

/** How many links are read at once; each is a turn of the thread pool, which others need as well. */
const batch = 32

/**
 * Looks through /proc for the processes that have certain files open. Those near in number are looked at first: they are the likely
 * ones, and the search is bounded in time and in count.
 */
export function findHolders(pid: number, sought: readonly Sought[]): Promise<Reading<HolderSearch>> {
  if (sought.length === 0) {
    return Promise.resolve({ kind: 'read', value: { holders: new Map(), complete: true, processes: 0 } })
  }
  return readWithin(() => search(pid, sought), readingMs)
}

async function search(pid: number, sought: readonly Sought[]): Promise<HolderSearch> {
  const end = performance.now() + searchMs
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  // The process itself comes last: it may have very many open, and mostly others are asked for.
  pids.sort((a, b) => Number(a === pid) - Number(b === pid) || Math.abs(a - pid) - Math.abs(b - pid))
  const holders = new Map<string, Holder[]>()
  let left = searchLimit
  let complete = true
  let processes = 0
  for (const candidate of pids) {
    if (left <= 0 || performance.now() > end) return { holders, complete: complete && candidate === pid, processes }
    const seen = await searchProcess(candidate, sought, Math.min(left, processLimit), holders, end)
    left -= seen.count
    complete &&= seen.complete || candidate === pid
    processes += 1
  }
  return { holders, complete, processes }
}

async function searchProcess(
  pid: number,
  sought: readonly Sought[],
  limit: number,
  holders: Map<string, Holder[]>,
  end: number,
): Promise<{ readonly count: number; readonly complete: boolean }> {
  const list = await listDescriptors(pid, limit)
  // A kernel thread and a process that has ended have none, and one that ended meanwhile has none any more.
  if (list === 'gone') return { count: 0, complete: true }
  if (list === 'refused') return { count: 1, complete: false }
  for (let next = 0; next < list.fds.length; next += batch) {
    if (performance.now() > end) return { count: next, complete: false }
    const found = await Promise.all(list.fds.slice(next, next + batch).map((fd) => match(pid, fd, sought)))
    for (const each of found) {
      if (each === undefined) continue
      const known = holders.get(each.link)
      if (known === undefined) holders.set(each.link, [each.holder])
      else known.push(each.holder)
    }
  }
  return { count: list.fds.length, complete: list.complete }
}

type DescriptorList = { readonly fds: readonly string[]; readonly complete: boolean } | 'gone' | 'refused'

/** Read bit by bit: a process may have a million descriptors. */
async function listDescriptors(pid: number, limit: number): Promise<DescriptorList> {
  const fds: string[] = []
  try {
    const directory = await opendir(`/proc/${pid}/fd`, { bufferSize: 256 })
    for await (const { name } of directory) {
      if (fds.length >= limit) return { fds, complete: false }
      fds.push(name)
    }
    return { fds, complete: true }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code === 'EACCES' || code === 'EPERM' ? 'refused' : 'gone'
  }
}

async function match(
  pid: number,
  fd: string,
  sought: readonly Sought[],
): Promise<{ readonly link: string; readonly holder: Holder } | undefined> {
  const link = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
  for (const each of sought) {
    if (!(await isSame(`/proc/${pid}/fd/${fd}`, link, each))) continue
    const holder = await describeHolder(pid, fd)
    return holder === undefined ? undefined : { link: each.link, holder }
  }
  return undefined
}

/** Files are asked for device and inode only when their names agree: a question to a dead file server would not come back. */
async function isSame(path: string, link: string, { link: wanted, file }: Sought): Promise<boolean> {
  if (file === undefined) return link === wanted
  if (basename(link) !== basename(wanted)) return false
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found?.dev === file.device && found.ino === file.inode
}

async function describeHolder(pid: number, fd: string): Promise<Holder | undefined> {
  try {
    const info = await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8')
    const access = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '', 8) & 3
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
    const nameEnd = stat.lastIndexOf(')')
    return {
      pid,
      name: stat.slice(stat.indexOf('(') + 1, nameEnd),
      state: stat.charAt(nameEnd + 2),
      fd: Number(fd),
      access: access === 1 ? 'write' : access === 2 ? 'both' : 'read',
    }
  } catch {
    return undefined
  }
}
