import { setTimeout as delay } from 'node:timers/promises'
import { parseFields, readText } from './proc-file.js'
import { parseSyscall } from './syscall-name.js'

/** How often the main thread is looked at, and how long between two looks, in ms. */
const looks = 5
const lookMs = 8

/** Waits in which Node answers its inspector all the same: the event loop's, and that of Atomics.wait. */
const answering = /^(?:epoll_|futex|io_uring)/

/** A system call in which the main thread of a Node process was seen asleep. */
export interface KernelCall {
  readonly name: string
  /** It did not come back from it between the first look and the last. */
  readonly stands: boolean
}

/**
 * The system call in which the main thread of a Node process is found asleep at any of some looks: a blocking read, a lock, a wait for a
 * child. A signal would break that call off, and Node makes an error of that which ends most programs: also one that reads on and on
 * and is only asleep most of the time. Undefined when it is not so, or not to be seen.
 */
export async function findKernelCall(pid: number): Promise<KernelCall | undefined> {
  const first = await readSleep(pid)
  let seen = first
  let last = first
  for (let look = 1; look < looks; look++) {
    await delay(lookMs)
    last = await readSleep(pid)
    seen ??= last
  }
  // A thread that woke in between has been switched to, whatever it does now.
  const stands = first !== undefined && last?.switches === first.switches && last.line === first.line
  return seen === undefined ? undefined : { name: seen.name, stands }
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
