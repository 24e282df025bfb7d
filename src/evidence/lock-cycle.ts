import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Collector, Finding } from './exhibit.js'
import { readMappedFiles, readMemory } from './memory.js'
import { parseFields, readText, readWithin } from './proc-file.js'
import { nameProgram } from './runtime.js'
import { parseSyscall } from './syscall-name.js'

/** Threads looked at; a process can have tens of thousands. */
const threadLimit = 512

/** For one look at all threads, in ms. */
const limitMs = 600

/** Between the two readings, in ms. */
const betweenMs = 50

/** A thread that waits for a mutex which another thread holds. */
export interface MutexWait {
  readonly tid: number
  readonly name: string
  /** Address of the mutex, in hexadecimal. */
  readonly mutex: string
  readonly holder: number
  readonly holderName: string
}

/** What the exhibit `lock-cycle` holds. */
export interface LockCycle {
  /** Of the process, which is the number of its main thread. */
  readonly pid: number
  readonly waits: readonly MutexWait[]
  /** Each of these waits for the next one, and the last one for the first. Empty when nobody waits in a ring. */
  readonly cycle: readonly number[]
}

/**
 * Finds who waits for whom among the threads of a program that uses the mutexes of the GNU C library: the address a thread waits at
 * is in its futex call, and the mutex there names its holder. Needs no debugger and stops nothing. Read twice, and only a thread that
 * did not run in between counts. Other locks, such as those of musl, Rust or Go, do not say who holds them.
 */
export const lockCycleCollector: Collector = {
  name: 'lock-cycle',
  collect: async ({ subject }) => {
    const { pid } = subject
    const first = await readWaiters(pid)
    if (first.kind === 'missing') return first
    if (first.waiters.length === 0) return { kind: 'not-applicable' }
    const library = await readMappedFiles(pid)
    if (library.kind === 'unreadable') return { kind: 'missing', reason: library.reason }
    if (!library.value.some(({ path }) => isGnuLibrary(nameProgram(path)))) return { kind: 'not-applicable' }
    const before = await readWaits(pid, first)
    await delay(betweenMs)
    const second = await readWaiters(pid)
    if (second.kind === 'missing') return second
    const still = second.waiters.filter((waiter) => first.waiters.some((earlier) => isSameWait(waiter, earlier)))
    const after = await readWaits(pid, { ...second, waiters: still })
    const waits = after.filter((wait) => before.some((earlier) => isSame(wait, earlier)))
    if (waits.length === 0) return { kind: 'not-applicable' }
    return { kind: 'found', content: { pid, waits, cycle: findCycle(waits) } satisfies LockCycle }
  },
}

function isGnuLibrary(name: string): boolean {
  return /^(libc|libpthread)(\.so\.6|\.so\.0|-2\.\d+\.so)$/.test(name)
}

/** A thread asleep in a futex call for ever. */
interface Waiter {
  readonly tid: number
  readonly address: number
  /** A mutex with priority inheritance keeps its holder in the word itself. */
  readonly inherits: boolean
  /** How often it has got a CPU. */
  readonly runs: string
}

interface Threads {
  readonly kind: 'threads'
  readonly waiters: readonly Waiter[]
  /** Names by the number here. */
  readonly names: ReadonlyMap<number, string>
}

type Unread = Extract<Finding, { kind: 'missing' }>

/** The calls of all threads in one reading, as they are looked at together. */
async function readWaiters(pid: number): Promise<Threads | Unread> {
  const reading = await readWithin(async () => {
    const names = new Map<number, string>()
    const waiters: Waiter[] = []
    for (const tid of (await readdir(`/proc/${pid}/task`)).slice(0, threadLimit)) {
      const folder = `/proc/${pid}/task/${tid}`
      const name = await readFile(`${folder}/comm`, 'utf8').catch(() => undefined)
      if (name === undefined) continue
      names.set(Number(tid), name.trim())
      const runs = (await readFile(`${folder}/schedstat`, 'utf8').catch(() => '')).split(' ')[2] ?? ''
      const call = await readFile(`${folder}/syscall`, 'utf8')
      waiters.push(...parseWaiter(call).map((waiter) => ({ tid: Number(tid), ...waiter, runs })))
    }
    return { kind: 'threads', names, waiters } as const
  }, limitMs)
  return reading.kind === 'read' ? reading.value : { kind: 'missing', reason: reading.reason }
}

