import { readFileSync } from 'node:fs'
import { systemCode } from './errors.js'

/** A process, told apart from every other of this and earlier boots. */
export interface ProcessIdentity {
  readonly pid: number
  /** The system's stamp of when it started: field 22 of /proc/PID/stat. Empty where there is none, and then the pid alone counts. */
  readonly startTime: string
  /** Empty where the system has none. */
  readonly bootId: string
}

export function thisProcess(): ProcessIdentity {
  return identityOf(process.pid)
}

/** @param pid of a process that is known to live */
export function identityOf(pid: number): ProcessIdentity {
  return { pid, startTime: look(pid)?.startTime ?? '', bootId: readBootId() }
}

/**
 * Whether exactly this process is still there. What /proc does not show counts as alive while its pid is in use: whoever takes a live
 * process for a dead one does more harm than whoever waits for a dead one.
 */
export function isAlive({ pid, startTime, bootId }: ProcessIdentity): boolean {
  if (bootId !== readBootId()) return false
  const seen = look(pid)
  if (seen === undefined) return isInUse(pid)
  // A zombie does nothing any more.
  return !seen.isZombie && (startTime === '' || startTime === seen.startTime)
}

function readBootId(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

/** Undefined when there is no such process, or where it is not shown: no /proc, or one that hides what is not ours (hidepid). */
function look(pid: number): { readonly startTime: string; readonly isZombie: boolean } | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The command in the second field may hold spaces and brackets; the last bracket ends it. The third field comes next.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { startTime: fields[22 - 3] ?? '', isZombie: fields[0] === 'Z' }
}

function isInUse(pid: number): boolean {
  // Other numbers stand for groups of processes.
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It is there, and somebody else's.
    return systemCode(error) === 'EPERM'
  }
}

/** Only /proc is read like this: it answers from memory. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
