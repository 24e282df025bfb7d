import { unreachable } from '../errors.js'
import type { Hang } from '../watch/verdict.js'
import type { Scene } from './scene.js'

/** What is said when no other rule knows more: from the kind of the hang and what was seen of the main thread. */
export function describeMainThread(hang: Hang, seen: Scene): string {
  switch (hang.kind) {
    case 'busy-loop':
      return describeBusy(hang.cpuPercent, seen)
    case 'waiting':
      return describeWaiting(hang.waitChannel, seen)
    case 'blocked-in-kernel':
      return `blocked in the kernel in ${seen.call ?? 'an unknown call'}, not to be interrupted (state D, wait channel ${hang.waitChannel === '' ? 'unknown' : hang.waitChannel})`
    case 'dead-main-thread':
      return `the main thread has ended; ${countOthers(seen.threadCount)}`
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

/** The CPU time is that of all threads, so the sentence says `process`; whether it is the main thread's shows where that was. */
function describeBusy(cpuPercent: number, seen: Scene): string {
  const load = `process on CPU ${Math.round(cpuPercent)} %`
  if (seen.asleep) return `busy, ${load}, but when looked at, ${describeWaiting('', seen)}`
  if (seen.frame !== undefined) return `busy loop in ${seen.frame}, ${load}`
  if (seen.nativeFunction !== undefined) return `busy, last seen in native function ${seen.nativeFunction}, ${load}`
  return `unknown: busy, ${load}, and no stack could be taken`
}

function describeWaiting(waitChannel: string, seen: Scene): string {
  const channel = waitChannel === 'unknown' ? '' : waitChannel
  const call = seen.call ?? ''
  // The wait channel counts first: it was read before the inspector paused the main thread, which is a wait of the same kind.
  const inLock = channel === '' ? call.startsWith('futex') : channel.startsWith('futex')
  if (seen.builtIn === 'Atomics.wait' && seen.frame !== undefined)
    return `main thread waits in Atomics.wait called from ${seen.frame}`
  if (seen.inSpawnSync) return describeSpawnSync(seen)
  const inPoll = call.startsWith('epoll')
  if (inPoll && seen.loopTurns)
    return `event loop is idle: main thread waits in ${call}, and what it waits for does not come`
  if (seen.frame !== undefined) {
    const before = call === '' || call.startsWith('futex') ? channel : call
    return `main thread is in ${seen.frame}${before === '' ? '' : `, and was waiting in ${before}`}`
  }
  if (inPoll) return `main thread waits for events in ${call}`
  if (inLock) {
    const where = seen.nativeFunction === undefined ? '' : ` in ${seen.nativeFunction}`
    return `main thread waits for a lock or a condition${where} (futex)`
  }
  if (call !== '') return `waiting in ${call}`
  return channel === ''
    ? 'unknown: it waits, and neither system call nor wait channel could be read'
    : `unknown: it waits in kernel function ${channel}, and its system call could not be read`
}

function describeSpawnSync({ frame, onlyChild }: Scene): string {
  const from = frame === undefined ? '' : `, called from ${frame}`
  const child = onlyChild === undefined ? '' : `; its only child is ${onlyChild}`
  return `main thread waits for a child process that it runs synchronously (spawnSync, execSync)${from}${child}`
}

function withScene(sentence: string, seen: Scene): string {
  if (seen.frame !== undefined) return `${sentence}; JavaScript was in ${seen.frame}`
  return seen.call === undefined ? sentence : `${sentence}; main thread was in ${seen.call}`
}

function countOthers(threadCount: number | undefined): string {
  if (threadCount === undefined) return 'other threads live on'
  return threadCount === 2 ? '1 other thread lives on' : `${threadCount - 1} other threads live on`
}
