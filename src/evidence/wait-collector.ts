import { readFile, stat } from 'node:fs/promises'
import type { Exhibit } from '../watch/evidence.js'
import { findHolders, type Holder, type HolderSearch, type Sought } from './descriptor-holder.js'
import type { Collector, Finding } from './exhibit.js'
import { findLockWaits, type LockWait } from './file-lock-holder.js'
import { readTarget, readText, readWithin } from './proc-file.js'
import { type NetworkSocket, readNetworkSockets, readUnixListener, readUnixSocket } from './socket-table.js'
import { readUnixPeer } from './unix-peer.js'
import type { Party, Wait, WaitTarget } from './wait.js'
import { listPolled, readWaitingThreads, type WaitingThread } from './waiting-thread.js'

/** How many waits are followed to what is behind them; the main thread's comes first. */
const waitLimit = 16

/**
 * Says what the threads wait for: who has the other end of a pipe, who holds a lock, what became of a connection, who serves a file
 * system. Bounded in time and in what it looks at.
 * @param reading the exhibit `process`, whose threads it follows
 */
export function createWaitCollector(reading: Promise<Exhibit | undefined>): Collector {
  return {
    name: 'waits',
    collect: async ({ subject: { pid } }): Promise<Finding> => {
      const process = await reading
      if (process?.kind !== 'captured') return { kind: 'not-applicable' }
      const threads = readWaitingThreads(process.content).slice(0, waitLimit)
      const { waits, search } = await follow(pid, threads)
      if (waits.length === 0) return { kind: 'not-applicable' }
      return { kind: 'found', content: { waits, searched: search } }
    },
  }
}

/** What is behind a wait as far as it can be told without looking at other processes, and what to look for there. */
interface Lead {
  readonly thread: WaitingThread
  readonly sought: readonly Sought[]
  readonly conclude: (search: HolderSearch) => Promise<WaitTarget | undefined> | WaitTarget | undefined
}

async function follow(
  pid: number,
  threads: readonly WaitingThread[],
): Promise<{ readonly waits: readonly Wait[]; readonly search: unknown }> {
  const locks = await readText('/proc/locks')
  const lockWaits = locks.kind === 'read' ? findLockWaits(locks.value, pid) : []
  const leads: Lead[] = []
  for (const thread of threads) {
    const lead = await findLead(pid, thread, lockWaits)
    if (lead !== undefined) leads.push(lead)
  }
  const found = await findHolders(
    pid,
    leads.flatMap(({ sought }) => sought),
  )
  const nothing: HolderSearch = { holders: new Map(), complete: false, processes: 0 }
  const search = found.kind === 'read' ? found.value : nothing
  const waits: Wait[] = []
  for (const { thread, conclude } of leads) {
    const target = await conclude(search)
    const { tid, name, state, call, arguments: given } = thread
    const isMain = tid === pid
    if (target !== undefined) waits.push({ tid, isMain, thread: name, state, call, arguments: given, target })
  }
  const { complete, processes } = search
  return { waits, search: found.kind === 'read' ? { processes, complete } : found.reason }
}

async function findLead(pid: number, thread: WaitingThread, lockWaits: readonly LockWait[]): Promise<Lead | undefined> {
  const { call, on, arguments: given } = thread
  if (call === 'wait4' && Number(given.pid) > 0) return followProcess(thread, Number(given.pid))
  if (call === 'waitid' && given.kind === 'pid') return followProcess(thread, Number(given.id))
  if (on?.mount !== undefined) return followMount(thread, on.path, on.mount)
  const isLocking = call === 'flock' || (call === 'fcntl' && /SETLKW/.test(String(given.command)))
  if (isLocking && on !== undefined) return followLock(thread, on.path, lockWaits)
  const fd = thread.fd ?? (await listPolled(pid, thread))
  const path = thread.fd === undefined && fd !== undefined ? await linkOf(pid, fd) : on?.path
  if (path === undefined) return undefined
  if (path.startsWith('pipe:')) return followPipe(pid, thread, { link: path }, path, false)
  if (on?.kind === 'FIFO') {
    const file = await identify(pid, thread, path)
    return file === undefined ? undefined : followPipe(pid, thread, { link: path, file }, path, true)
  }
  const inode = /^socket:\[(\d+)\]$/.exec(path)?.[1]
  return inode === undefined ? undefined : followSocket(pid, thread, inode)
}

async function linkOf(pid: number, fd: number): Promise<string | undefined> {
  const link = await readTarget(`/proc/${pid}/fd/${fd}`)
  return link.kind === 'read' ? link.value : undefined
}

async function identify(pid: number, { fd }: WaitingThread, path: string): Promise<Sought['file']> {
  const at = fd === undefined ? `/proc/${pid}/root${path}` : `/proc/${pid}/fd/${fd}`
  const status = await readWithin(() => stat(at, { bigint: true }))
  return status.kind === 'read' ? { device: status.value.dev, inode: status.value.ino } : undefined
}

function followPipe(pid: number, thread: WaitingThread, sought: Sought, path: string, isFifo: boolean): Lead {
  return {
    thread,
    sought: [sought],
    conclude: ({ holders, complete }) => {
      const others = (holders.get(sought.link) ?? []).filter((holder) => holder.pid !== pid)
      return {
        kind: 'pipe',
        path,
        isFifo,
        readers: others.filter(({ access }) => access !== 'write'),
        writers: others.filter(({ access }) => access !== 'read'),
        complete,
      }
    },
  }
}

