import { type FileHandle, open } from 'node:fs/promises'
import { describeError, HangdogError, systemCode } from '../errors.js'
import type { RecordedEvent } from './event.js'
import { longestLine } from './history-appender.js'
import { decodeLine } from './history-line.js'

/** A history file being read: where it is up to, and how many damaged lines it had. */
export interface LineCursor {
  readonly file: FileHandle
  /** The next line starts here. */
  position: number
  damaged: number
}

/**
 * Opens a file at its start; undefined when it is gone by now.
 * @throws HangdogError `permission` or `data`
 */
export async function openCursor(path: string): Promise<LineCursor | undefined> {
  try {
    return { file: await open(path, 'r'), position: 0, damaged: 0 }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw readingFailed(path, error)
  }
}

export function readingFailed(path: string, error: unknown): HangdogError {
  const denied = ['EACCES', 'EPERM'].includes(systemCode(error) ?? '')
  return new HangdogError(
    denied ? 'permission' : 'data',
    `cannot read the event history "${path}": ${describeError(error)}`,
    error,
  )
}

const newline = 0x0a
const chunkBytes = 64 * 1024

/**
 * The events from the cursor's position to the present end of the file, in the order they were written. Damaged lines are skipped
 * and counted. A last line without a newline is an event if it is whole; if it is not, it counts as damaged with `final`, and is
 * otherwise left for the next call, because it may be in the middle of being written.
 */
export async function* readLines(cursor: LineCursor, final: boolean): AsyncGenerator<RecordedEvent> {
  const chunk = Buffer.alloc(chunkBytes)
  let rest: Buffer = Buffer.alloc(0)
  let readTo = cursor.position
  for (;;) {
    const { bytesRead } = await cursor.file.read(chunk, 0, chunkBytes, readTo)
    if (bytesRead === 0) break
    readTo += bytesRead
    const data = Buffer.concat([rest, chunk.subarray(0, bytesRead)])
    let start = 0
    for (let end = data.indexOf(newline); end !== -1; end = data.indexOf(newline, start)) {
      const event = take(cursor, data.subarray(start, end))
      cursor.position += end + 1 - start
      start = end + 1
      if (event !== undefined) yield event
    }
    rest = data.subarray(start)
    if (rest.length > longestLine) rest = skip(cursor, rest)
  }
  if (rest.length === 0) return
  const event = decodeLine(rest)
  if (event === undefined && !final) return
  cursor.position += rest.length
  if (event === undefined) cursor.damaged += 1
  else yield event
}

function take(cursor: LineCursor, line: Buffer): RecordedEvent | undefined {
  // Empty: the newline that ends a line which was taken without it.
  if (line.length === 0) return undefined
  const event = decodeLine(line)
  if (event === undefined) cursor.damaged += 1
  return event
}

/** Gives up all but the end of a line that is too long, so that a file without newlines is not read into memory as a whole. */
function skip(cursor: LineCursor, rest: Buffer): Buffer {
  const kept = rest.subarray(-1)
  cursor.position += rest.length - kept.length
  return kept
}
