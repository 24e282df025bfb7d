import { countProcesses } from './busiest-processes.js'
import { measureCpuLoad } from './cpu-load.js'
import type { Collector } from './exhibit.js'
import { hasServer, readMounts } from './mount.js'
import { parseFields, readText, valueOrReason } from './proc-file.js'

/** For each of systeminformation's calls: they start child processes, which a machine in trouble may not get to run. */
const callLimitMs = 1200

const memoryFields = [
  'MemTotal',
  'MemFree',
  'MemAvailable',
  'Buffers',
  'Cached',
  'SwapTotal',
  'SwapFree',
  'Dirty',
  'Writeback',
  'AnonPages',
  'Slab',
  'SUnreclaim',
  'CommitLimit',
  'Committed_AS',
]

const counters = [
  'pgmajfault',
  'pswpin',
  'pswpout',
  'oom_kill',
  'allocstall_normal',
  'pgscan_direct',
  'nr_dirty',
  'nr_writeback',
  'compact_stall',
  'workingset_refault_file',
]

/** Load, pressure and memory from /proc: quick, and no other process takes part. */
export const pressureCollector: Collector = {
  name: 'pressure',
  collect: async () => {
    const [load, cpu, memory, io] = await Promise.all(
      ['loadavg', 'pressure/cpu', 'pressure/memory', 'pressure/io'].map((name) => readText(`/proc/${name}`)),
    )
    const show = (reading: typeof load) => (reading === undefined ? '' : valueOrReason(reading).trim())
    return {
      kind: 'found',
      content: { loadAverage: show(load), cpu: show(cpu), memory: show(memory), io: show(io) },
    }
  },
}

/** The machine's memory, load by CPU, file systems and its ten busiest processes. */
export const vitalsCollector: Collector = {
  name: 'vitals',
  collect: async () => {
    const [memory, virtualMemory, measured] = await Promise.all([
      readText('/proc/meminfo'),
      readText('/proc/vmstat'),
      measure(),
    ])
    return {
      kind: 'found',
      content: {
        memory: memory.kind === 'read' ? parseFields(memory.value, memoryFields) : valueOrReason(memory),
        counters: virtualMemory.kind === 'read' ? parseCounters(virtualMemory.value) : valueOrReason(virtualMemory),
        ...measured,
      },
    }
  },
}

/** Loaded only here: it costs 35 ms and 10 MB, which a supervisor without a hang need not pay. */
async function measure(): Promise<Readonly<Record<string, unknown>>> {
  const { fsSize, mem } = (await import('systeminformation')).default
  // df waits for ever on these when their server is gone, so they are looked for before it is run.
  const mounts = await readMounts(process.pid)
  const remote = mounts.kind === 'read' && mounts.value.some(({ type }) => hasServer(type))
  const [load, usage, fileSystems, busiest] = await Promise.all([
    within(measureCpuLoad()),
    within(mem().then(({ total, available, swaptotal, swapused }) => ({ total, available, swaptotal, swapused }))),
    remote
      ? 'not measured: a file system with a server is mounted, and df would wait for its server'
      : within(fsSize().then((all) => all.slice(0, 20))),
    within(countProcesses()),
  ])
  return { load, usage, fileSystems, busiest }
}

function parseCounters(text: string): Record<string, string> {
  return parseFields(text.replaceAll(' ', ':'), counters)
}

async function within<T>(call: Promise<T>): Promise<T | string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(`not measured: not finished within ${callLimitMs} ms`), callLimitMs)
    call.then(resolve, (error: unknown) => resolve(`not measured: ${String(error)}`)).finally(() => clearTimeout(timer))
  })
}
