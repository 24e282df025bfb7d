import type { CallArguments } from './call-arguments.js'
import type { Mount } from './mount.js'
import { readText } from './proc-file.js'
import { toRecord } from './protocol-channel.js'

/** A thread that was seen in a system call. */
export interface WaitingThread {
  readonly tid: number
  readonly name: string
  readonly state: string
  readonly call: string
  readonly fd?: number
  readonly on?: { readonly path: string; readonly kind: string; readonly mount?: Mount }
  readonly arguments: CallArguments
}

/** The threads of the exhibit `process` that wait for something outside of their process, main thread first. */
export function readWaitingThreads(process: unknown): readonly WaitingThread[] {
  const { threads } = toRecord(toRecord(process).threads)
  const all = Array.isArray(threads) ? threads.map(toRecord).flatMap(readThread) : []
  const seen = new Set<string>()
  // The threads of a pool wait for the same again and again: one of them tells as much as all.
  return all.filter(({ tid, call, fd, on }, index) => {
    const key = `${call} ${fd ?? ''} ${on?.path ?? tid}`
    if (index > 0 && (seen.has(key) || call === 'futex' || call.startsWith('epoll'))) return false
    seen.add(key)
    return true
  })
}

function readThread(thread: Record<string, unknown>): readonly WaitingThread[] {
  const { tid, name, state, syscall, on } = thread
  const match = /^(\w+)\((-?\d*)\)/.exec(String(syscall))
  if (match?.[1] === undefined || typeof tid !== 'number') return []
  const given: CallArguments = Object.fromEntries(
    Object.entries(toRecord(thread.arguments)).filter((entry): entry is [string, string | number] => isPlain(entry[1])),
  )
  return [
    {
      tid,
      name: String(name),
      state: String(state),
      call: match[1],
      ...(match[2] === '' ? {} : { fd: Number(match[2]) }),
      ...(isTarget(on) ? { on } : {}),
      arguments: given,
    },
  ]
}

function isPlain(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

function isTarget(value: unknown): value is NonNullable<WaitingThread['on']> {
  return typeof value === 'object' && value !== null && 'path' in value && typeof value.path === 'string'
}

/** The one descriptor that a thread polls; undefined when it polls none or several, or waits in another call. */
export async function listPolled(
  pid: number,
  { call, arguments: given, fd }: Pick<WaitingThread, 'call' | 'arguments' | 'fd'>,
): Promise<number | undefined> {
  if (/^p?(poll|select6?)$/.test(call)) {
    const fds = String(given.fds ?? '')
    return /^\d+ [a-z+]*$/.test(fds) ? Number.parseInt(fds, 10) : undefined
  }
  if (!call.startsWith('epoll') || fd === undefined) return undefined
  const info = await readText(`/proc/${pid}/fdinfo/${fd}`)
  const watched = info.kind === 'read' ? [...info.value.matchAll(/^tfd:\s*(\d+)/gm)] : []
  return watched.length === 1 ? Number(watched[0]?.[1]) : undefined
}
