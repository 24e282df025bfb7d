import { open } from 'node:fs/promises'
import { listNames, type Reading, readFileKind, readTarget, readText, readWithin, valueOrReason } from './proc-file.js'
import { parseSyscall, type SyscallReading } from './syscall-name.js'

/** Threads looked at; a process can have tens of thousands. The main thread always comes first. */
const threadLimit = 128

/** What one thread was doing. */
export interface ThreadReading {
  readonly tid: number
  readonly name: string
  /** The kernel's letter: R, S, D, T, t, Z. */
  readonly state: string
  /** Kernel function it sleeps in; empty when it does not sleep. */
  readonly waitChannel: string
  /** As a reader would write it, such as `read(0) on FIFO /run/x`. */
  readonly syscall: string
  /** The file or descriptor behind the call, if there is one. */
  readonly on?: CallTarget
  /** Stack in the kernel, or why there is none. Absent in the light capture. */
  readonly kernelStack?: string | readonly string[]
}

/** What a system call waits for. */
export interface CallTarget {
  readonly path: string
  /** FIFO, socket, directory, file or device; empty when that is not known. */
  readonly kind: string
}

export type Depth = 'light' | 'full'

/** Reads the threads of a process, main thread first. */
export async function readThreads(
  pid: number,
  depth: Depth,
): Promise<Reading<{ readonly count: number; readonly threads: readonly ThreadReading[] }>> {
  const names = await listNames(`/proc/${pid}/task`)
  if (names.kind === 'unreadable') return names
  const ids = names.value.map(Number).sort((a, b) => Number(b === pid) - Number(a === pid) || a - b)
  // Two at a time: as many as there are places for readings.
  const threads: ThreadReading[] = []
  const shown = ids.slice(0, threadLimit)
  for (let next = 0; next < shown.length; next += 2) {
    const pair = shown.slice(next, next + 2).map((tid) => readThread(pid, tid, depth))
    threads.push(...(await Promise.all(pair)).filter((thread) => thread !== undefined))
  }
  return { kind: 'read', value: { count: ids.length, threads } }
}

async function readThread(pid: number, tid: number, depth: Depth): Promise<ThreadReading | undefined> {
  const folder = `/proc/${pid}/task/${tid}`
  const stat = await readText(`${folder}/stat`)
  if (stat.kind === 'unreadable') return undefined
  const nameEnd = stat.value.lastIndexOf(')')
  const waitChannel = await readText(`${folder}/wchan`)
  const { syscall, on } = await readSyscall(pid, tid)
  return {
    tid,
    name: stat.value.slice(stat.value.indexOf('(') + 1, nameEnd),
    state: stat.value.charAt(nameEnd + 2),
    waitChannel: waitChannel.kind === 'read' && waitChannel.value !== '0' ? waitChannel.value : '',
    syscall,
    ...(on === undefined ? {} : { on }),
    ...(depth === 'light' ? {} : { kernelStack: await readKernelStack(folder) }),
  }
}

async function readKernelStack(folder: string): Promise<string | readonly string[]> {
  const stack = await readText(`${folder}/stack`)
  if (stack.kind === 'unreadable') return valueOrReason(stack)
  return stack.value
    .trim()
    .split('\n')
    .map((line) => line.replace(/^\[<.*?>\] /, ''))
}

async function readSyscall(pid: number, tid: number): Promise<{ readonly syscall: string; readonly on?: CallTarget }> {
  const line = await readText(`/proc/${pid}/task/${tid}/syscall`)
  if (line.kind === 'unreadable') return { syscall: valueOrReason(line) }
  const call = parseSyscall(line.value, process.arch)
  if (call === undefined) return { syscall: line.value.trim() }
  if (call.kind === 'running') return { syscall: 'running' }
  if (call.kind === 'no-call') return { syscall: 'not in a system call' }
  const on = await readCallTarget(pid, call)
  const argument = call.fd === undefined ? '' : String(call.fd)
  const target = on === undefined ? '' : ` on ${on.kind === '' ? '' : `${on.kind} `}${on.path}`
  return { syscall: `${call.name}(${argument})${target}`, ...(on === undefined ? {} : { on }) }
}

async function readCallTarget(
  pid: number,
  call: Extract<SyscallReading, { kind: 'call' }>,
): Promise<CallTarget | undefined> {
  if (call.fd !== undefined) {
    const link = `/proc/${pid}/fd/${call.fd}`
    const target = await readTarget(link)
    if (target.kind === 'unreadable') return undefined
    // Names such as socket:[123] and anon_inode:[eventpoll] say themselves what they are.
    const kind = target.value.startsWith('/') ? await readFileKind(link) : undefined
    return { path: target.value, kind: kind?.kind === 'read' ? kind.value : '' }
  }
  if (call.pathAddress === undefined) return undefined
  const path = await readPath(pid, call.pathAddress)
  if (path.kind === 'unreadable' || path.value === '') return undefined
  const full = path.value.startsWith('/') ? `/proc/${pid}/root${path.value}` : `/proc/${pid}/cwd/${path.value}`
  const kind = await readFileKind(full)
  return { path: path.value, kind: kind.kind === 'read' ? kind.value : '' }
}

/** The path a blocked open() was given lies in the process's memory only. */
function readPath(pid: number, address: number): Promise<Reading<string>> {
  return readWithin(async () => {
    const memory = await open(`/proc/${pid}/mem`, 'r')
    try {
      // Up to the end of the page at most: the next one may not be mapped.
      const length = Math.min(1024, 4096 - (address % 4096))
      const { buffer, bytesRead } = await memory.read(Buffer.alloc(length), 0, length, address)
      const end = buffer.subarray(0, bytesRead).indexOf(0)
      return buffer.subarray(0, end === -1 ? bytesRead : end).toString('utf8')
    } finally {
      await memory.close()
    }
  })
}