const commandMask = 0x7fn
/** Operations by which a thread takes a lock: wait, wait for a bit, and lock with priority inheritance in both forms. */
const waitOperations = [0n, 9n]
const inheritOperations = [6n, 13n]

/** A lock word that others wait for; the value a locking thread expects there. */
const contended = 2n

function parseWaiter(line: string): readonly Pick<Waiter, 'address' | 'inherits'>[] {
  const call = parseSyscall(line, process.arch)
  if (call?.kind !== 'call' || call.name !== 'futex') return []
  const [address = 0n, operation = 0n, value = 0n, limit = 0n] = call.arguments
  const command = operation & commandMask
  // Who waits with a limit is not waiting for ever.
  if (limit !== 0n) return []
  const inherits = inheritOperations.includes(command)
  if (!inherits && !(waitOperations.includes(command) && BigInt.asUintN(32, value) === contended)) return []
  return [{ address: Number(address), inherits }]
}

async function readWaits(pid: number, { waiters, names }: Threads): Promise<readonly MutexWait[]> {
  const numbers = await readOwnNumbers(pid, [...names.keys()])
  const waits: MutexWait[] = []
  for (const { tid, address, inherits } of waiters) {
    const bytes = await readMemory(pid, address, 40)
    if (bytes.kind === 'unreadable') continue
    const owner = readOwner(bytes.value, inherits)
    const holder = owner === undefined ? undefined : numbers.get(owner)
    if (holder === undefined) continue
    const mutex = `0x${address.toString(16)}`
    waits.push({ tid, name: names.get(tid) ?? '', mutex, holder, holderName: names.get(holder) ?? '' })
  }
  return waits
}

/** Threads by their number in the service's own pid namespace, which is the one that the mutex holds. */
async function readOwnNumbers(pid: number, threads: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const status = await readText(`/proc/${pid}/status`)
  const nested = status.kind === 'read' && (parseFields(status.value, ['NSpid']).NSpid ?? '').includes('\t')
  const numbers = new Map<number, number>()
  for (const tid of threads) {
    if (!nested) numbers.set(tid, tid)
    else {
      const own = await readText(`/proc/${pid}/task/${tid}/status`)
      const number = own.kind === 'read' ? parseFields(own.value, ['NSpid']).NSpid?.split('\t').at(-1) : undefined
      if (number !== undefined) numbers.set(Number(number), tid)
    }
  }
  return numbers
}

const ownerMask = 0x3fffffff

/** Kinds 0 to 3, with the flags for robust, priority and shared mutexes and for lock elision. */
const kindMask = ~(3 | 16 | 32 | 64 | 128 | 256 | 512)

/**
 * The owner that a `pthread_mutex_t` names, which is at offset 8; undefined when the bytes are not those of a held mutex. The layout
 * is the same on x86-64 and arm64 since glibc 2.4: lock, count, owner, users, kind, each of 32 bits. See struct_mutex.h there.
 */
export function readOwner(bytes: Buffer, inherits: boolean): number | undefined {
  if (bytes.length < 20) return undefined
  const lock = bytes.readUInt32LE(0)
  const owner = bytes.readUInt32LE(8)
  const users = bytes.readUInt32LE(12)
  const kind = bytes.readUInt32LE(16)
  if (owner === 0 || users === 0 || users > 0xffff || (kind & kindMask) !== 0) return undefined
  if (inherits) return (lock & ownerMask) === owner ? owner : undefined
  return lock === Number(contended) ? owner : undefined
}

function isSameWait(a: Waiter, b: Waiter): boolean {
  return a.tid === b.tid && a.address === b.address && a.runs === b.runs
}

function isSame(a: MutexWait, b: MutexWait): boolean {
  return a.tid === b.tid && a.mutex === b.mutex && a.holder === b.holder
}

/** A thread waits for one mutex at a time, so following the holders from each thread finds every ring. */
export function findCycle(waits: readonly Pick<MutexWait, 'tid' | 'holder'>[]): readonly number[] {
  const holders = new Map(waits.map(({ tid, holder }) => [tid, holder]))
  for (const start of holders.keys()) {
    const path: number[] = []
    let next: number | undefined = start
    while (next !== undefined && !path.includes(next)) {
      path.push(next)
      next = holders.get(next)
    }
    if (next !== undefined) return path.slice(path.indexOf(next))
  }
  return []
}
