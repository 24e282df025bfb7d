import { open } from 'node:fs/promises'
import { type Reading, readWithin } from './proc-file.js'

const pageBytes = 4096

/** Longest path the kernel takes. */
const longestPath = 4096

/**
 * Reads a piece of a process's memory. Fewer bytes come back when a part is not mapped. Addresses beyond 2^53 - 1 are those of no
 * process and are refused.
 */
export function readMemory(pid: number, address: bigint, length: number): Promise<Reading<Buffer>> {
  if (address <= 0n || address > BigInt(Number.MAX_SAFE_INTEGER)) {
    return Promise.resolve({ kind: 'unreadable', reason: 'it is no address in the process' })
  }
  return readWithin(async () => {
    const memory = await open(`/proc/${pid}/mem`, 'r')
    try {
      const { buffer, bytesRead } = await memory.read(Buffer.alloc(length), 0, length, Number(address))
      return buffer.subarray(0, bytesRead)
    } finally {
      await memory.close()
    }
  })
}

/** Reads text that ends with a zero byte, as the kernel was given it. Cut at the end of what is mapped. */
export async function readMemoryText(pid: number, address: bigint): Promise<Reading<string>> {
  // Page by page: one that reaches beyond what is mapped would be refused as a whole.
  const first = pageBytes - Number(address % BigInt(pageBytes))
  const start = await readMemory(pid, address, first)
  if (start.kind === 'unreadable') return start
  let bytes = start.value
  if (!bytes.includes(0) && bytes.length === first) {
    const rest = await readMemory(pid, address + BigInt(first), longestPath - first)
    if (rest.kind === 'read') bytes = Buffer.concat([bytes, rest.value])
  }
  const end = bytes.indexOf(0)
  return { kind: 'read', value: bytes.subarray(0, end === -1 ? bytes.length : end).toString('utf8') }
}
