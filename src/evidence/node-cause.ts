import type { CauseQuestion, CauseRule } from './cause.js'
import { describeIdleLoop } from './idle-loop-cause.js'
import { toList, toRecord } from './protocol-channel.js'
import { describeFrame, describeNodeCall, findContent, hasEnded, selectOwnFrame } from './scene.js'

type Thread = Readonly<Record<string, unknown>>

/** What is said of Node services from their JavaScript stacks. Each answers nothing when there are none. */
export const nodeRules: readonly CauseRule[] = [
  pausedByDebugger,
  insideBuiltIn,
  workerBusy,
  mainThreadBusy,
  mainThreadInCall,
  describeIdleLoop,
]

function pausedByDebugger({ exhibits, seen }: CauseQuestion): string | undefined {
  if (findThreads(exhibits).main.pausedBefore !== true) return undefined
  const where = seen.frame === undefined ? '' : ` in ${seen.frame}`
  return `main thread stands still${where}: another debugger has paused it through its inspector`
}

/** V8 shows no frame of its built-in functions; which one it was inside of is known only when every look saw the same call. */
function insideBuiltIn(question: CauseQuestion): string | undefined {
  const { main } = findThreads(question.exhibits)
  const { frame } = question.seen
  // Of Atomics.wait the next rules tell more: it waits, or another thread is busy.
  if (typeof main.builtIn !== 'string' || main.builtIn === 'Atomics.wait' || frame === undefined) return undefined
  return `main thread has been inside ${main.builtIn}, called by ${frame}${describeSupport(question, main)}`
}

/** Looks at the workers only when the main thread is not what keeps the CPU busy. */
function workerBusy(question: CauseQuestion): string | undefined {
  const { main, workers } = findThreads(question.exhibits)
  if (question.hang.kind !== 'busy-loop' || !(question.seen.loopTurns || main.builtIn === 'Atomics.wait')) {
    return undefined
  }
  const busy = workers.filter((worker) => worker.builtIn !== 'Atomics.wait' && isSteady(worker))
  const [first] = busy
  const frame = first === undefined ? undefined : selectOwnFrame(first)
  if (first === undefined || frame === undefined) return undefined
  const inside = first.builtIn === undefined ? '' : `inside ${first.builtIn}, called by `
  const others = busy.length === 1 ? '' : `; ${describeMore(busy.length - 1)} busy too`
  const mainThread = question.seen.loopTurns
    ? "the main thread's event loop turns"
    : 'the main thread waits in Atomics.wait'
  return `worker thread ${nameWorker(first)} is busy ${inside === '' ? 'in ' : inside}${describeFrame(frame)}${describeSupport(question, first)}; ${mainThread}${others}`
}

function describeMore(count: number): string {
  return count === 1 ? '1 more of its workers is' : `${count} more of its workers are`
}

function mainThreadBusy(question: CauseQuestion): string | undefined {
  const { main } = findThreads(question.exhibits)
  const { frame, asleep, builtIn, call, inSpawnSync } = question.seen
  // Garbage collection waits for its helpers by futex, in the middle of a busy loop.
  const waits = (asleep && call?.startsWith('futex') !== true) || builtIn === 'Atomics.wait' || inSpawnSync
  if (question.hang.kind !== 'busy-loop' || frame === undefined || waits || !isSteady(main)) return undefined
  const called = describeNodeCall(main)
  const inside = called === undefined ? '' : `, in its call of ${called}`
  return `busy loop in ${frame}${inside}${describeSupport(question, main)}${describeHeap(main)}`
}

/** A machine so busy that the CPU time of the process does not tell: the stack does. */
function mainThreadInCall(question: CauseQuestion): string | undefined {
  const { main } = findThreads(question.exhibits)
  const { frame, builtIn, inSpawnSync } = question.seen
  if (question.hang.kind !== 'unknown' || frame === undefined || inSpawnSync || !isSteady(main)) return undefined
  if (builtIn === 'Atomics.wait') return undefined
  return `main thread is in ${frame}${describeSupport(question, main)}; ${question.hang.detail}`
}

/** Several looks, all of which found it in the same call. */
function isSteady(thread: Thread): boolean {
  const { count, steady } = toRecord(thread.samples)
  return Number(count) > 1 && Number(steady) < toList(thread.frames).length && !hasEnded(thread)
}

/** What supports that a thread is where it is said to be: the CPU time of the process, the looks, and the silence. */
function describeSupport({ hang, silent }: CauseQuestion, thread: Thread): string {
  const { count, spanMs } = toRecord(thread.samples)
  const load = hang.kind === 'busy-loop' ? `, process on CPU ${Math.round(hang.cpuPercent)} %` : ''
  const looks = Number(count) > 1 ? `, so at ${count} looks in ${spanMs} ms` : ''
  const silence = silent === undefined ? '' : `, silent for ${(silent / 1000).toFixed(1)} s`
  return `${load}${looks}${silence}`
}

/** From this share of its limit on, V8 does little but collect garbage. */
const fullHeap = 0.9

function describeHeap({ runtime }: Thread): string {
  const { usedBytes, limitBytes } = toRecord(toRecord(runtime).heap)
  const share = Number(usedBytes) / Number(limitBytes)
  return share >= fullHeap ? `; its heap is at ${Math.round(share * 100)} % of the limit` : ''
}

/** `[worker 3] cruncher` as Node calls it. */
function nameWorker({ title }: Thread): string {
  return String(title)
}

function findThreads(exhibits: CauseQuestion['exhibits']): {
  readonly main: Thread
  readonly workers: readonly Thread[]
} {
  const main = toRecord(findContent(exhibits, 'javascript-stack'))
  return { main, workers: toList(main.workers).map(toRecord) }
}
