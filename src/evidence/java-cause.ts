import type { Exhibit } from '../watch/evidence.js'
import type { CauseRule } from './cause.js'
import { type DeadlockedThread, isOwnCode, type JavaThread } from './java-dump.js'
import { isJavaMemory } from './java-memory.js'
import { isJavaStack, type JavaStack } from './java-stack.js'
import { findContent } from './scene.js'

/** From this share of the time in collections on, they are what the service does. */
const collectingShare = 0.5

/** From this share of the heap in use after a collection on, there is next to nothing left to find. */
const fullShare = 0.9

/**
 * Causes of a hung Java service, from its thread dump and the counters of its heap. The process's main thread says nothing here: it
 * is the launcher, which waits for the machine to end.
 */
export const nameJavaCause: CauseRule = ({ hang, exhibits }) => {
  if (hang.kind === 'blocked-in-kernel' || hang.kind === 'held-too-long') return undefined
  const content = findContent(exhibits, 'java-stack')
  const stack = isJavaStack(content) ? content : undefined
  const busy = hang.kind === 'busy-loop' ? describeBusy(hang.cpuPercent, stack) : undefined
  const sentence = describeDeadlock(stack) ?? describeCollection(exhibits) ?? busy ?? describeThreads(stack)
  if (sentence === undefined || hang.kind !== 'never-started') return sentence
  return `no sign of life since its start; ${sentence}`
}

function describeDeadlock(stack: JavaStack | undefined): string | undefined {
  const ring = stack?.deadlocks[0]
  if (ring === undefined) return undefined
  const threads = ring.map((thread) => describeDeadlocked(thread, ring)).join('; ')
  const others = (stack?.deadlocks.length ?? 1) - 1
  return `deadlock: ${threads}${others === 0 ? '' : `; and ${others} more`}`
}

/** What a thread holds is what another of the ring waits for. */
function describeDeadlocked(
  { name, waitsFor, heldBy, at }: DeadlockedThread,
  ring: readonly DeadlockedThread[],
): string {
  const held = ring.find((other) => other.heldBy === name)?.waitsFor
  const holds = held === undefined ? '' : ` holds ${held} and`
  const place = at === undefined ? '' : ` in ${at}`
  return `thread "${name}"${holds} waits${place} for ${waitsFor}, which thread "${heldBy}" holds`
}

function describeCollection(exhibits: readonly Exhibit[]): string | undefined {
  const memory = findContent(exhibits, 'java-memory')
  if (!isJavaMemory(memory) || memory.collectingShare < collectingShare) return undefined
  const near = memory.used >= memory.limit * fullShare ? 'Java heap near its limit: ' : ''
  const percent = Math.round(memory.collectingShare * 100)
  const seconds = (memory.watchedMs / 1000).toFixed(1)
  return `${near}garbage collection took ${percent} % of ${seconds} s (${memory.collections} collections) and leaves ${toMebibytes(memory.used)} of ${toMebibytes(memory.limit)} MiB in use`
}

function toMebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1)
}

/** A thread may get no CPU on a loaded machine for as long as it is looked at; then what `main` does is said, and no more. */
function describeBusy(cpuPercent: number, stack: JavaStack | undefined): string | undefined {
  const whole = `process on CPU ${Math.round(cpuPercent)} %`
  const [busiest] = stack?.busy ?? []
  if (busiest !== undefined) {
    const at = selectFrame(busiest)
    const where = at === undefined ? ', which runs no Java' : ` in ${at}`
    return `busy: thread "${busiest.name}"${where}, on CPU ${busiest.cpuPercent} %; ${whole}`
  }
  const threads = describeThreads(stack)
  return threads === undefined ? undefined : `busy, ${whole}, but no thread had a CPU when looked at; ${threads}`
}

function describeThreads(stack: JavaStack | undefined): string | undefined {
  if (stack === undefined) return undefined
  const { contended, main } = stack
  const [lock] = [...contended].sort((a, b) => Number(b.waiters.includes('main')) - Number(a.waiters.includes('main')))
  if (lock !== undefined) {
    const names = lock.waiters.slice(0, 3).map((name) => `"${name}"`)
    const more = lock.waiters.length > names.length ? ` and ${lock.waiters.length - names.length} more` : ''
    const verb = lock.waiters.length === 1 ? 'thread' : 'threads'
    const waits = lock.waiters.length === 1 ? 'waits' : 'wait'
    return `${verb} ${names.join(', ')}${more} ${waits} for ${lock.lock}, which thread "${lock.holder.name}" holds ${describePlace(lock.holder)}`
  }
  if (main !== undefined) {
    const waits = main.waitsFor === undefined ? '' : `, and waits for ${main.waitsFor}`
    return `thread "main" is ${describePlace(main)}${waits}`
  }
  return 'unknown: its thread "main" has ended, there is no deadlock, and no thread waits for a lock that another one holds'
}

function describePlace(thread: JavaThread): string {
  const [innermost] = thread.frames
  const own = selectFrame(thread)
  if (innermost === undefined || own === undefined) return 'outside of Java'
  const state = thread.state === '' ? '' : ` (${thread.state})`
  return own === innermost ? `in ${own}${state}` : `in ${innermost}, called from ${own}${state}`
}

/** The innermost frame of the program; Java's own when there is no other. */
function selectFrame(thread: JavaThread): string | undefined {
  return thread.frames.find(isOwnCode) ?? thread.frames[0]
}
