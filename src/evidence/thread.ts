import { join } from 'node:path'
import { type CallArguments, decodeArguments } from './call-arguments.js'
import { findMount, hasServer, type Mount, readMounts } from './mount.js'
import { listNames, type Reading, readFileKind, readTarget, readText, valueOrReason } from './proc-file.js'
import { readMemoryText } from './process-memory.js'
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
  /** What the call was given. Absent in the light capture. */
  readonly arguments?: CallArguments
  /** Stack in the kernel, or why there is none. Absent in the light capture. */
  readonly kernelStack?: string | readonly string[]
}

/** What a system call waits for. */
export interface CallTarget {
  readonly path: string
  /** FIFO, socket, directory, file or device; empty when that is not known. */
  readonly kind: string
  /** Of a file that a server answers for, over the network or in user space: it is not looked at, as that could take for ever. */
  readonly mount?: Mount
}

export type Depth = 'light' | 'full'

/** Reads the threads of a process, main thread first. */
export async function readThreads(
  pid: number,
  depth: Depth,
): Promise<Reading<{ readonly count: number; readonly threads: readonly ThreadReading[] }>> {
  const names = await listNames(`/proc/${pid}/task`)
  if (names.kind === 'unreadable') return names
  const mounts = await readMounts(pid)
  const about = { pid, depth, mounts: mounts.kind === 'read' ? mounts.value : [] }
  const ids = names.value.map(Number).sort((a, b) => Number(b === pid) - Number(a === pid) || a - b)
  // Two at a time: as many as there are places for readings.
  const threads: ThreadReading[] = []
  const shown = ids.slice(0, threadLimit)
  for (let next = 0; next < shown.length; next += 2) {
    const pair = shown.slice(next, next + 2).map((tid) => readThread(about, tid))
    threads.push(...(await Promise.all(pair)).filter((thread) => thread !== undefined))
  }
  return { kind: 'read', value: { count: ids.length, threads } }
}

interface About {
  readonly pid: number
  readonly depth: Depth
  readonly mounts: readonly Mount[]
}

async function readThread(about: About, tid: number): Promise<ThreadReading | undefined> {
  const { pid, depth } = about
  const folder = `/proc/${pid}/task/${tid}`
  const stat = await readText(`${folder}/stat`)
  if (stat.kind === 'unreadable') return undefined
  const nameEnd = stat.value.lastIndexOf(')')
  const waitChannel = await readText(`${folder}/wchan`)
  const call = await readSyscall(about, tid)
  return {
    tid,
    name: stat.value.slice(stat.value.indexOf('(') + 1, nameEnd),
    state: stat.value.charAt(nameEnd + 2),
    waitChannel: waitChannel.kind === 'read' && waitChannel.value !== '0' ? waitChannel.value : '',
    ...call,
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

async function readSyscall(
  about: About,
  tid: number,
): Promise<{ readonly syscall: string; readonly on?: CallTarget; readonly arguments?: CallArguments }> {
  const { pid, depth } = about
  const line = await readText(`/proc/${pid}/task/${tid}/syscall`)
  if (line.kind === 'unreadable') return { syscall: valueOrReason(line) }
  const call = parseSyscall(line.value, process.arch)
  if (call === undefined) return { syscall: line.value.trim() }
  if (call.kind === 'running') return { syscall: 'running' }
  if (call.kind === 'no-call') return { syscall: 'not in a system call' }
  const on = await readCallTarget(about, call)
  const argument = call.fd === undefined ? '' : String(call.fd)
  const target = on === undefined ? '' : ` on ${on.kind === '' ? '' : `${on.kind} `}${on.path}`
  return {
    syscall: `${call.name}(${argument})${target}`,
    ...(on === undefined ? {} : { on }),
    ...(depth === 'light' ? {} : { arguments: await decodeArguments(pid, call.name, call.arguments) }),
  }
}

async function readCallTarget(
  { pid, mounts }: About,
  call: Extract<SyscallReading, { kind: 'call' }>,
): Promise<CallTarget | undefined> {
  if (call.fd !== undefined) {
    const link = `/proc/${pid}/fd/${call.fd}`
    const target = await readTarget(link)
    if (target.kind === 'unreadable') return undefined
    // Names such as socket:[123] and anon_inode:[eventpoll] say themselves what they are.
    return target.value.startsWith('/') ? lookAt(link, target.value, mounts) : { path: target.value, kind: '' }
  }
  if (call.pathAddress === undefined) return undefined
  const path = await readMemoryText(pid, call.pathAddress)
  if (path.kind === 'unreadable' || path.value === '') return undefined
  const full = path.value.startsWith('/') ? path.value : join(await readStart(pid, call), path.value)
  return lookAt(`/proc/${pid}/root${full}`, full, mounts)
}

/** @param link where this process finds it @param path where that process sees it */
async function lookAt(link: string, path: string, mounts: readonly Mount[]): Promise<CallTarget> {
  const mount = findMount(mounts, path)
  if (mount !== undefined && hasServer(mount.type)) return { path, kind: '', mount }
  const kind = await readFileKind(link)
  return { path, kind: kind.kind === 'read' ? kind.value : '' }
}

/** AT_FDCWD, the working directory. */
const workingDirectory = -100

/** Where a relative path starts: the directory that the call was given, or the working directory. */
async function readStart(pid: number, call: Extract<SyscallReading, { kind: 'call' }>): Promise<string> {
  const first = Number(BigInt.asIntN(32, call.arguments[0] ?? 0n))
  const directory = call.name.endsWith('at') || call.name === 'openat2' ? first : workingDirectory
  const link = directory === workingDirectory ? `/proc/${pid}/cwd` : `/proc/${pid}/fd/${directory}`
  const target = await readTarget(link)
  return target.kind === 'read' ? target.value : ''
}
