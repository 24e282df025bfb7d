import { toList, toRecord } from './protocol-channel.js'

/** What a Node process says of itself: its heap, and what keeps its event loop going. */
export interface RuntimeSummary {
  readonly heap: {
    readonly usedBytes: number
    readonly totalBytes: number
    readonly limitBytes: number
    /** Outside of V8's heap. */
    readonly externalBytes: number
  }
  readonly uptimeSeconds: number
  /**
   * How many there are of each kind that keeps the loop going, such as `TCPSocketWrap` or `FSReqCallback`; not its standard input and
   * output.
   */
  readonly resources: Readonly<Record<string, number>>
  /** Sockets that are connected, as `address:port`. */
  readonly peers: readonly string[]
  /** Threads of libuv's pool. */
  readonly poolSize: number
}

/** Kinds of resources, and peers, that are kept. */
const kindLimit = 40
const peerLimit = 20

/**
 * Runs in the service, on its main thread, paused or not; `require` is there by the command line API, also in an ES module. It reads
 * counts and addresses, and of the environment only the size of the pool. Kept short, since a busy loop stands still for it.
 */
export const summaryExpression = `(() => {
  const load = globalThis.process?.getBuiltinModule ?? require
  const process = load('process')
  const { used_heap_size: usedBytes, total_heap_size: totalBytes, heap_size_limit: limitBytes, external_memory: externalBytes } =
    load('v8').getHeapStatistics()
  const resources = {}
  for (const name of process.getActiveResourcesInfo?.() ?? []) resources[name] = (resources[name] ?? 0) + 1
  const peers = []
  const { Socket } = load('net')
  for (const handle of process._getActiveHandles?.() ?? []) {
    if (!(handle instanceof Socket)) continue
    const standard = handle._handle?.fd <= 2 && handle._handle.constructor.name + 'Wrap'
    if (standard && --resources[standard] === 0) delete resources[standard]
    if (handle.remoteAddress && peers.length < ${peerLimit}) peers.push(handle.remoteAddress + ':' + handle.remotePort)
  }
  const poolSize = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
  return { heap: { usedBytes, totalBytes, limitBytes, externalBytes }, uptimeSeconds: process.uptime(), resources, peers, poolSize }
})()`

/** Reads what the expression gave; the service may have made anything of it. */
export function parseSummary(answer: Readonly<Record<string, unknown>> | undefined): RuntimeSummary | undefined {
  const value = toRecord(toRecord(answer?.result).value)
  const heap = toRecord(value.heap)
  if (typeof heap.usedBytes !== 'number') return undefined
  const kinds = Object.entries(toRecord(value.resources)).slice(0, kindLimit)
  return {
    heap: {
      usedBytes: toCount(heap.usedBytes),
      totalBytes: toCount(heap.totalBytes),
      limitBytes: toCount(heap.limitBytes),
      externalBytes: toCount(heap.externalBytes),
    },
    uptimeSeconds: Math.round(toCount(value.uptimeSeconds)),
    resources: Object.fromEntries(kinds.map(([kind, count]) => [kind.slice(0, 60), toCount(count)])),
    peers: toList(value.peers)
      .slice(0, peerLimit)
      .map((peer) => String(peer).slice(0, 100)),
    poolSize: toCount(value.poolSize),
  }
}

function toCount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0
}
