import { readFileSync } from 'node:fs'

/** The hangdog that wrote an incident, told apart from every other process of this and earlier boots. */
export interface Writer {
  readonly pid: number
  /** Field 22 of /proc/PID/stat; empty where there is none. */
  readonly startTime: string
  /** Empty where the system has none. */
  readonly bootId: string
}

export function thisWriter(): Writer {
  return { pid: process.pid, startTime: readStartTime(process.pid) ?? '', bootId: readBootId() }
}

/** Whether the writer is this process or another hangdog that is still running. */
export function isAlive(writer: Writer): boolean {
  if (writer.bootId !== readBootId()) return false
  if (writer.startTime !== '') return readStartTime(writer.pid) === writer.startTime
  try {
    process.kill(writer.pid, 0)
    return true
  } catch {
    return false
  }
}

function readBootId(): string {
  return read('/proc/sys/kernel/random/boot_id')?.trim() ?? ''
}

function readStartTime(pid: number): string | undefined {
  // The command in the second field may hold spaces and brackets; the last bracket ends it. The third field comes next.
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  // A zombie writes no more.
  return fields?.[0] === 'Z' ? undefined : fields?.[22 - 3]
}

/** Only /proc is read like this: it answers from memory. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
