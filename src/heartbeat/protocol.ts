import { longestLimit, type Milliseconds, milliseconds } from '../time.js'
import { shortestLimit } from '../watch/policy.js'
import { channelPattern, type SignOfLife } from '../watch/sign-of-life.js'

/**
 * The line protocol of the stream: KEY=VALUE lines in the manner of sd_notify(3), each ended by a newline. The first line is
 * HANGDOG_TOKEN=secret; PID=n may follow it. Unknown keys are ignored, as sd_notify asks; a bad value of a known key is refused.
 */

/** A line may be this long, without its newline. Longer than any status text worth showing. */
export const longestLine = 4096

/** The line nearly all traffic consists of. */
const beatLine = Buffer.from('WATCHDOG=1\n')
const beatLength = beatLine.length
const [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10] = beatLine

/** What one line says. */
export type Line =
  | { readonly kind: 'beat' }
  | { readonly kind: 'channel-beat'; readonly channel: string; readonly progress?: number }
  | { readonly kind: 'sign'; readonly sign: SignOfLife }
  /** The process that speaks on this connection. */
  | { readonly kind: 'speaker'; readonly pid: number }
  /** Longest delay of the speaker's event loop since its last report. */
  | { readonly kind: 'lag'; readonly lag: Milliseconds }
  /** Used and greatest size of the speaker's heap, in bytes. */
  | { readonly kind: 'heap'; readonly used: number; readonly limit: number }
  /** The line of the heartbeat page that this channel beats in. */
  | { readonly kind: 'page-line'; readonly channel: string; readonly line: number }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'bad'; readonly key: string }

/**
 * Counts the whole `WATCHDOG=1` lines that follow each other from `at` on. The hot path: reads bytes, makes nothing. Comparing
 * byte by byte costs no more than looking for newlines would.
 */
export function countBeatLines(chunk: Uint8Array, at: number): number {
  const end = chunk.length - beatLength
  let position = at
  while (
    position <= end &&
    chunk[position] === b0 &&
    chunk[position + 1] === b1 &&
    chunk[position + 2] === b2 &&
    chunk[position + 3] === b3 &&
    chunk[position + 4] === b4 &&
    chunk[position + 5] === b5 &&
    chunk[position + 6] === b6 &&
    chunk[position + 7] === b7 &&
    chunk[position + 8] === b8 &&
    chunk[position + 9] === b9 &&
    chunk[position + 10] === b10
  ) {
    position += beatLength
  }
  return (position - at) / beatLength
}

/** Bytes that many beat lines take. */
export function beatBytes(count: number): number {
  return count * beatLength
}

/** The token a first line presents; undefined when it is no such line. */
export function parseToken(line: string): string | undefined {
  const prefix = 'HANGDOG_TOKEN='
  return line.startsWith(prefix) ? line.slice(prefix.length) : undefined
}

/** Reads one line, without its newline. Never throws. */
export function parseLine(line: string): Line {
  const equals = line.indexOf('=')
  if (equals <= 0) return line === '' ? { kind: 'unknown' } : { kind: 'bad', key: 'a line without KEY=' }
  const key = line.slice(0, equals)
  const read = readers.get(key)
  return read === undefined ? { kind: 'unknown' } : (read(line.slice(equals + 1)) ?? { kind: 'bad', key })
}

type Reader = (value: string) => Line | undefined

/** Of a heartbeat page; the guard knows how many there are. */
const highestLine = 2 ** 20 - 1

const highestPid = 2 ** 31 - 1

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['WATCHDOG', readWatchdog],
  ['HEARTBEAT', readHeartbeat],
  ['CHANNEL', readChannel],
  ['READY', (value) => whenOne(value, { kind: 'ready' })],
  ['STOPPING', (value) => whenOne(value, { kind: 'stopping' })],
  ['RELOADING', (value) => whenOne(value, { kind: 'reloading' })],
  ['STATUS', (value) => sign({ kind: 'status', text: printable(value) })],
  ['WATCHDOG_USEC', readLimit],
  ['EXTEND_TIMEOUT_USEC', readExtension],
  ['MAINPID', readMainPid],
  ['PID', readSpeaker],
  [
    'CHANNEL_CLOSE',
    (value) => (channelPattern.test(value) ? sign({ kind: 'channel-closed', channel: value }) : undefined),
  ],
  ['X_LAG_MS', readLag],
  ['X_HEAP', readHeap],
  ['HANGDOG_LINE', readPageLine],
])

