import { crc32 } from 'node:zlib'
import type { RecordedEvent } from './event.js'

/**
 * A line of the history: the event as JSON, with a CRC-32 of all before it as its last field. JSON alone shows a torn line, but not
 * a line whose bytes changed on the disk; with the checksum both are recognised, and the line stays plain JSON for other readers.
 */
export function encodeLine(event: RecordedEvent): string {
  const open = JSON.stringify(event).slice(0, -1)
  return `${open}${checksumField(crc32(open))}\n`
}

/** Reads a line without its newline; undefined when it is torn or damaged. */
export function decodeLine(line: Uint8Array): RecordedEvent | undefined {
  const openLength = line.length - checksumFieldLength
  if (openLength < 2) return undefined
  const open = line.subarray(0, openLength)
  const field = Buffer.from(line.buffer, line.byteOffset + openLength, checksumFieldLength).toString('latin1')
  if (field !== checksumField(crc32(open))) return undefined
  try {
    const value: unknown = JSON.parse(`${Buffer.from(open).toString('utf8')}}`)
    return isRecordedEvent(value) ? value : undefined
  } catch {
    return undefined
  }
}

function checksumField(sum: number): string {
  return `,"crc":"${sum.toString(16).padStart(8, '0')}"}`
}

const checksumFieldLength = checksumField(0).length

/** The checksum says that a hangdog wrote it; this says that it was a hangdog with this form of events. */
function isRecordedEvent(value: unknown): value is RecordedEvent {
  if (typeof value !== 'object' || value === null) return false
  const { time, id, name, level, message, parameters } = value as Partial<Record<keyof RecordedEvent, unknown>>
  return (
    typeof time === 'string' &&
    typeof id === 'number' &&
    typeof name === 'string' &&
    typeof level === 'string' &&
    typeof message === 'string' &&
    typeof parameters === 'object' &&
    parameters !== null
  )
}
