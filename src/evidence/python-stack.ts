import { setTimeout as delay } from 'node:timers/promises'
import { runCommand } from '../platform/command.js'
import type { ProcessIdentity } from '../platform/platform.js'
import type { Collector, Finding } from './exhibit.js'
import type { Signaller } from './inspector-port.js'
import { debuggerArguments, findAttachRefusal, selectReason, undoStopSoon } from './native-stack.js'
import { readFileKind } from './proc-file.js'
import { toRecord } from './protocol-channel.js'
import { readClientStacks } from './python-client.js'
import { type PythonThread, parsePythonDump } from './python-dump.js'
import { findThreadNumbers, readLockWaits } from './python-thread.js'
import { readRuntime } from './runtime.js'
import { compareCpuTimes, readCpuTimes } from './thread-cpu.js'

/** Left of the limit for ending the debugger and looking after the service. */
const marginMs = 150

/** Over less than this the CPU time of a thread says little, in ms. */
const cpuWindowMs = 150

/** Lines kept of the stacks. */
const lineLimit = 1500

/** Frames kept of one thread in the part that is for programs. */
const frameLimit = 40

/** A thread with what it was doing. */
export interface ObservedThread extends PythonThread {
  /** It waits without a limit for a lock or a condition; absent when that is not known. */
  readonly inLock?: boolean
  /** Of one CPU, while the stacks were taken. */
  readonly cpuPercent?: number
}

/** What the exhibit `python-stack` holds. */
export interface PythonStack {
  /** `faulthandler`: by the client of hangdog. */
  readonly tool: 'faulthandler' | 'gdb'
  /** Of the process, which is the number of its main thread. */
  readonly pid: number
  readonly threads: readonly ObservedThread[]
  readonly stacks: readonly string[]
}

/** Whether an exhibit's content is that of this collector. */
export function isPythonStack(content: unknown): content is PythonStack {
  const { tool, threads } = toRecord(content)
  return (tool === 'faulthandler' || tool === 'gdb') && Array.isArray(threads)
}

/**
 * Takes the stacks of a Python service: by faulthandler where the service uses hangdog's client, which answers in some milliseconds
 * and stops nothing; else by gdb with the Python support of its packages, which needs debugging data and takes a second or two.
 * @param gdbAllowed whether a debugger may be attached
 */
export function createPythonStackCollector(platform: Signaller, gdbAllowed: boolean): Collector {
  return {
    name: 'python-stack',
    collect: async ({ subject }, limit, cutOff) => {
      const { pid } = subject
      const patience = Math.max(1, limit - marginMs)
      const [cpuBefore, waits] = await Promise.all([readCpuTimes(pid), readLockWaits(pid)])
      const client = await readClientStacks(subject, platform, patience / 3, cutOff)
      if (client.kind === 'read') {
        const threads = await findThreadNumbers(pid, parsePythonDump(client.lines), new Set(waits.keys()))
        await delay(Math.max(0, Math.min(cpuWindowMs, patience) - (performance.now() - cpuBefore.atMs)))
        const shares = compareCpuTimes(cpuBefore, await readCpuTimes(pid))
        return toFinding('faulthandler', threads, client.lines, { pid, waits, shares })
      }
      if (!gdbAllowed) return { kind: 'missing', reason: client.kind === 'failed' ? client.reason : withoutClient }
      await delay(Math.min(cpuWindowMs, patience / 4))
      const shares = compareCpuTimes(cpuBefore, await readCpuTimes(pid))
      const timeoutMs = Math.max(1, patience - (performance.now() - cpuBefore.atMs))
      return runDebugger(subject, platform, timeoutMs, { pid, waits, shares })
    },
  }
}

const withoutClient = 'the service does not use the client hangdog.py, and no debugger may be attached'

interface Readings {
  readonly pid: number
  readonly waits: ReadonlyMap<number, boolean>
  readonly shares: ReadonlyMap<number, number>
}

async function runDebugger(
  identity: ProcessIdentity,
  platform: Signaller,
  timeoutMs: number,
  readings: Readings,
): Promise<Finding> {
  const { pid } = identity
  const refusal = await findAttachRefusal(pid)
  if (refusal !== undefined) return missing(refusal)
  const support = await findSupport(pid)
  if (support.kind === 'absent') return missing(support.reason)
  const commands = [`source ${support.file}`, 'thread apply all py-bt', 'detach']
  const args = [...debuggerArguments, '-p', String(pid), ...commands.flatMap((command) => ['-ex', command])]
  const result = await runCommand({ command: 'gdb', args, timeoutMs })
  await undoStopSoon(identity, platform)
  if (result.kind === 'not-started') {
    return missing(`gdb could not be started (${result.error}); install the package gdb, or use the client hangdog.py`)
  }
  const lines = result.stdout.split('\n')
  const start = lines.findIndex((line) => /^Thread \d+ \(/.test(line))
  const stacks = start === -1 ? [] : lines.slice(start).filter((line) => line !== '' && !line.startsWith('[Inferior '))
  const threads = parsePythonDump(stacks)
  if (threads.some(({ frames }) => frames.length > 0)) return toFinding('gdb', threads, stacks, readings)
  if (result.kind === 'timed-out') return missing('gdb did not finish in time and was killed')
  if (/Unable to locate python frame/i.test(result.stdout)) {
    return missing('gdb found no Python frames: the debugging data of this Python is not installed')
  }
  return missing(`gdb gave no Python stack: ${selectReason(result.stderr)}`)
}

/** Where distributions put CPython's own support for gdb. Nothing is loaded from a directory of the service. */
async function findSupport(
  pid: number,
): Promise<{ readonly kind: 'found'; readonly file: string } | { readonly kind: 'absent'; readonly reason: string }> {
  const runtime = await readRuntime(pid)
  const version = runtime.kind === 'python' ? runtime.version : ''
  const folder = '/usr/share/gdb/auto-load/usr'
  for (const name of [`bin/python${version}-gdb.py`, `lib64/libpython${version}.so.1.0-gdb.py`]) {
    const kind = await readFileKind(`${folder}/${name}`)
    if (kind.kind === 'read' && kind.value === 'file') return { kind: 'found', file: `${folder}/${name}` }
  }
  const reason = `neither does the service use the client hangdog.py nor is gdb's support for Python ${version} installed (Debian: python${version}-dbg)`
  return { kind: 'absent', reason }
}

function toFinding(
  tool: PythonStack['tool'],
  threads: readonly PythonThread[],
  lines: readonly string[],
  { pid, waits, shares }: Readings,
): Finding {
  if (!threads.some(({ frames }) => frames.length > 0)) return missing('its stacks cannot be read')
  const observed = threads.map((thread): ObservedThread => {
    const inLock = waits.get(thread.tid ?? 0)
    const share = shares.get(thread.tid ?? 0)
    return {
      ...thread,
      frames: thread.frames.slice(0, frameLimit),
      ...(inLock === undefined ? {} : { inLock }),
      ...(share === undefined ? {} : { cpuPercent: Math.round(share) }),
    }
  })
  const stacks = lines.filter((line) => line !== '').slice(0, lineLimit)
  return { kind: 'found', content: { tool, pid, threads: observed, stacks } satisfies PythonStack }
}

function missing(reason: string): Finding {
  return { kind: 'missing', reason }
}
