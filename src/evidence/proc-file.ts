import { opendir, readdir, readFile, readlink, stat } from 'node:fs/promises'
import { describeError, systemCode } from '../errors.js'

/** A reading of /proc that may fail, with the reason. */
export type Reading<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'unreadable'; readonly reason: string }

/**
 * How many readings run at once. libuv's pool has four threads and the event history needs them too; a reading that the kernel
 * holds keeps its place here for as long, so that at most this many threads are ever lost.
 */
const places = 2

/** How long one reading may take, its wait for a place included. */
const readingLimitMs = 300

let taken = 0
const waiting: (() => void)[] = []

/**
 * Runs a reading that the kernel may hold for ever: the command line and memory of a process whose memory map is locked, a
 * descriptor on a dead network file system. Never rejects.
 */
export function readWithin<T>(read: () => Promise<T>, limitMs = readingLimitMs): Promise<Reading<T>> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      // While all places are lost nobody else would take it from the queue, which would grow with each capture.
      const at = waiting.indexOf(start)
      if (at !== -1) waiting.splice(at, 1)
      resolve({ kind: 'unreadable', reason: `the kernel did not answer within ${limitMs} ms` })
    }, limitMs)
    const start = () => {
      taken++
      read()
        .then(
          (value) => resolve({ kind: 'read', value }),
          (error: unknown) => resolve({ kind: 'unreadable', reason: explain(error) }),
        )
        .finally(() => {
          clearTimeout(timer)
          taken--
          nextReading()
        })
    }
    if (taken < places) start()
    else waiting.push(start)
  })
}

export function readText(path: string): Promise<Reading<string>> {
  return readWithin(() => readFile(path, 'utf8'))
}

export function readTarget(path: string): Promise<Reading<string>> {
  return readWithin(() => readlink(path))
}

export function listNames(path: string): Promise<Reading<readonly string[]>> {
  return readWithin(() => readdir(path))
}

/** The first names of a directory that may have a great many. */
export function listFirstNames(path: string, limit: number): Promise<Reading<readonly string[]>> {
  return readWithin(async () => {
    const names: string[] = []
    for await (const { name } of await opendir(path, { bufferSize: Math.min(limit, 256) })) {
      names.push(name)
      if (names.length >= limit) break
    }
    return names
  })
}

/** What kind of file it is, following links. */
export function readFileKind(path: string): Promise<Reading<string>> {
  return readWithin(async () => {
    const status = await stat(path)
    if (status.isFIFO()) return 'FIFO'
    if (status.isSocket()) return 'socket'
    if (status.isDirectory()) return 'directory'
    return status.isFile() ? 'file' : 'device'
  })
}

/** The value, or the reason in words, for exhibits that show either. */
export function valueOrReason<T>(reading: Reading<T>): T | string {
  return reading.kind === 'read' ? reading.value : `not read: ${reading.reason}`
}

/** Reads `Name:<tab>value` lines, as in /proc/PID/status and /proc/meminfo. */
export function parseFields(text: string, names?: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    if (colon > 0 && (names === undefined || names.includes(name))) fields[name] = line.slice(colon + 1).trim()
  }
  return fields
}

function nextReading(): void {
  if (taken < places) waiting.shift()?.()
}

function explain(error: unknown): string {
  switch (systemCode(error)) {
    case 'ENOENT':
    case 'ESRCH':
      return 'it no longer exists'
    case 'EACCES':
    case 'EPERM':
      return 'not permitted; it needs the rights to trace the process'
    default:
      return describeError(error)
  }
}
