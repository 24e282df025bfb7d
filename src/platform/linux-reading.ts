import { readdirSync } from 'node:fs'
import { longer, type Milliseconds, milliseconds } from '../time.js'
import { type CgroupMounts, isFrozen } from './linux-cgroup.js'
import {
  parseCpuAccount,
  parsePressure,
  parseRunQueueWait,
  parseTracerPid,
  processState,
  readKernelFile,
  readStat,
} from './linux-proc.js'
import type { MachineReading, ProcessIdentity, ProcessReading } from './platform.js'

/**
 * Threads whose wait for a CPU is read. A service with more than these is either starved in these too or not starved at all,
 * and the reading is on the way to the verdict: each costs some microseconds.
 */
const threadsRead = 64

/** Reads a process from /proc only; see Platform.readProcess. A zombie without other threads has ended, so it is gone. */
export function readLinuxProcess(identity: ProcessIdentity, mounts: CgroupMounts): ProcessReading {
  const { pid } = identity
  const stat = readStat(pid)
  if (stat === undefined || stat.startTime !== identity.startTime) return { kind: 'gone' }
  const state = processState(stat.stateLetter)
  if (state === 'zombie' && stat.threads <= 1) return { kind: 'gone' }
  const runQueueWait = readRunQueueWait(pid)
  const waitChannel = readKernelFile(`/proc/${pid}/wchan`)
  return {
    kind: 'alive',
    state,
    threads: stat.threads,
    cpuTime: stat.cpuTime,
    ...(runQueueWait === undefined ? {} : { runQueueWait }),
    tracerPid: parseTracerPid(readKernelFile(`/proc/${pid}/status`) ?? ''),
    frozen: isFrozen(mounts, pid),
    // The kernel writes 0 for a process that runs, and for one that may not be looked at.
    ...(waitChannel === undefined || waitChannel === '0' || waitChannel === '' ? {} : { waitChannel }),
  }
}

function readRunQueueWait(pid: number): Milliseconds | undefined {
  let longest: Milliseconds | undefined
  for (const thread of listThreads(pid).slice(0, threadsRead)) {
    const text = readKernelFile(`/proc/${pid}/task/${thread}/schedstat`)
    const wait = text === undefined ? undefined : parseRunQueueWait(text)
    if (wait !== undefined) longest = longest === undefined ? wait : longer(longest, wait)
  }
  return longest
}

function listThreads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** Makes the reader of the machine's clocks; see Platform.readMachine. */
export function createMachineReader(): () => MachineReading {
  // In a time namespace the two clocks have offsets of their own and their difference may start below zero; only its growth counts.
  const base = Math.min(0, uptimeAhead() ?? 0)
  return () => {
    const ahead = uptimeAhead()
    const cpuPressure = parsePressure(readKernelFile('/proc/pressure/cpu') ?? '')
    const account = parseCpuAccount(readKernelFile('/proc/stat') ?? '')
    return {
      // The uptime is cut to hundredths of a second, so that the difference may be a little below its true value.
      ...(ahead === undefined ? {} : { suspended: milliseconds(Math.max(0, ahead - base)) }),
      ...(cpuPressure === undefined ? {} : { cpuPressure }),
      ...account,
    }
  }
}

/** Time since boot with suspend, minus the monotonic clock, in ms. */
function uptimeAhead(): number | undefined {
  const uptime = Number.parseFloat(readKernelFile('/proc/uptime') ?? '')
  return Number.isNaN(uptime) ? undefined : uptime * 1000 - Number(process.hrtime.bigint()) / 1e6
}
