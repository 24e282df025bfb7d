import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { readWithin } from './proc-file.js'

/** Between the two looks, in ms. CPU time is counted in ticks of 10 ms. */
const spanMs = 100

/** How long one look may take. What was not reached by then is left out. */
const lookMs = 200

/** Processes looked at, and those shown. */
const processLimit = 2000
const shownLimit = 10

/** Of the kernel's clock that CPU time is shown in: USER_HZ, on every architecture Node is built for. */
const tickMs = 10

const pageKiB = 4

/** What the processes of the machine did while they were looked at. */
export interface ProcessCensus {
  readonly all: number
  readonly running: number
  /** In state D. */
  readonly blocked: number
  readonly top: readonly {
    readonly pid: number
    readonly name: string
    readonly cpuPercent: number
    readonly rssKiB: number
    readonly state: string
  }[]
}

/**
 * Looks twice at all processes, and says which used the CPU most in between. systeminformation runs `ps`, and `cat` with one argument for
 * each process: a machine in trouble may not get to run either.
 * @throws Error when /proc cannot be read
 */
export async function countProcesses(): Promise<ProcessCensus> {
  const before = await look()
  const start = performance.now()
  await delay(spanMs)
  const after = await look()
  const span = performance.now() - start
  const processes = [...after.values()].map((process) => {
    const ticks = process.ticks - (before.get(process.pid)?.ticks ?? process.ticks)
    return { ...process, cpuPercent: Math.round(((ticks * tickMs) / span) * 1000) / 10 }
  })
  const sorted = processes.sort((a, b) => b.cpuPercent - a.cpuPercent || b.rssKiB - a.rssKiB)
  return {
    all: processes.length,
    running: processes.filter(({ state }) => state === 'R').length,
    blocked: processes.filter(({ state }) => state === 'D').length,
    top: sorted.slice(0, shownLimit).map(({ ticks: _ticks, ...shown }) => shown),
  }
}

interface Seen {
  readonly pid: number
  readonly name: string
  readonly state: string
  readonly ticks: number
  readonly rssKiB: number
}

async function look(): Promise<ReadonlyMap<number, Seen>> {
  const end = performance.now() + lookMs
  const seen = new Map<number, Seen>()
  const reading = await readWithin(async () => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).slice(0, processLimit)
    for (const pid of pids) {
      if (performance.now() > end) break
      const process = parseStat(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ''))
      if (process !== undefined) seen.set(process.pid, process)
    }
  })
  if (reading.kind === 'unreadable' && seen.size === 0) throw new Error(reading.reason)
  return seen
}

/** Reads a line of /proc/PID/stat; undefined for a process that has ended meanwhile. */
export function parseStat(line: string): Seen | undefined {
  const nameEnd = line.lastIndexOf(')')
  const nameStart = line.indexOf('(')
  if (nameStart === -1 || nameEnd === -1) return undefined
  const fields = line.slice(nameEnd + 2).split(' ')
  return {
    pid: Number(line.slice(0, nameStart)),
    name: line.slice(nameStart + 1, nameEnd),
    state: fields[0] ?? '',
    ticks: Number(fields[11]) + Number(fields[12]),
    rssKiB: Number(fields[21]) * pageKiB,
  }
}
