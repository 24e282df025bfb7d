import type { CauseRule } from './cause.js'
import type { LockCycle, MutexWait } from './lock-cycle.js'
import { selectNativeFunction } from './native-function.js'
import { toRecord } from './protocol-channel.js'
import { findContent } from './scene.js'

/**
 * Causes that are mutexes of the C library: threads that wait for each other, or a main thread that waits for one which is doing
 * something else. Where that one is comes from the native stack, and from its system call where there is none.
 */
export const nameLockCause: CauseRule = ({ hang, exhibits }) => {
  const content = findContent(exhibits, 'lock-cycle')
  if (!isLockCycle(content) || hang.kind === 'blocked-in-kernel' || hang.kind === 'held-too-long') return undefined
  const threads = readThreads(findContent(exhibits, 'process'))
  const stack = toLines(toRecord(findContent(exhibits, 'native-stack')).stacks)
  const say = ({ tid, name, mutex, holder, holderName }: MutexWait) => {
    const at = findFunction(stack, tid)
    const where = at === undefined ? '' : ` in ${at}`
    return `thread ${tid} (${name}) waits${where} for the mutex at ${mutex}, which thread ${holder} (${holderName}) holds`
  }
  const { waits, cycle } = content
  const ring = cycle.map((tid) => waits.find((wait) => wait.tid === tid)).filter((wait) => wait !== undefined)
  if (ring.length > 0) return `deadlock: ${ring.map(say).join('; ')}`
  const chain = followChain(waits, content.pid)
  const last = chain.at(-1)
  if (last === undefined) return undefined
  const at = findFunction(stack, last.holder)
  const doing = [at, threads.get(last.holder)].filter((each) => each !== undefined).map((each) => `in ${each}`)
  return chain.map(say).join('; ') + (doing.length === 0 ? '' : `; that thread is ${doing.join(', ')}`)
}

/** From the main thread on: who it waits for, who that one waits for. There is no ring. */
function followChain(waits: readonly MutexWait[], pid: number): readonly MutexWait[] {
  const chain: MutexWait[] = []
  let next = waits.find(({ tid }) => tid === pid)
  while (next !== undefined && chain.length < 4) {
    chain.push(next)
    const { holder } = next
    next = waits.find(({ tid }) => tid === holder)
  }
  return chain
}

function isLockCycle(content: unknown): content is LockCycle {
  const { waits, cycle } = toRecord(content)
  return Array.isArray(waits) && Array.isArray(cycle)
}

function readThreads(content: unknown): ReadonlyMap<number, string> {
  const list = toRecord(toRecord(content).threads).threads
  const calls = new Map<number, string>()
  for (const each of Array.isArray(list) ? list : []) {
    const { tid, syscall, state } = toRecord(each)
    if (typeof tid !== 'number' || typeof syscall !== 'string') continue
    const call = syscall.includes('(') ? syscall.replace(/\(-?\d*\)/, '()') : undefined
    if (call !== undefined) calls.set(tid, call)
    else if (state === 'R') calls.set(tid, 'no call, on CPU')
  }
  return calls
}

/** The part of a stack of gdb or eu-stack that is about one thread. */
function findFunction(stack: readonly string[], tid: number): string | undefined {
  const start = stack.findIndex((line) => line.includes(`(LWP ${tid}) `) || line.startsWith(`TID ${tid}:`))
  if (start === -1) return undefined
  const end = stack.findIndex((line, index) => index > start && /^(Thread|TID) /.test(line))
  const own = stack.slice(start + 1, end === -1 ? undefined : end)
  const name = selectNativeFunction(['TID 1:', ...own])
  return name === undefined ? undefined : `${name}${findLine(own, name)}`
}

/** gdb names the line of a function that was built with debugging data. */
function findLine(stack: readonly string[], name: string): string {
  const frame = stack.find((line) => line.includes(`${name} (`) || line.includes(`${name}(`))
  const at = / at (?:\S*\/)?([^\s/]+:\d+)$/.exec(frame ?? '')?.[1]
  return at === undefined ? '()' : `() (${at})`
}

function toLines(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
