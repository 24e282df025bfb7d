import { readdir, readFile } from 'node:fs/promises'
import { readMemory } from './memory.js'
import { readWithin } from './proc-file.js'
import type { PythonThread } from './python-dump.js'
import { parseSyscall } from './syscall-name.js'

/** Threads looked at; a process can have tens of thousands. */
const threadLimit = 256

/** One reading for all threads; without it the stacks do not tell who waits for a lock. */
const waitsLimitMs = 800

/** Which threads of a process wait in a futex call without a limit: for a lock, or for a condition. */
export async function readLockWaits(pid: number): Promise<ReadonlyMap<number, boolean>> {
  const waits = new Map<number, boolean>()
  await readWithin(async () => {
    for (const tid of (await readdir(`/proc/${pid}/task`)).slice(0, threadLimit)) {
      const line = await readFile(`/proc/${pid}/task/${tid}/syscall`, 'utf8').catch(() => '')
      const call = parseSyscall(line, process.arch)
      // A thread that waits for the interpreter's lock asks again every few milliseconds, so that has a limit.
      waits.set(Number(tid), call?.kind === 'call' && call.name === 'futex' && call.arguments[3] === 0n)
    }
  }, waitsLimitMs)
  return waits
}

/** Where in its pthread the C library keeps a thread's number: within this many bytes, in all versions of glibc and musl. */
const pthreadSize = 1024

/**
 * The kernel's numbers of threads that are known by the address of their pthread. Where the number stands in there is not looked up
 * but found: the one place that holds a number of a thread of this process for each of them, and never the same one twice.
 * Without such a place nothing is claimed.
 */
export async function findThreadNumbers(
  pid: number,
  threads: readonly PythonThread[],
  known: ReadonlySet<number>,
): Promise<readonly PythonThread[]> {
  const pieces: Buffer[] = []
  for (const { pthread } of threads.slice(0, threadLimit)) {
    const piece = pthread === undefined ? undefined : await readMemory(pid, pthread, pthreadSize)
    if (piece?.kind !== 'read') return threads
    pieces.push(piece.value)
  }
  for (let at = 0; at + 4 <= pthreadSize; at += 4) {
    const numbers = pieces.map((piece) => (at + 4 <= piece.length ? piece.readUInt32LE(at) : 0))
    if (new Set(numbers).size === threads.length && numbers.every((number) => known.has(number))) {
      return threads.map((thread, index) => ({ ...thread, tid: numbers[index] ?? 0 }))
    }
  }
  return threads
}
