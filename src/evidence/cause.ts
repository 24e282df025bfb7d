import { unreachable } from '../errors.js'
import type { Exhibit } from '../watch/evidence.js'
import type { Hang } from '../watch/verdict.js'
import { toRecord } from './inspector-session.js'

/**
 * Names the cause of a hang in one sentence, with what supports it. Every sentence follows from a rule here; where none fits it
 * begins with `unknown:` and says what is known, which is worth more than a guess.
 */
export function describeCause(hang: Hang, exhibits: readonly Exhibit[]): string {
  const seen = readScene(exhibits)
  switch (hang.kind) {
    case 'busy-loop':
      return describeBusyLoop(hang.cpuPercent, seen)
    case 'waiting':
      return describeWaiting(hang.waitChannel, seen)
    case 'blocked-in-kernel':
      return `blocked in the kernel in ${seen.call ?? 'an unknown call'}, not to be interrupted (state D, wait channel ${name(hang.waitChannel)})`
    case 'dead-main-thread':
      return `the main thread has ended; ${seen.threadCount === undefined ? 'other' : seen.threadCount - 1} threads live on`
    case 'held-too-long':
      return `it is ${hang.reason} for longer than a hold may last`
    case 'never-started':
      return withScene('no sign of life since its start', seen)
    case 'triggered':
      return withScene('the service itself asked to be treated as hung', seen)
    case 'unknown':
      return withScene(`unknown: ${hang.detail}`, seen)
    default:
      return unreachable(hang)
  }
}

/** What the exhibits show of the main thread. */
interface Scene {
  /** Where JavaScript was, innermost first, Node's own frames left out. */
  readonly frame: string | undefined
  /** Decoded system call of the main thread, without its number of descriptor. */
  readonly call: string | undefined
  /** Innermost native function of the main thread that is not part of the C library. */
  readonly nativeFrame: string | undefined
  readonly threadCount: number | undefined
}

function describeBusyLoop(cpuPercent: number, seen: Scene): string {
  const load = `main thread on CPU ${Math.round(cpuPercent)} %`
  if (seen.frame !== undefined) return `busy loop in ${seen.frame}, ${load}`
  if (seen.nativeFrame !== undefined) return `busy loop in native function ${seen.nativeFrame}, ${load}`
  return `unknown: busy, ${load}, and no stack could be taken`
}

function describeWaiting(waitChannel: string, seen: Scene): string {
  const call = seen.call ?? ''
  // Node answers its inspector only from JavaScript or from Atomics.wait, so with a stack a futex can be nothing else.
  if (seen.frame !== undefined && (call.startsWith('futex') || waitChannel.startsWith('futex'))) {
    return `main thread waits in Atomics.wait called from ${seen.frame}`
  }
  if (seen.frame !== undefined)
    return `main thread is in ${seen.frame}, and was waiting in ${call === '' ? name(waitChannel) : call}`
  if (call.startsWith('epoll'))
    return `event loop is idle: main thread waits in ${call}, and what it waits for does not come`
  if (call.startsWith('futex')) {
    const where = seen.nativeFrame === undefined ? '' : ` in ${seen.nativeFrame}`
    return `main thread waits for a lock or a condition${where} (futex)`
  }
  if (call !== '') return `waiting in ${call}`
  return waitChannel === ''
    ? 'unknown: it waits, and neither system call nor wait channel could be read'
    : `unknown: it waits in kernel function ${waitChannel}, and its system call could not be read`
}

function withScene(sentence: string, seen: Scene): string {
  if (seen.frame !== undefined) return `${sentence}; JavaScript was in ${seen.frame}`
  return seen.call === undefined ? sentence : `${sentence}; main thread was in ${seen.call}`
}

function name(waitChannel: string): string {
  return waitChannel === '' ? 'unknown' : waitChannel
}

function readScene(exhibits: readonly Exhibit[]): Scene {
  const threads = toRecord(toRecord(findContent(exhibits, 'process')).threads)
  const [main] = Array.isArray(threads.threads) ? threads.threads : []
  return {
    frame: readFrame(findContent(exhibits, 'javascript-stack')),
    call: readCall(toRecord(main)),
    nativeFrame: readNativeFrame(findContent(exhibits, 'native-stack')),
    threadCount: typeof threads.count === 'number' ? threads.count : undefined,
  }
}

function findContent(exhibits: readonly Exhibit[], wanted: string): unknown {
  const exhibit = exhibits.find((each) => each.name === wanted)
  return exhibit?.kind === 'captured' ? exhibit.content : undefined
}

/** The innermost frame of the program; Node's own frames only when there are no others. */
function readFrame(content: unknown): string | undefined {
  const { frames } = toRecord(content)
  if (!Array.isArray(frames)) return undefined
  const records = frames.map(toRecord)
  const isOwn = (frame: Record<string, unknown>) => frame.url !== '' && !String(frame.url).startsWith('node:')
  const frame = records.find(isOwn) ?? records[0]
  if (frame === undefined) return undefined
  return `${frame.function} (${String(frame.url).split('/').at(-1)}:${frame.line})`
}

function readCall(thread: Record<string, unknown>): string | undefined {
  const { syscall } = thread
  if (typeof syscall !== 'string' || !syscall.includes('(')) return undefined
  return syscall.replace(/\(-?\d*\)/, '()')
}

/** Functions every waiting thread ends in; they say how it waits, not for whom. */
const libraryFunction =
  /^_*(GI_|libc_|lll_|futex|syscall|pthread_|read|poll|select|clock_|nanosleep|sem_|new_sem|internal_)/

/** gdb lists the main thread last, or alone; only frames with a name count. */
function readNativeFrame(content: unknown): string | undefined {
  const { stacks } = toRecord(content)
  if (!Array.isArray(stacks)) return undefined
  const lines = stacks.map(String)
  const main = lines.findLastIndex((line) => /^(Thread 1 |TID )/.test(line))
  for (const line of lines.slice(main + 1)) {
    if (/^(Thread|TID) /.test(line)) break
    const found = /^#\d+\s+(?:0x[0-9a-f]+ (?:in )?)?([^\s(]+)/.exec(line)?.[1]
    if (found !== undefined && found !== '??' && !libraryFunction.test(found)) return found
  }
  return undefined
}
