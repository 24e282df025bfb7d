import type { CauseQuestion } from './cause.js'
import { toList, toRecord } from './protocol-channel.js'
import { describeFrame, findContent, selectOwnFrame } from './scene.js'

type Counts = Readonly<Record<string, unknown>>

/** Operations that libuv gives to its pool: files, names, and what crypto and zlib do beside the loop. */
const poolOperation =
  /^(?:FSReq|GetAddrInfoReq|GetNameInfoReq|PBKDF2|Scrypt|RandomBytes|HashRequest|Sign|Zlib|ZLIB|Brotli)/

/** Calls that a thread waits in which has nothing to do. */
const idleCall = /^(?:futex|epoll_|io_uring|sched_|rt_sig)/

/** Kinds that keep a loop going and wait for no one in particular. */
const timer = /^(?:Timeout|Immediate)$/

/** Of what is pending, the kinds that are named. */
const kindsShown = 6

/**
 * An event loop that turns while the work stands still: what is pending in it, which threads of the pool are blocked, and what workers
 * wait for. Answers nothing unless the loop was seen to turn.
 */
export function describeIdleLoop({ exhibits, seen, hang, silent }: CauseQuestion): string | undefined {
  const script = toRecord(findContent(exhibits, 'javascript-stack'))
  const runtime = toRecord(script.runtime)
  if (hang.kind !== 'waiting' || !seen.loopTurns || runtime.resources === undefined) return undefined
  const pending = toRecord(runtime.resources)
  const blocked = findBlockedThreads(exhibits)
  const silence = silent === undefined ? '' : `; silent for ${(silent / 1000).toFixed(1)} s`
  const what =
    describePool(pending, blocked, Number(runtime.poolSize)) ?? describePending(pending, runtime.peers, blocked)
  return `event loop is idle: ${what}${describeWorkers(script)}${silence}`
}

/** Only when all threads of the pool can be seen to be blocked. */
function describePool(pending: Counts, blocked: readonly string[], poolSize: number): string | undefined {
  const operations = Object.entries(pending).filter(([kind]) => poolOperation.test(kind))
  const count = operations.reduce((sum, [, each]) => sum + Number(each), 0)
  if (count === 0 || poolSize < 1 || blocked.length < poolSize) return undefined
  return `${count} operations are pending on libuv's pool of ${poolSize} threads (${listCounts(operations)}), and ${blocked.length} threads of the process are blocked: ${groupCalls(blocked)}`
}

function describePending(pending: Counts, peers: unknown, blocked: readonly string[]): string {
  const kinds = Object.entries(pending)
  const others = kinds.filter(([kind]) => !timer.test(kind))
  const connections = toList(peers).slice(0, kindsShown).join(', ')
  const threads = blocked.length === 0 ? '' : `; other threads are in ${groupCalls(blocked)}`
  if (others.length === 0) {
    const timers = kinds.length === 0 ? 'nothing is pending in it' : 'only timers are pending in it'
    return `${timers}, and no file, socket or other operation that would go on with the work${threads}`
  }
  return `pending in it: ${listCounts(kinds)}${connections === '' ? '' : ` (connected to ${connections})`}${threads}`
}

function describeWorkers(script: Counts): string {
  const waits = toList(script.workers)
    .map(toRecord)
    .flatMap((worker) => {
      const frame = selectOwnFrame(worker)
      if (frame === undefined) return []
      return worker.builtIn === undefined
        ? [`; worker thread ${worker.title} is in ${describeFrame(frame)}`]
        : [`; worker thread ${worker.title} is inside ${worker.builtIn}, called by ${describeFrame(frame)}`]
    })
  return waits.slice(0, kindsShown).join('')
}

/** What threads other than the main one wait in, when it is no wait for work. */
function findBlockedThreads(exhibits: CauseQuestion['exhibits']): readonly string[] {
  const [, ...others] = toList(toRecord(toRecord(findContent(exhibits, 'process')).threads).threads).map(toRecord)
  return others
    .filter(({ state, syscall }) => /^[SD]$/.test(String(state)) && String(syscall).includes('('))
    .map(({ syscall }) => String(syscall).replace(/\(-?\d*\)/, '()'))
    .filter((call) => !idleCall.test(call))
}

function groupCalls(calls: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1)
  return [...counts]
    .slice(0, kindsShown)
    .map(([call, count]) => (count === 1 ? call : `${count} in ${call}`))
    .join(', ')
}

function listCounts(counts: readonly (readonly [string, unknown])[]): string {
  const shown = counts.slice(0, kindsShown).map(([kind, count]) => `${count} ${kind}`)
  return counts.length > kindsShown ? `${shown.join(', ')} and more` : shown.join(', ')
}
