import { setTimeout as delay } from 'node:timers/promises'
import { type ControlGroup, readControlGroup } from './control-group.js'
import type { Collector, Finding } from './exhibit.js'
import { listFirstNames, readText } from './proc-file.js'

/** What kept a process from running while it was looked at. Rates are between two readings. */
export interface Strain {
  /** Between the two readings, in ms. */
  readonly measuredMs: number
  /** Of one CPU, of all threads. */
  readonly cpuPercent?: number
  /** Pages that had to be read from disk or swap, of all threads. */
  readonly majorFaultsPerSecond?: number
  /** Threads that waited for a CPU for most of the time, those that waited longest first. */
  readonly waitedForCpu: readonly { readonly tid: number; readonly name: string; readonly percent: number }[]
  /** Pages of its group that were thrown out of memory and had to be read again. */
  readonly refaultsPerSecond?: number
  /** Share of the time in which its group had used up its CPU time. */
  readonly throttledPercent?: number
  readonly memory: MemoryLimit
  /** What its group may use, in CPUs. */
  readonly cpuLimit?: number
}

/** How the memory of the nearest group with a limit stands. */
export interface MemoryLimit {
  readonly bytes?: number
  readonly limitBytes?: number
  /** Since the group was made. */
  readonly oomKills?: number
  /** Since the group was made, how often an allocation met the limit. */
  readonly limitHits?: number
  /** Its tasks wait for memory: the kernel was told not to kill any of them (version 1). */
  readonly isOutOfMemory: boolean
}

/** Between the two readings: long enough for a rate, short beside the time there is. */
const betweenMs = 150

/** Threads whose wait for a CPU is measured. */
const threadLimit = 64

/** A thread that waited for less of the time is not worth a line. */
const worthPercent = 20

/** Measures what keeps a process from running: CPU time its group is refused, waits for a CPU, pages that come back from disk. */
export const strainCollector: Collector = {
  name: 'strain',
  collect: async ({ subject: { pid } }): Promise<Finding> => {
    const before = await read(pid)
    await delay(betweenMs)
    const after = await read(pid)
    if (before === undefined || after === undefined) {
      return {
        kind: 'missing',
        reason: 'the process could not be read twice: it has ended, or the kernel did not answer',
      }
    }
    return { kind: 'found', content: compare(before, after) }
  },
}

interface Reading {
  readonly at: number
  readonly cpuTicks: number
  readonly majorFaults: number
  /** Name and time waited for a CPU in ns, by thread. */
  readonly waits: ReadonlyMap<number, { readonly name: string; readonly waitedNs: number }>
  readonly group: ControlGroup | undefined
}

