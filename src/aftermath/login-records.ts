import { systemCode } from '../errors.js'
import { readLastBytes } from './bounded-file.js'

/** A boot or an orderly end of the machine, as wtmp has it. */
export interface LoginRecord {
  readonly kind: 'boot' | 'shutdown'
  readonly at: Date
}

/** About 680 records. */
const bytesRead = 256 * 1024

const runLevel = 1
const bootTime = 2

/** Where glibc has the fields of a record: all but the time are the same everywhere. */
const userAt = 44
const userBytes = 32
const layouts = [
  // x86-64 and others that keep the form of 32-bit programs.
  { bytes: 384, secondsAt: 340 },
  // arm64 and others.
  { bytes: 400, secondsAt: 344 },
] as const

/** ut_type has no higher value. */
const largestType = 9

/**
 * Reads when the machine booted and was shut down in order, oldest first. Distributions that no longer keep wtmp have none.
 * @throws the system error
 */
export async function readLoginRecords(path: string): Promise<readonly LoginRecord[]> {
  try {
    const { data, skipped } = await readLastBytes(path, bytesRead)
    return parseLoginRecords(data, skipped)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/** @param skipped bytes of the file before the data, which tell where a record begins */
export function parseLoginRecords(data: Buffer, skipped = 0): readonly LoginRecord[] {
  for (const layout of layouts) {
    if ((data.length + skipped) % layout.bytes !== 0) continue
    const records = parseAs(data.subarray((layout.bytes - (skipped % layout.bytes)) % layout.bytes), layout)
    if (records !== undefined) return records
  }
  return []
}

/** Undefined when it does not look like records of that form. */
function parseAs(data: Buffer, { bytes, secondsAt }: (typeof layouts)[number]): readonly LoginRecord[] | undefined {
  const found: LoginRecord[] = []
  for (let at = 0; at + bytes <= data.length; at += bytes) {
    const type = data.readInt16LE(at)
    if (type < 0 || type > largestType) return undefined
    const user = data.toString('latin1', at + userAt, at + userAt + userBytes).replace(/\0.*$/s, '')
    const when = new Date(data.readUInt32LE(at + secondsAt) * 1000)
    if (type === bootTime) found.push({ kind: 'boot', at: when })
    if (type === runLevel && user === 'shutdown') found.push({ kind: 'shutdown', at: when })
  }
  return found
}
