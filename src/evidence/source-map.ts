import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { readWithin } from './proc-file.js'
import { within } from './settleable.js'

/** A place in a script, as V8 counts: from 0. */
export interface Position {
  readonly line: number
  readonly column: number
}

/** A place in the text that the script was made from. */
export interface Original extends Position {
  readonly source: string
}

/** Which places of a script to look up in its map. */
export interface MapQuestion {
  readonly text: string
  readonly positions: readonly Position[]
}

/** Where a script says that its map is. */
export interface MapReference {
  readonly scriptUrl: string
  /** A path or URL relative to the script, or the map itself as a `data:` URL. */
  readonly mapUrl: string
}

export type MapText =
  | { readonly kind: 'read'; readonly text: string; readonly base: string }
  | { readonly kind: 'unreadable'; readonly reason: string }

/** Longest map that is read, in bytes or characters. */
const longestMap = 12 * 1024 * 1024

/**
 * Reads the map of a script: from the `data:` URL, or from a file as the service sees it. Never from a network. What may be any file is
 * opened without waiting, and only its positions are ever shown.
 */
export async function readMapText(pid: number, { scriptUrl, mapUrl }: MapReference): Promise<MapText> {
  if (mapUrl.length > longestMap) return unreadable('its source map is too long')
  if (mapUrl.startsWith('data:')) return { kind: 'read', text: mapUrl, base: scriptUrl }
  const url = URL.canParse(mapUrl, scriptUrl) ? new URL(mapUrl, scriptUrl) : undefined
  if (url?.protocol !== 'file:' || url.host !== '') return unreadable('its source map is not in a file')
  const reading = await readWithin(() => readPlainFile(`/proc/${pid}/root${fileURLToPath(url)}`))
  return reading.kind === 'read'
    ? { kind: 'read', text: reading.value, base: url.href }
    : unreadable(`its source map was not read: ${reading.reason}`)
}

async function readPlainFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = await file.stat()
    if (!status.isFile()) throw new Error('it is no plain file')
    if (status.size > longestMap) throw new Error(`it is longer than ${longestMap} bytes`)
    const buffer = Buffer.alloc(status.size)
    const { bytesRead } = await file.read(buffer, 0, status.size, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

function unreadable(reason: string): MapText {
  return { kind: 'unreadable', reason }
}

/** Memory of the thread that reads maps, in MB. */
const workerMemoryMb = 256

/**
 * Looks places up in maps, within a limit. Undefined for a map that cannot be used, and for all when there was not the time; never
 * rejects.
 */
export async function askMaps(
  questions: readonly MapQuestion[],
  limitMs: number,
): Promise<readonly (readonly (Original | undefined)[] | undefined)[]> {
  if (questions.length === 0) return []
  const worker = new Worker(new URL('./source-map-worker.js', import.meta.url), {
    workerData: questions,
    resourceLimits: { maxOldGenerationSizeMb: workerMemoryMb },
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
  })
  const answered = new Promise<readonly (readonly (Original | undefined)[] | undefined)[]>((resolve) => {
    worker.once('message', resolve)
    worker.once('error', () => resolve([]))
    worker.once('exit', () => resolve([]))
  })
  const answers = await within(answered, limitMs)
  void worker.terminate()
  return questions.map((_, index) => answers?.[index])
}

/** The URL of an original source: relative to its map, unless it is a URL itself. */
export function resolveSource(source: string, base: string): string {
  const resolved = URL.canParse(source, base) ? new URL(source, base).href : source
  return resolved.slice(0, longestUrl)
}

/** Of what is shown of a URL, in characters. */
const longestUrl = 1000
