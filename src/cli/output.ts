import type { Writable } from 'node:stream'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { elapsed, formatDuration, instant } from '../time.js'

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim'

/** What a page is laid out for. */
export type Page = Pick<Output, 'columns' | 'paint'>

/** Where a command prints. Results go to stdout; what is said about them goes to stderr. */
export interface Output {
  /** Stdout is a terminal that can be drawn on. */
  readonly terminal: boolean
  /** Of the terminal; very many when there is none. */
  readonly columns: number
  readonly rows: number
  /** Aborted when nobody reads stdout any more: there is nothing left to do then. */
  readonly closed: AbortSignal
  /** @throws HangdogError `create` when it cannot be written; a reader that has gone is no error */
  write(text: string | Uint8Array): Promise<void>
  /** One object as one line of JSON. */
  writeJson(value: unknown): Promise<void>
  /** A line on stderr. */
  note(line: string): void
  /** Leaves the text as it is where colours are not wanted. */
  paint(colour: Colour, text: string): string
  /** The exit code of a command that has not failed but has something to say by it. */
  setExitCode(code: number): void
}

/** A stream to print on; `process.stdout` is one. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number }

export interface OutputOptions {
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly setExitCode: (code: number) => void
}

/** Prints on the standard streams by default. */
export function openOutput(options: Partial<OutputOptions> = {}): Output {
  return new StreamOutput({
    stdout: process.stdout,
    stderr: process.stderr,
    environment: process.env,
    setExitCode: (code) => {
      process.exitCode = code
    },
    ...options,
  })
}

const codes: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1, dim: 2 }

class StreamOutput implements Output {
  readonly terminal: boolean
  readonly closed: AbortSignal
  readonly setExitCode: (code: number) => void
  readonly #stdout: OutputStream
  readonly #stderr: OutputStream
  readonly #colours: boolean

  constructor({ stdout, stderr, environment, setExitCode }: OutputOptions) {
    const closed = new AbortController()
    this.closed = closed.signal
    this.setExitCode = setExitCode
    this.#stdout = stdout
    this.#stderr = stderr
    this.terminal = stdout.isTTY === true && environment.TERM !== 'dumb'
    // no-color.org: any value but the empty one.
    this.#colours = this.terminal && (environment.NO_COLOR ?? '') === ''
    // Without a listener a reader that leaves would end hangdog with a stack trace. Failures also reach the callback of the write.
    stdout.on('error', (error) => {
      if (isGone(error)) closed.abort()
    })
    stderr.on('error', () => {})
  }

  get columns(): number {
    return this.terminal ? (this.#stdout.columns ?? 80) : Number.MAX_SAFE_INTEGER
  }

  get rows(): number {
    return this.terminal ? (this.#stdout.rows ?? 24) : Number.MAX_SAFE_INTEGER
  }

  write(text: string | Uint8Array): Promise<void> {
    if (this.closed.aborted) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#stdout.write(text, (error) => {
        if (error === null || error === undefined || isGone(error)) resolve()
        else reject(new HangdogError('create', `cannot write the output: ${describeError(error)}`, error))
      })
    })
  }

  writeJson(value: unknown): Promise<void> {
    return this.write(`${toJson(value)}\n`)
  }

  note(line: string): void {
    this.#stderr.write(`hangdog: ${escapeText(line)}\n`)
  }

  paint(colour: Colour, text: string): string {
    return this.#colours ? `\x1b[${codes[colour]}m${text}\x1b[0m` : text
  }
}

function isGone(error: unknown): boolean {
  return ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED'].includes(systemCode(error) ?? '')
}

/**
 * Control characters of both kinds, and what changes the direction or the lines of text: a service that writes such things must not
 * be able to rewrite what the operator sees.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g
const shortEscapes: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Makes text from a service safe to print on one line: control characters become visible escapes. */
export function escapeText(text: string): string {
  return text.replace(unsafe, (character) => shortEscapes[character] ?? shownEscape(character))
}

/** JSON on one line, safe to look at on a terminal: JSON itself leaves some control characters as they are. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replace(unsafe, numberEscape)
}

/** As most languages write it: \\x1b, or \\u202e for what has no two digits. */
function shownEscape(character: string): string {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : numberEscape(character)
}

function numberEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** How long ago something was, such as `3.2s ago`; `-` when it never was. Wall time, so a stepped clock shows in it. */
export function formatAgo(at: string | null, now: Date): string {
  if (at === null) return '-'
  return `${formatDuration(elapsed(instant(Date.parse(at)), instant(now.getTime())))} ago`
}

/** A wall time as people read it: local, to the second or to the millisecond. */
export function formatTime(at: string, precision: 's' | 'ms' = 's'): string {
  const time = new Date(at)
  if (Number.isNaN(time.getTime())) return escapeText(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return `${date} ${clock}${precision === 'ms' ? `.${String(time.getMilliseconds()).padStart(3, '0')}` : ''}`
}
