import { closeSync, constants, openSync, readdirSync, readSync, writeSync } from 'node:fs'
import { systemCode } from '../errors.js'
import { type Milliseconds, milliseconds } from '../time.js'
import type { ProcessState } from './platform.js'

/** What hangdog uses of /proc/PID/stat. */
export interface ProcessStat {
  readonly pid: number
  /** Name of the program's file, cut to 15 bytes by the kernel; may hold any byte, spaces and parentheses too. */
  readonly name: string
  readonly stateLetter: string
  readonly parent: number
  readonly group: number
  readonly session: number
  /** User and system time of all threads, also of those that ended. */
  readonly cpuTime: Milliseconds
  readonly threads: number
  /** Clock ticks since boot, as text; see ProcessIdentity. */
  readonly startTime: string
}

/** The kernel gives user space times in hundredths of a second on every architecture (USER_HZ). */
const tickMs = 10

/** Reads the one line of /proc/PID/stat; undefined when it does not look like one. */
export function parseStat(text: string): ProcessStat | undefined {
  // The name may itself hold ") R 1", so that only the last parenthesis ends it.
  const nameEnd = text.lastIndexOf(')')
  const nameStart = text.indexOf('(')
  if (nameStart < 0 || nameEnd < nameStart) return undefined
  const fields = text.slice(nameEnd + 2).split(' ')
  // Field 3 of proc(5) is at 0 here.
  const number = (field: number) => Number(fields[field - 3])
  const startTime = fields[22 - 3]
  const stateLetter = fields[0]
  if (startTime === undefined || stateLetter === undefined) return undefined
  return {
    pid: Number.parseInt(text, 10),
    name: text.slice(nameStart + 1, nameEnd),
    stateLetter,
    parent: number(4),
    group: number(5),
    session: number(6),
    cpuTime: milliseconds((number(14) + number(15)) * tickMs),
    threads: number(20),
    startTime,
  }
}

export function processState(letter: string): ProcessState {
  switch (letter) {
    case 'R':
      return 'running'
    case 'S':
    case 'I':
      return 'sleeping'
    case 'D':
      return 'uninterruptible'
    case 'T':
      return 'stopped'
    case 't':
      return 'traced'
    case 'Z':
    case 'X':
      return 'zombie'
    default:
      return 'unknown'
  }
}

/** Time spent waiting for a CPU, from the three numbers of a schedstat file; undefined when it is not one. */
export function parseRunQueueWait(text: string): Milliseconds | undefined {
  const nanoseconds = Number(text.split(' ', 2)[1])
  return Number.isFinite(nanoseconds) ? milliseconds(nanoseconds / 1e6) : undefined
}

export function parseTracerPid(status: string): number {
  const label = status.indexOf('TracerPid:')
  return label < 0 ? 0 : Number.parseInt(status.slice(label + 'TracerPid:'.length), 10) || 0
}

/** Total of the line `some` of a pressure file. */
export function parsePressure(text: string): Milliseconds | undefined {
  const match = /^some .*total=(\d+)/m.exec(text)
  return match === null ? undefined : milliseconds(Number(match[1]) / 1000)
}

/** Per CPU on average, from /proc/stat. */
export interface CpuAccount {
  readonly stolen: Milliseconds
  readonly accounted: Milliseconds
}

export function parseCpuAccount(text: string): CpuAccount | undefined {
  const columns = /^cpu +(.*)$/m.exec(text)?.[1]?.split(' ').map(Number)
  const cpus = text.match(/^cpu\d+ /gm)?.length ?? 0
  if (columns === undefined || columns.length < 8 || cpus === 0) return undefined
  // The two guest columns after the eighth are already part of user and nice.
  const ticks = columns.slice(0, 8).reduce((sum, column) => sum + column, 0)
  const perCpu = (count: number) => milliseconds((count * tickMs) / cpus)
  return { stolen: perCpu(columns[7] ?? 0), accounted: perCpu(ticks) }
}

// One buffer for all: the reads are synchronous, so none can meet another. Larger than any file read here but /proc/stat of a
// machine with hundreds of CPUs, whose first lines are all that is used.
const buffer = Buffer.allocUnsafe(64 * 1024)

/** Reads a small kernel file, cut to 64 KiB; undefined when it cannot be read. */
export function readKernelFile(path: string): string | undefined {
  try {
    return withDescriptor(() => readWhole(path))
  } catch {
    return undefined
  }
}

function readWhole(path: string): string {
  const fd = openSync(path, 'r')
  try {
    let length = 0
    // The kernel may hand out less than asked for; only an empty read is the end.
    for (;;) {
      const count = readSync(fd, buffer, length, buffer.length - length, null)
      length += count
      if (count === 0 || length === buffer.length) return buffer.toString('utf8', 0, length)
    }
  } finally {
    closeSync(fd)
  }
}

/** Numbers of all processes. @throws when /proc cannot be read: no list is no proof that nobody is left */
export function listProcesses(): readonly number[] {
  return withDescriptor(() => readdirSync('/proc'))
    .filter((entry) => /^\d/.test(entry))
    .map(Number)
}

/** Held back for when all descriptors are in use: a process that cannot be looked at must not count as gone. */
let spare: number | undefined = openSpare()

function openSpare(): number | undefined {
  try {
    return openSync('/dev/null', 'r')
  } catch {
    return undefined
  }
}

/** Runs a synchronous read, with the spare descriptor if there is no other. */
function withDescriptor<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    const isFull = systemCode(error) === 'EMFILE' || systemCode(error) === 'ENFILE'
    if (!isFull || spare === undefined) throw error
    closeSync(spare)
    try {
      return read()
    } finally {
      spare = openSpare()
    }
  }
}

/** Writes to a kernel file that exists; never makes one. Throws the system's error. */
export function writeKernelFile(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY)
  try {
    writeSync(fd, text)
  } finally {
    closeSync(fd)
  }
}

export function readStat(pid: number): ProcessStat | undefined {
  const text = readKernelFile(`/proc/${pid}/stat`)
  return text === undefined ? undefined : parseStat(text)
}
