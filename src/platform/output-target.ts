import { constants, fstatSync, openSync, write } from 'node:fs'
import { Socket } from 'node:net'
import { systemCode } from '../errors.js'

/** A descriptor that is written to in order and without ever blocking the event loop. */
export interface OutputTarget {
  /** Queues a chunk behind those before it. Chunks are not copied. */
  write(chunk: Buffer): void
  /** Bytes not yet taken over by the kernel. */
  readonly queued: number
  /** Bytes taken over by the kernel so far. */
  readonly written: number
  /** Nobody will ever read what is written here (EPIPE, for instance). */
  readonly failed: boolean
}

/**
 * Opens hangdog's own stdout or stderr for writing without blocking. The descriptor is shared with other programs, so its mode is left
 * alone where that is possible: a pipe or terminal is opened anew through /proc/self/fd; files are written by the thread pool. A
 * socket cannot be opened anew and is switched to non-blocking, as Node does with it too.
 * @param progress called after something was taken over, or the target failed
 */
export function openOutputTarget(fd: number, progress: () => void): OutputTarget {
  if (fd > 2) return makeTarget(fd, progress)
  const known = standard.get(fd)
  known?.listeners.push(progress)
  if (known !== undefined) return known.target
  const listeners = [progress]
  const target = makeTarget(fd, () => {
    for (const listener of listeners) listener()
  })
  standard.set(fd, { target, listeners })
  return target
}

/**
 * The targets of our own stdout and stderr: the log and the services' output share them. Two event sources on one descriptor would
 * take each other's wake-ups.
 */
const standard = new Map<number, { readonly target: OutputTarget; readonly listeners: (() => void)[] }>()

function makeTarget(fd: number, progress: () => void): OutputTarget {
  const stat = fstatSync(fd)
  if (stat.isFIFO()) return new StreamTarget(reopen(fd) ?? fd, progress)
  if (stat.isSocket()) return new StreamTarget(fd, progress)
  if (stat.isCharacterDevice()) return new DescriptorTarget(reopen(fd) ?? fd, progress)
  return new DescriptorTarget(fd, progress)
}

function reopen(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch {
    return undefined
  }
}

/** A pipe or socket: the event loop says when there is room again. */
class StreamTarget implements OutputTarget {
  readonly #socket: Socket
  readonly #progress: () => void
  written = 0
  failed = false

  constructor(fd: number, progress: () => void) {
    this.#progress = progress
    this.#socket = new Socket({ fd, readable: false, writable: true })
    this.#socket.unref()
    this.#socket.on('error', () => {
      this.failed = true
      progress()
    })
  }

  get queued(): number {
    return this.failed ? 0 : this.#socket.writableLength
  }

  write(chunk: Buffer): void {
    if (this.failed) return
    this.#socket.write(chunk, (error) => {
      if (error) return
      this.written += chunk.length
      this.#progress()
    })
  }
}

/** Until a terminal that takes nothing is tried again, in ms. */
const retryMs = 10

/** A file or terminal: one write at a time in the thread pool, so that a slow disk holds up nothing else. */
class DescriptorTarget implements OutputTarget {
  readonly #fd: number
  readonly #progress: () => void
  readonly #waiting: Buffer[] = []
  #writing = false
  queued = 0
  written = 0
  failed = false

  constructor(fd: number, progress: () => void) {
    this.#fd = fd
    this.#progress = progress
  }

  write(chunk: Buffer): void {
    if (this.failed) return
    this.#waiting.push(chunk)
    this.queued += chunk.length
    if (!this.#writing) this.#writeNext()
  }

  #writeNext(): void {
    const chunk = this.#waiting[0]
    this.#writing = chunk !== undefined
    if (chunk === undefined) return
    write(this.#fd, chunk, 0, chunk.length, null, (error, count) => {
      const code = systemCode(error)
      if (code === 'EAGAIN' || code === 'EINTR') {
        setTimeout(() => this.#writeNext(), retryMs)
        return
      }
      if (error !== null) {
        this.#fail()
        return
      }
      this.#took(chunk, count)
      this.#writeNext()
      this.#progress()
    })
  }

  #took(chunk: Buffer, count: number): void {
    this.written += count
    this.queued -= count
    if (count === chunk.length) this.#waiting.shift()
    else this.#waiting[0] = chunk.subarray(count)
  }

  #fail(): void {
    this.failed = true
    this.queued = 0
    this.#waiting.length = 0
    this.#progress()
  }
}
