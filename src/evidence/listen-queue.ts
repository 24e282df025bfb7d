import { runCommand } from '../platform/command.js'
import type { Exhibit } from '../watch/evidence.js'
import type { CauseQuestion, CauseRule } from './cause.js'
import type { Collector } from './exhibit.js'
import { readSocketInodes } from './listening-port.js'
import { readTarget, readWithin } from './proc-file.js'
import { toList, toRecord } from './protocol-channel.js'
import { findContent } from './scene.js'
import { readNetworkSockets } from './socket-table.js'

/** A listener with connections that nobody has accepted yet. */
export interface ListenQueue {
  readonly address: string
  readonly waiting: number
  /** How many may wait; undefined when that could not be found out. */
  readonly limit?: number
}

/** Longest `ss` may take. */
const limitMs = 500

/** The listeners of a process at which connections wait. */
export async function readListenQueues(pid: number): Promise<readonly ListenQueue[]> {
  // There are few on any machine, so they are found before the sockets of the process, which may be many.
  const filled = await readNetworkSockets(
    pid,
    ({ kind, state, unread }) => kind === 'tcp' && state === 'LISTEN' && unread > 0,
  )
  if (filled.length === 0) return []
  const inodes = await readWithin(() => readSocketInodes(pid))
  const own = inodes.kind === 'read' ? filled.filter(({ inode }) => inodes.value.has(inode)) : []
  if (own.length === 0) return []
  const limits = await readLimits(pid)
  return own.map(({ local, unread, inode }) => {
    const limit = limits.get(inode)
    return { address: local, waiting: unread, ...(limit === undefined ? {} : { limit }) }
  })
}

/** The kernel lets in one more than the limit, so a queue is full from the limit on. */
export function isFull({ waiting, limit }: ListenQueue): boolean {
  return limit !== undefined && waiting >= limit
}

/** By inode. /proc does not tell; `ss` of iproute2 asks the kernel, in its own network namespace only. */
async function readLimits(pid: number): Promise<ReadonlyMap<string, number>> {
  const [own, other] = await Promise.all([readTarget('/proc/self/ns/net'), readTarget(`/proc/${pid}/ns/net`)])
  if (own.kind !== 'read' || other.kind !== 'read' || own.value !== other.value) return new Map()
  const result = await runCommand({
    command: 'ss',
    args: ['-H', '-t', '-l', '-n', '-e'],
    timeoutMs: limitMs,
    maxOutputBytes: 4 * 1024 * 1024,
  })
  return result.kind === 'done' ? parseLimits(result.stdout) : new Map()
}

/** Lines such as `LISTEN 4 3 127.0.0.1:8080 0.0.0.0:* ino:4711 sk:1`: of a listener, the second number is the limit. */
export function parseLimits(text: string): ReadonlyMap<string, number> {
  const limits = new Map<string, number>()
  for (const line of text.split('\n')) {
    const limit = Number(line.trim().split(/\s+/)[2])
    const inode = / ino:(\d+)/.exec(line)?.[1]
    if (inode !== undefined && Number.isInteger(limit)) limits.set(inode, limit)
  }
  return limits
}

/** The listeners at which connections wait, when there are any. */
export const listenQueueCollector: Collector = {
  name: 'listen-queues',
  collect: async ({ subject: { pid } }) => {
    const queues = await readListenQueues(pid)
    return queues.length === 0 ? { kind: 'not-applicable' } : { kind: 'found', content: { queues } }
  },
}

/** A process that waits for events and lets the connections of a full queue wait does not serve. */
export const listenQueueCause: CauseRule = ({ hang, exhibits, seen }) => {
  const full = describeFullQueue(exhibits)
  if (full === undefined || (hang.kind !== 'waiting' && hang.kind !== 'unknown')) return undefined
  const where = seen.frame === undefined ? seen.call : seen.frame
  return where === undefined ? full : `${full}; main thread is in ${where}`
}

/** Adds what else is known of a server, when another rule has named why it does not accept. */
export function addFullQueue(sentence: string, { exhibits }: CauseQuestion): string {
  const full = describeFullQueue(exhibits)
  return full === undefined || sentence.startsWith(full) ? sentence : `${sentence}; ${full}`
}

function describeFullQueue(exhibits: readonly Exhibit[]): string | undefined {
  const { queues } = toRecord(findContent(exhibits, 'listen-queues'))
  const full = toList(queues).find((queue): queue is ListenQueue => isQueue(queue) && isFull(queue))
  if (full === undefined) return undefined
  return `listen queue full: ${full.waiting} of ${full.limit} connections wait to be accepted on ${full.address}`
}

function isQueue(value: unknown): value is ListenQueue {
  const { address, waiting, limit } = toRecord(value)
  return (
    typeof address === 'string' && typeof waiting === 'number' && (limit === undefined || typeof limit === 'number')
  )
}
