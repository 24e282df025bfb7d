import { open, readFile } from 'node:fs/promises'
import { type Reading, readWithin } from './proc-file.js'

/** What is read from a process's memory at once at most. */
const pieceLimit = 1 << 20

/**
 * Reads a piece of a process's memory. Shorter than asked for where the mapping ends. Needs the right to trace the process, and does
 * not stop it.
 * @param length in bytes, 1 MiB at most
 */
export function readMemory(pid: number, address: number, length: number): Promise<Reading<Buffer>> {
  return readWithin(async () => {
    const memory = await open(`/proc/${pid}/mem`, 'r')
    try {
      const size = Math.min(length, pieceLimit)
      const { buffer, bytesRead } = await memory.read(Buffer.alloc(size), 0, size, address)
      return buffer.subarray(0, bytesRead)
    } finally {
      await memory.close()
    }
  })
}

/** One line of /proc/PID/maps that is about a file. */
export interface MappedFile {
  readonly start: number
  readonly end: number
  readonly path: string
}

/** A large process has tens of thousands of mappings, and the kernel takes its time to write them down. */
const mapsLimitMs = 1000

/** The files mapped into a process, in the order of their addresses. */
export async function readMappedFiles(pid: number): Promise<Reading<readonly MappedFile[]>> {
  const maps = await readWithin(() => readFile(`/proc/${pid}/maps`, 'utf8'), mapsLimitMs)
  if (maps.kind === 'unreadable') return maps
  return { kind: 'read', value: maps.value.split('\n').flatMap(parseMapping) }
}

function parseMapping(line: string): readonly MappedFile[] {
  const match = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+\s+(\/.*)$/.exec(line)
  if (match === null) return []
  const [, start = '', end = '', path = ''] = match
  return [{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), path }]
}