function followProcess(thread: WaitingThread, pid: number): Lead {
  return {
    thread,
    sought: [],
    conclude: async () => {
      const process = await describeParty(pid)
      return process === undefined ? undefined : { kind: 'process', process }
    },
  }
}

function followLock(thread: WaitingThread, path: string, lockWaits: readonly LockWait[]): Lead | undefined {
  const kind = thread.call === 'flock' ? 'flock' : thread.arguments.command === 'F_OFD_SETLKW' ? 'OFD' : 'POSIX'
  const [lock, ...more] = lockWaits.filter((wait) => wait.kind === kind)
  // Of two threads that wait for a lock of the same kind it is not known which waits for which.
  if (lock === undefined || more.length > 0) return undefined
  return {
    thread,
    sought: [],
    conclude: async () => {
      const holder = lock.holder > 0 ? await describeParty(lock.holder) : undefined
      return { kind: 'lock', path, lock, ...(holder === undefined ? {} : { holder }) }
    },
  }
}

const fuseDevice = '/dev/fuse'

function followMount(
  thread: WaitingThread,
  path: string,
  mount: NonNullable<WaitingThread['on']>['mount'],
): Lead | undefined {
  if (mount === undefined) return undefined
  const { type, point, source } = mount
  return {
    thread,
    sought: type.startsWith('fuse') ? [{ link: fuseDevice }] : [],
    conclude: async ({ holders, complete }) => {
      const server = await selectServer(holders.get(fuseDevice) ?? [], mount.device, complete)
      return { kind: 'served', path, type, point, source, ...(server === undefined ? {} : { server }) }
    },
  }
}

/** The process that serves a mount: newer kernels say which connection a descriptor is for; before, one alone can be no other. */
async function selectServer(holders: readonly Holder[], device: string, complete: boolean): Promise<Party | undefined> {
  const connection = device.split(':')[1]
  let known = false
  for (const holder of holders) {
    const info = await readWithin(() => readFile(`/proc/${holder.pid}/fdinfo/${holder.fd}`, 'utf8'))
    const id = info.kind === 'read' ? /^fuse_connection:\s*(\d+)/m.exec(info.value)?.[1] : undefined
    known ||= id !== undefined
    if (id !== undefined && id === connection) return toParty(holder)
  }
  const [only] = holders
  const isOne = complete && !known && only !== undefined && holders.every(({ pid }) => pid === only.pid)
  return isOne ? toParty(only) : undefined
}

async function followSocket(pid: number, thread: WaitingThread, inode: string): Promise<Lead | undefined> {
  const [socket] = await readNetworkSockets(pid, (each) => each.inode === inode)
  if (socket !== undefined) return followConnection(pid, thread, socket)
  const unix = await readUnixSocket(pid, inode)
  if (unix === undefined) return undefined
  const address = thread.call === 'connect' ? String(thread.arguments.address ?? '') : ''
  const peer = address === '' ? await readUnixPeer(pid, inode) : await readUnixListener(pid, address)
  return followPeer(thread, peer === undefined ? undefined : { inode: peer.inode }, (party) => ({
    kind: 'unix',
    path: address === '' ? unix.path || (peer?.path ?? '') : address,
    ...(party === undefined ? {} : { peer: party }),
  }))
}

async function followConnection(pid: number, thread: WaitingThread, socket: NetworkSocket): Promise<Lead> {
  const { kind: protocol, ...rest } = socket
  const { local, remote } = socket
  // Both ends of a connection of the machine with itself stand in the same table.
  const [other] =
    remote === undefined || !isOwn(remote, local)
      ? []
      : await readNetworkSockets(pid, (each) => each.local === remote && each.remote === local)
  return followPeer(thread, other, (peer) => ({
    kind: 'network',
    protocol,
    ...rest,
    ...(peer === undefined ? {} : { peer }),
  }))
}

function isOwn(remote: string, local: string): boolean {
  const host = (address: string): string => address.slice(0, address.lastIndexOf(':'))
  return host(remote) === host(local) || host(remote).startsWith('127.')
}

function followPeer(
  thread: WaitingThread,
  peer: { readonly inode: string } | undefined,
  conclude: (party: Party | undefined) => WaitTarget,
): Lead {
  const link = peer === undefined || peer.inode === '0' ? undefined : `socket:[${peer.inode}]`
  return {
    thread,
    sought: link === undefined ? [] : [{ link }],
    conclude: ({ holders }) => {
      const [first, ...more] = link === undefined ? [] : (holders.get(link) ?? [])
      // Shared by several processes: none of them can be said to be the one.
      const isOne = first !== undefined && more.every(({ pid }) => pid === first.pid)
      return conclude(isOne ? toParty(first) : undefined)
    },
  }
}

function toParty({ pid, name, state }: Holder): Party {
  return { pid, name, state }
}

async function describeParty(pid: number): Promise<Party | undefined> {
  const stat = await readText(`/proc/${pid}/stat`)
  if (stat.kind === 'unreadable') return undefined
  const nameEnd = stat.value.lastIndexOf(')')
  const name = stat.value.slice(stat.value.indexOf('(') + 1, nameEnd)
  return { pid, name, state: stat.value.charAt(nameEnd + 2) }
}