async function read(pid: number): Promise<Reading | undefined> {
  const at = performance.now()
  const [stat, group] = await Promise.all([readText(`/proc/${pid}/stat`), readControlGroup(pid)])
  if (stat.kind === 'unreadable') return undefined
  // From the state on, which is field 3 of proc(5).
  const fields = stat.value.slice(stat.value.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  return {
    at,
    cpuTicks: field(14) + field(15),
    majorFaults: field(12),
    waits: await readWaits(pid),
    group: group.kind === 'read' ? group.value : undefined,
  }
}

async function readWaits(pid: number): Promise<Reading['waits']> {
  const tids = await listFirstNames(`/proc/${pid}/task`, threadLimit)
  const waits = new Map<number, { readonly name: string; readonly waitedNs: number }>()
  for (const tid of tids.kind === 'read' ? tids.value : []) {
    const [schedule, name] = await Promise.all([
      readText(`/proc/${pid}/task/${tid}/schedstat`),
      readText(`/proc/${pid}/task/${tid}/comm`),
    ])
    const waitedNs = schedule.kind === 'read' ? Number(schedule.value.split(' ')[1]) : Number.NaN
    if (Number.isFinite(waitedNs))
      waits.set(Number(tid), { name: name.kind === 'read' ? name.value.trim() : '', waitedNs })
  }
  return waits
}

/** The kernel gives user space times in hundredths of a second on every architecture. */
const tickMs = 10

function compare(before: Reading, after: Reading): Strain {
  const measuredMs = after.at - before.at
  const rate = (count: number): number => Math.max(0, Math.round((count * 1000) / measuredMs))
  const percent = (ms: number): number => Math.max(0, Math.round((ms * 100) / measuredMs))
  const refaults = [before, after].map(({ group }) => sumRefaults(group))
  const throttled = [before, after].map(({ group }) => throttledMs(group))
  const [refaultsBefore, refaultsAfter] = refaults
  const [throttledBefore, throttledAfter] = throttled
  const cpuLimit = readCpuLimit(after.group)
  return {
    measuredMs: Math.round(measuredMs),
    cpuPercent: percent((after.cpuTicks - before.cpuTicks) * tickMs),
    majorFaultsPerSecond: rate(after.majorFaults - before.majorFaults),
    waitedForCpu: compareWaits(before, after, percent),
    ...(refaultsBefore === undefined || refaultsAfter === undefined
      ? {}
      : { refaultsPerSecond: rate(refaultsAfter - refaultsBefore) }),
    ...(throttledBefore === undefined || throttledAfter === undefined
      ? {}
      : { throttledPercent: percent(throttledAfter - throttledBefore) }),
    memory: readMemoryLimit(after.group),
    ...(cpuLimit === undefined ? {} : { cpuLimit }),
  }
}

function compareWaits(before: Reading, after: Reading, percent: (ms: number) => number): Strain['waitedForCpu'] {
  const waits = [...after.waits].flatMap(([tid, { name, waitedNs }]) => {
    const earlier = before.waits.get(tid)
    const share = earlier === undefined ? 0 : percent((waitedNs - earlier.waitedNs) / 1e6)
    return share < worthPercent ? [] : [{ tid, name, percent: share }]
  })
  return waits.sort((a, b) => b.percent - a.percent).slice(0, 10)
}

/** `name value` lines. */
function counter(text: string | undefined, name: string): number | undefined {
  const value = text === undefined ? undefined : new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]
  return value === undefined ? undefined : Number(value)
}

function sumRefaults(group: ControlGroup | undefined): number | undefined {
  const text = group?.files['memory.stat']
  const found = ['workingset_refault', 'workingset_refault_file', 'workingset_refault_anon'].flatMap(
    (name) => counter(text, name) ?? [],
  )
  return found.length === 0 ? undefined : found.reduce((sum, value) => sum + value, 0)
}

/** Version 2 counts in µs, version 1 in ns. */
function throttledMs(group: ControlGroup | undefined): number | undefined {
  const text = group?.files['cpu.stat']
  const micro = counter(text, 'throttled_usec')
  const nano = counter(text, 'throttled_time')
  return micro !== undefined ? micro / 1e3 : nano !== undefined ? nano / 1e6 : undefined
}

function readCpuLimit(group: ControlGroup | undefined): number | undefined {
  const files = group?.files ?? {}
  const [quota, period] = files['cpu.max']?.split(' ') ?? [files['cpu.cfs_quota_us'], files['cpu.cfs_period_us']]
  const limit = Number(quota) / Number(period)
  return Number.isFinite(limit) && limit > 0 ? limit : undefined
}

/** Version 1 writes a number beyond any machine for no limit, version 2 a word. */
const noLimit = 2 ** 60

export function readMemoryLimit(group: ControlGroup | undefined): MemoryLimit {
  const files = group?.files ?? {}
  const bytes = Number(files['memory.current'] ?? files['memory.usage_in_bytes'])
  const limit = Number(files['memory.max'] ?? files['memory.limit_in_bytes'])
  const events = files['memory.events'] ?? files['memory.oom_control']
  const kills = counter(events, 'oom_kill')
  const failures = files['memory.failcnt']
  const hits = counter(events, 'max') ?? (failures === undefined ? undefined : Number(failures))
  return {
    ...(Number.isFinite(bytes) ? { bytes } : {}),
    ...(Number.isFinite(limit) && limit < noLimit ? { limitBytes: limit } : {}),
    ...(kills === undefined ? {} : { oomKills: kills }),
    ...(hits === undefined ? {} : { limitHits: hits }),
    isOutOfMemory: counter(events, 'under_oom') === 1,
  }
}
