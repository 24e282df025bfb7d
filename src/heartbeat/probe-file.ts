import { stat } from 'node:fs/promises'
import { type Clock, elapsed, type Instant, instant, type Milliseconds } from '../time.js'
import { failure, type Probe, type ProbeOutcome, success } from './probe.js'
import type { StartedProcess } from './source.js'

/** Looks at a file that the service touches: success when it was touched since the last look, and since the service's start. */
export class FileProbe implements Probe {
  readonly description: string
  readonly #path: string
  readonly #clock: Clock
  /** When the service started, on the monotonic clock. */
  #startedAt: Instant = instant(0)
  #lastTouchMs: number | undefined

  constructor(path: string, clock: Clock) {
    this.description = `file:${path}`
    this.#path = path
    this.#clock = clock
  }

  serviceStarted({ startedAt }: StartedProcess): void {
    const ago = Math.max(0, this.#clock.wallNow().getTime() - startedAt.getTime())
    this.#startedAt = instant(this.#clock.now() - ago)
    this.#lastTouchMs = undefined
  }

  async look(_timeout: Milliseconds): Promise<ProbeOutcome> {
    const { mtimeMs } = await stat(this.#path)
    const moved = mtimeMs !== this.#lastTouchMs
    this.#lastTouchMs = mtimeMs
    if (mtimeMs < this.#startOnWallClock()) return failure('the file is older than the service')
    return moved ? success : { kind: 'silence' }
  }

  /** When the service started, by the wall clock as it is set now: a step of that clock makes no fresh file old. */
  #startOnWallClock(): number {
    const running = elapsed(this.#startedAt, this.#clock.now())
    return this.#clock.wallNow().getTime() - running
  }
}