function readWatchdog(value: string): Line | undefined {
  if (value === '1') return { kind: 'beat' }
  return value === 'trigger' ? sign({ kind: 'trigger' }) : undefined
}

/** `channel`, `channel:idle` or `channel:progress`. A channel's name may hold colons: only a last part of this form is split off. */
function readHeartbeat(value: string): Line | undefined {
  const [channel, suffix] = splitSuffix(value, /^(?:idle|\d+)$/)
  if (!channelPattern.test(channel)) return undefined
  if (suffix === undefined) return { kind: 'channel-beat', channel }
  if (suffix === 'idle') return sign({ kind: 'channel-idle', channel })
  const progress = unsigned(suffix, Number.MAX_SAFE_INTEGER)
  return progress === undefined ? undefined : { kind: 'channel-beat', channel, progress }
}

/** `name:line`. */
function readPageLine(value: string): Line | undefined {
  const [channel, suffix] = splitSuffix(value, /^\d+$/)
  const line = suffix === undefined ? undefined : unsigned(suffix, highestLine)
  return line === undefined || !channelPattern.test(channel) ? undefined : { kind: 'page-line', channel, line }
}

/** `name` or `name:limit`, the limit in µs. */
function readChannel(value: string): Line | undefined {
  const [channel, suffix] = splitSuffix(value, /^\d+$/)
  if (!channelPattern.test(channel)) return undefined
  if (suffix === undefined) return sign({ kind: 'channel-opened', channel })
  const limit = microseconds(suffix, shortestLimit)
  return limit === undefined ? undefined : sign({ kind: 'channel-opened', channel, limit })
}

function readLimit(value: string): Line | undefined {
  const limit = microseconds(value, shortestLimit)
  return limit === undefined ? undefined : sign({ kind: 'limit', limit })
}

function readExtension(value: string): Line | undefined {
  const span = microseconds(value, 0)
  return span === undefined ? undefined : sign({ kind: 'extend', span })
}

function readMainPid(value: string): Line | undefined {
  const pid = unsigned(value, highestPid)
  return pid === undefined || pid === 0 ? undefined : sign({ kind: 'main-process', pid })
}

function readSpeaker(value: string): Line | undefined {
  const pid = unsigned(value, highestPid)
  return pid === undefined || pid === 0 ? undefined : { kind: 'speaker', pid }
}

function readLag(value: string): Line | undefined {
  const lag = unsigned(value, longestLimit)
  return lag === undefined ? undefined : { kind: 'lag', lag: milliseconds(lag) }
}

/** `used:limit`. */
function readHeap(value: string): Line | undefined {
  const [usedText, limitText] = splitSuffix(value, /^\d+$/)
  const used = unsigned(usedText, Number.MAX_SAFE_INTEGER)
  const limit = unsigned(limitText ?? '', Number.MAX_SAFE_INTEGER)
  return used === undefined || limit === undefined ? undefined : { kind: 'heap', used, limit }
}

function sign(sign: SignOfLife): Line {
  return { kind: 'sign', sign }
}

function whenOne(value: string, said: SignOfLife): Line | undefined {
  return value === '1' ? sign(said) : undefined
}

function splitSuffix(value: string, form: RegExp): readonly [string, string | undefined] {
  const colon = value.lastIndexOf(':')
  const suffix = value.slice(colon + 1)
  return colon > 0 && form.test(suffix) ? [value.slice(0, colon), suffix] : [value, undefined]
}

function unsigned(text: string, highest: number): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return value <= highest ? value : undefined
}

/** Reads µs; the result is in ms. */
function microseconds(text: string, leastMs: number): Milliseconds | undefined {
  const value = unsigned(text, longestLimit * 1000)
  return value === undefined || value < leastMs * 1000 ? undefined : milliseconds(value / 1000)
}

/** A status text ends up on terminals: control characters become spaces. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}
