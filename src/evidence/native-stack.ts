import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { runCommand } from '../platform/command.js'
import type { ProcessIdentity } from '../platform/platform.js'
import type { Collector, Finding } from './exhibit.js'
import type { Signaller } from './inspector-port.js'
import { listNames, parseFields, readText, readWithin } from './proc-file.js'
import { within } from './settleable.js'

/** Kept of the stacks, in characters. */
const textLimit = 60_000

/** Left of the limit for ending the debugger and looking after the service. */
const marginMs = 150

/** No symbols from the network, no scripts of the service's directory, and no argument values: they may hold secrets. */
export const debuggerArguments = [
  '-batch',
  '-nx',
  '-iex',
  'set debuginfod enabled off',
  '-iex',
  'set auto-load off',
  '-iex',
  'set print frame-arguments none',
]

/**
 * Takes the stacks of all threads with gdb, or eu-stack where gdb is not installed. The service stands still meanwhile.
 *
 * When the debugger is killed half-way, the kernel detaches it and the service goes on by itself. One case is different: attaching
 * begins with a SIGSTOP, and a thread that has not taken it yet (in state D) stops when it gets to it, with no tracer left to let
 * it go on. So nothing is attached to such a thread, and afterwards a stop that was left behind is taken back.
 */
export function createNativeStackCollector(platform: Signaller): Collector {
  return {
    name: 'native-stack',
    collect: async (request, limit) => {
      const identity = request.subject
      const refusal = await findAttachRefusal(identity.pid)
      if (refusal !== undefined) return { kind: 'missing', reason: refusal }
      const finding = await runDebugger(identity.pid, Math.max(1, limit - marginMs))
      await undoStopSoon(identity, platform)
      return finding
    },
  }
}

async function runDebugger(pid: number, timeoutMs: number): Promise<Finding> {
  const end = performance.now() + timeoutMs
  const gdb = await runCommand({
    command: 'gdb',
    args: [...debuggerArguments, '-p', String(pid), '-ex', 'thread apply all bt 40', '-ex', 'detach'],
    timeoutMs,
  })
  if (gdb.kind !== 'not-started') return toFinding('gdb', gdb)
  const left = Math.max(1, end - performance.now())
  const stack = await runCommand({ command: 'eu-stack', args: ['-n', '40', '-p', String(pid)], timeoutMs: left })
  if (stack.kind !== 'not-started') return toFinding('eu-stack', stack)
  return {
    kind: 'missing',
    reason: `neither gdb (${gdb.error}) nor eu-stack (${stack.error}) could be started; install the package gdb or elfutils`,
  }
}

type Ran = Exclude<Awaited<ReturnType<typeof runCommand>>, { kind: 'not-started' }>

function toFinding(tool: string, result: Ran): Finding {
  const text = result.stdout.slice(0, textLimit)
  if (result.kind === 'timed-out') return { kind: 'missing', reason: `${tool} did not finish in time and was killed` }
  if (!/^#0 /m.test(text)) {
    return { kind: 'missing', reason: `${tool} gave no stack: ${selectReason(result.stderr)}` }
  }
  return { kind: 'found', content: { tool, stacks: selectStacks(text).split('\n') } }
}

/** What the system said against it comes before what the debugger makes of it. */
export function selectReason(stderr: string): string {
  const lines = stderr.trim().split('\n')
  return lines.find((line) => line.startsWith('ptrace: ')) ?? lines.at(-1) ?? ''
}

/** From the first thread on: what comes before is the loading of symbols. */
function selectStacks(text: string): string {
  const start = text.search(/^(Thread \d+|PID \d+|TID \d+)/m)
  return text.slice(start === -1 ? 0 : start).trim()
}

/** Why no debugger may be attached, if none may. */
export async function findAttachRefusal(pid: number): Promise<string | undefined> {
  const status = await readText(`/proc/${pid}/status`)
  if (status.kind === 'unreadable') return `cannot read its state: ${status.reason}`
  const fields = parseFields(status.value, ['State', 'TracerPid'])
  if (fields.TracerPid !== '0') return `process ${fields.TracerPid} traces it already`
  if (/^[TZ]/.test(fields.State ?? '')) return `it is in state ${fields.State}`
  const blocked = await findUninterruptible(pid)
  return blocked === undefined
    ? undefined
    : `thread ${blocked} is in state D: a debugger could not attach, and would leave a stop behind`
}

async function findUninterruptible(pid: number): Promise<string | undefined> {
  const names = await listNames(`/proc/${pid}/task`)
  for (const tid of names.kind === 'read' ? names.value.slice(0, 512) : []) {
    const stat = await readText(`/proc/${pid}/task/${tid}/stat`)
    if (stat.kind === 'read' && stat.value.charAt(stat.value.lastIndexOf(')') + 2) === 'D') return tid
  }
  return undefined
}

/** SIGSTOP is 19; bit 18 of the masks. */
const sigstopBit = 1n << 18n

/** How long a debugger that was killed may take to be gone, in ms: its memory is given back first, and it is the tracer until then. */
const goneMs = 2000
const pollMs = 10

/** Of the time of a collector, for taking back a stop; the rest of it happens while the finding is used. */
const undoMs = 100

/** When it is looked again, in ms: one that was killed within its call to attach ends that call first, on a loaded machine much later. */
const laterLooks = [50, 200, 750, 2000]

/** Takes back a stop, and does not wait for that long. See `undoStop`. */
export async function undoStopSoon(identity: ProcessIdentity, platform: Signaller): Promise<void> {
  const looking = async (): Promise<void> => {
    await undoStop(identity, platform)
    for (const pause of laterLooks) {
      await delay(pause, undefined, { ref: false })
      await undoStop(identity, platform)
    }
  }
  await within(looking(), undoMs)
}

/**
 * Takes back a stop that a killed debugger left, pending or done, in a process that was running before. The stop belongs to one thread:
 * it is pending in a thread that was in state D when it was attached to, and stops all of them when that comes back, hours later maybe.
 * SIGCONT drops a pending SIGSTOP of any thread and ends a stop; to a process that is only traced it would be the wrong means, so nothing
 * is done while there is a tracer. Never rejects.
 */
export async function undoStop(identity: ProcessIdentity, platform: Signaller): Promise<boolean> {
  const { pid } = identity
  const end = performance.now() + goneMs
  for (;;) {
    const status = await readText(`/proc/${pid}/status`)
    if (status.kind === 'unreadable') return false
    const { State = '', TracerPid } = parseFields(status.value, ['State', 'TracerPid'])
    if (TracerPid === '0') {
      if (!State.startsWith('T') && !(await hasPendingStop(pid))) return false
      return platform.signal(identity, 'SIGCONT').kind === 'sent'
    }
    if (performance.now() > end) return false
    await delay(pollMs)
  }
}

/** For all threads together, in ms: one reading, which does not wait for its turn at each of them. */
const threadsLimitMs = 1000

async function hasPendingStop(pid: number): Promise<boolean> {
  const pending = await readWithin(async () => {
    for (const tid of await readdir(`/proc/${pid}/task`)) {
      const status = await readFile(`/proc/${pid}/task/${tid}/status`, 'utf8').catch(() => '')
      const { SigPnd = '0', ShdPnd = '0' } = parseFields(status, ['SigPnd', 'ShdPnd'])
      if (((BigInt(`0x${SigPnd}`) | BigInt(`0x${ShdPnd}`)) & sigstopBit) !== 0n) return true
    }
    return false
  }, threadsLimitMs)
  // SIGCONT does nothing to a process that runs; a stop that nobody takes back is the end of it.
  return pending.kind === 'unreadable' || pending.value
}
