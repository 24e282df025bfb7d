import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { OutputPass } from './output-pass.js'
import { OutputRing } from './output-ring.js'

/** The last words of one service. */
export interface ServiceOutput {
  lastLines(count: number): readonly string[]
  /** Both streams have ended and all of them was passed on or dropped. */
  readonly ended: boolean
}

/** Read back from the end of an output file. */
const fileTail = 64 * 1024

/** Nothing is remembered of output that does not come through hangdog. */
export const forgottenOutput: ServiceOutput = { lastLines: () => [], ended: true }

/** Remembers what the two streams of a service carry, and passes it on. */
export function passOutput(
  service: string,
  streams: readonly { readonly source: Readable; readonly pass: OutputPass }[],
): ServiceOutput {
  const ring = new OutputRing()
  let open = streams.length
  streams.forEach(({ source, pass }, index) => {
    source.on('data', (chunk: Buffer) => {
      ring.append(chunk, index)
      pass.write(service, chunk, source)
    })
    source.on('error', () => {})
    source.once('close', () => {
      open -= 1
    })
  })
  return {
    lastLines: (count) => ring.last(count),
    get ended() {
      return open === 0
    },
  }
}

/** The last lines of an output file, from its last 64 KiB. The one reading of a file here that can wait for a disk. */
export function fileOutput(path: string): ServiceOutput {
  return { lastLines: (count) => readLastLines(path, count), ended: true }
}

function readLastLines(path: string, count: number): readonly string[] {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return []
  }
  try {
    const size = fstatSync(fd).size
    const start = Math.max(0, size - fileTail)
    const tail = Buffer.alloc(Math.min(size, fileTail))
    const length = readSync(fd, tail, 0, tail.length, start)
    const lines = tail.toString('utf8', 0, length).split('\n')
    if (lines.at(-1) === '') lines.pop()
    // The first line is cut when the file is longer than what was read.
    if (start > 0) lines.shift()
    return count <= 0 ? [] : lines.slice(-count)
  } catch {
    return []
  } finally {
    closeSync(fd)
  }
}
