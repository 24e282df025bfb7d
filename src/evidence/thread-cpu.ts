import { readdir, readFile } from 'node:fs/promises'
import { readWithin } from './proc-file.js'

/** Threads whose CPU time is measured; a process can have tens of thousands. */
const threadLimit = 256

/** One reading for all threads. */
const limitMs = 600

/** CPU time of each thread since its start in nanoseconds, and when it was read. */
export interface CpuTimes {
  readonly atMs: number
  readonly byThread: ReadonlyMap<number, number>
}

/** Reads the CPU times of a process's threads; those that cannot be read are left out. */
export async function readCpuTimes(pid: number): Promise<CpuTimes> {
  const atMs = performance.now()
  const times = new Map<number, number>()
  // One reading for all of them, so that other collectors get their turn; what is there when it is cut off counts.
  await readWithin(async () => {
    for (const tid of (await readdir(`/proc/${pid}/task`)).slice(0, threadLimit)) {
      const line = await readFile(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').catch(() => '')
      if (line !== '') times.set(Number(tid), Number(line.split(' ')[0]))
    }
  }, limitMs)
  return { atMs, byThread: times }
}

/** How much of one CPU each thread had between two readings, in percent. */
export function compareCpuTimes(before: CpuTimes, after: CpuTimes): ReadonlyMap<number, number> {
  const spanMs = after.atMs - before.atMs
  const shares = new Map<number, number>()
  for (const [tid, nanoseconds] of after.byThread) {
    const earlier = before.byThread.get(tid)
    if (earlier !== undefined && spanMs > 0) shares.set(tid, ((nanoseconds - earlier) / 1e6 / spanMs) * 100)
  }
  return shares
}
