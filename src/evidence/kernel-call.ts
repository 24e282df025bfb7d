import { setTimeout as delay } from 'node:timers/promises'
import { parseFields, readText } from './proc-file.js'
import { parseSyscall } from './syscall-name.js'

/** Between two looks at the main thread, in ms. */
const lookMs = 30

/** Waits in which Node answers its inspector all the same: the event loop's, and that of Atomics.wait. */
const answering = /^(?:epoll_|futex|io_uring)/

/**
 * The system call in which the main thread of a Node process has been asleep all the time between two looks: a blocking read, a lock, a
 * wait for a child. It cannot serve its inspector then, and a signal would only disturb that call. Undefined when it is not so, or not
 * to be seen.
 */
export async function findKernelCall(pid: number): Promise<string | undefined> {
  const before = await readSleep(pid)
  if (before === undefined) return undefined
  await delay(lookMs)
  const after = await readSleep(pid)
  // A thread that woke in between has been switched to, whatever it does now.
  return after?.switches === before.switches && after.line === before.line ? before.name : undefined
}

interface Sleep {
  readonly name: string
  readonly line: string
  readonly switches: string
}

async function readSleep(pid: number): Promise<Sleep | undefined> {
  const folder = `/proc/${pid}/task/${pid}`
  const [status, line] = await Promise.all([readText(`${folder}/status`), readText(`${folder}/syscall`)])
  if (status.kind === 'unreadable' || line.kind === 'unreadable') return undefined
  const fields = parseFields(status.value, ['State', 'voluntary_ctxt_switches', 'nonvoluntary_ctxt_switches'])
  const call = parseSyscall(line.value, process.arch)
  if (call?.kind !== 'call' || !(fields.State ?? '').startsWith('S') || answering.test(call.name)) return undefined
  const switches = `${fields.voluntary_ctxt_switches} ${fields.nonvoluntary_ctxt_switches}`
  return { name: `${call.name}()`, line: line.value, switches }
}
