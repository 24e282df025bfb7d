import type { Readable } from 'node:stream'
import { type OutputTarget, openOutputTarget } from './output-target.js'

/** Where hangdog's own output goes: what services write is passed on through one of these for each of stdout and stderr. */
export interface OutputPassOptions {
  /** Told at most once a second for each service, how much was dropped since it was last told. */
  readonly onDropped: (service: string, bytes: number) => void
}

/** Bytes that may wait to be written; beyond it a reader that stands still costs output, not memory. */
const queueLimit = 1024 * 1024

/** Above this, the services' streams are left unread for a while, so that a reader that is only slow loses nothing. */
const highMark = queueLimit / 2

/** How long the reader may take nothing before services are read again and what does not fit is dropped, in ms. */
const stuckAfterMs = 500

const reportEveryMs = 1000

/**
 * Passes the output of services on to one descriptor, in order, without ever blocking. A slow reader slows the services down, as it
 * would without hangdog in between; one that stands still does not: a service must not hang because nobody reads its output.
 */
export class OutputPass {
  readonly #fd: number
  readonly #onDropped: OutputPassOptions['onDropped']
  readonly #paused = new Set<Readable>()
  readonly #dropped = new Map<string, number>()
  #target: OutputTarget | undefined
  #stuckTimer: NodeJS.Timeout | undefined
  #reportTimer: NodeJS.Timeout | undefined
  #stuck = false

  constructor(fd: number, options: OutputPassOptions) {
    this.#fd = fd
    this.#onDropped = options.onDropped
  }

  /** Passes a chunk on; the stream it came from is paused while the reader falls behind. */
  write(service: string, chunk: Buffer, source: Readable): void {
    this.#target ??= this.#open()
    const target = this.#target
    if (target.failed || target.queued + chunk.length > queueLimit) {
      this.#drop(service, chunk.length)
      return
    }
    target.write(chunk)
    if (target.queued <= highMark || this.#stuck) return
    source.pause()
    this.#paused.add(source)
    this.#stuckTimer ??= setTimeout(() => this.#noProgress(target.written), stuckAfterMs)
  }

  /** Bytes waiting to be written. */
  get queued(): number {
    return this.#target?.queued ?? 0
  }

  /** Tells now what was dropped and not yet told. */
  report(): void {
    clearTimeout(this.#reportTimer)
    this.#reportTimer = undefined
    for (const [service, bytes] of this.#dropped) this.#onDropped(service, bytes)
    this.#dropped.clear()
  }

  #open(): OutputTarget {
    try {
      return openOutputTarget(this.#fd, () => this.#progressed())
    } catch {
      // The descriptor is closed (hangdog was started with `>&-`): nobody wants the output.
      return { write: () => {}, queued: 0, written: 0, failed: true }
    }
  }

  #progressed(): void {
    this.#stuck = false
    clearTimeout(this.#stuckTimer)
    this.#stuckTimer = undefined
    const target = this.#target
    if (target === undefined) return
    if (target.queued <= highMark) this.#resumeAll()
    else if (this.#paused.size > 0) this.#stuckTimer = setTimeout(() => this.#noProgress(target.written), stuckAfterMs)
  }

  #noProgress(writtenBefore: number): void {
    this.#stuckTimer = undefined
    this.#stuck = this.#target?.written === writtenBefore
    this.#resumeAll()
  }

  #resumeAll(): void {
    for (const source of this.#paused) source.resume()
    this.#paused.clear()
  }

  #drop(service: string, bytes: number): void {
    this.#dropped.set(service, (this.#dropped.get(service) ?? 0) + bytes)
    this.#reportTimer ??= setTimeout(() => this.report(), reportEveryMs).unref()
  }
}
