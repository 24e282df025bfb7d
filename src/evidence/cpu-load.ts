import { setTimeout as delay } from 'node:timers/promises'
import { readText } from './proc-file.js'

/** Between the two readings, in ms: ten of the kernel's ticks. */
const spanMs = 100

/** How busy the processors were while they were looked at, in percent. */
export interface CpuLoad {
  readonly percent: number
  readonly byCpu: readonly number[]
}

/**
 * Compares two readings of /proc/stat. systeminformation's own measure runs `cat` and waits for it, with the event loop blocked.
 * @throws Error when /proc/stat cannot be read
 */
export async function measureCpuLoad(): Promise<CpuLoad> {
  const before = await readTimes()
  await delay(spanMs)
  const after = await readTimes()
  const loads = [...after].map(([name, times]) => [name, compare(before.get(name), times)] as const)
  return {
    percent: loads.find(([name]) => name === 'cpu')?.[1] ?? 0,
    byCpu: loads.flatMap(([name, load]) => (name === 'cpu' ? [] : [load])),
  }
}

interface Times {
  readonly busy: number
  readonly all: number
}

async function readTimes(): Promise<ReadonlyMap<string, Times>> {
  const text = await readText('/proc/stat')
  if (text.kind === 'unreadable') throw new Error(text.reason)
  return parseCpuTimes(text.value)
}

/** Reads the lines `cpu` and `cpuN`: user, nice, system, idle, iowait, irq, softirq, steal; guests are counted in user already. */
export function parseCpuTimes(text: string): ReadonlyMap<string, Times> {
  const times = new Map<string, Times>()
  for (const line of text.split('\n')) {
    const [name = '', ...words] = line.trim().split(/\s+/)
    if (!/^cpu\d*$/.test(name)) continue
    const values = words.slice(0, 8).map(Number)
    const all = values.reduce((sum, value) => sum + value, 0)
    times.set(name, { busy: all - (values[3] ?? 0) - (values[4] ?? 0), all })
  }
  return times
}

function compare(before: Times | undefined, after: Times): number {
  const span = after.all - (before?.all ?? 0)
  const busy = after.busy - (before?.busy ?? 0)
  // The kernel may take idle time back.
  return span <= 0 ? 0 : Math.round(Math.min(1, Math.max(0, busy / span)) * 1000) / 10
}
