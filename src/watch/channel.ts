import type { ProcessIdentity } from '../platform/platform.js'
import { type Milliseconds, milliseconds } from '../time.js'
import type { Countdown, CountdownEngine, CountdownListener } from './countdown.js'

/** What a channel tells its service. */
export interface ChannelListener {
  channelWarned(channel: Channel): void
  channelElapsed(channel: Channel): void
}

/** One line of life of a service, with a countdown of its own. */
export class Channel implements CountdownListener {
  readonly name: string
  readonly #listener: ChannelListener
  readonly #countdown: Countdown
  /** Its own limit; undefined follows the service's. */
  ownLimit: Milliseconds | undefined
  beats = 0
  /** Beats that reported no progress and so did not count. */
  stalledBeats = 0
  /** The silence has passed its warning point. */
  warned = false
  /** Opened by its first beat or by name; an unopened main channel has no countdown. */
  opened = false
  /** The process that beats here, when it is not the service's own. */
  subject: ProcessIdentity | undefined
  idle = false
  /** A stall gave this silence its whole limit once more. */
  stallExcused = false
  #progress: number | undefined

  constructor(name: string, engine: CountdownEngine, listener: ChannelListener) {
    this.name = name
    this.#listener = listener
    this.#countdown = engine.create(this)
  }

  warningElapsed(): void {
    this.warned = true
    this.#listener.channelWarned(this)
  }

  limitElapsed(): void {
    this.#listener.channelElapsed(this)
  }

  get armed(): boolean {
    return this.#countdown.armed
  }

  /** The whole of an ordinary heartbeat. @returns false when there is more to do than to reset the countdown */
  resetQuietly(): boolean {
    if (this.warned || this.stallExcused || !this.#countdown.armed) return false
    this.#countdown.reset()
    return true
  }

  /** Takes note of a progress number. @returns whether it moved */
  moved(progress: number): boolean {
    if (progress === this.#progress) {
      this.stalledBeats++
      return false
    }
    this.#progress = progress
    return true
  }

  arm(limit: Milliseconds, warningShare: number): void {
    this.warned = false
    this.stallExcused = false
    this.#countdown.arm(limit, warningShare)
  }

  /** The limit comes no sooner than this much from now; as with systemd, asking again adds nothing to what is left. */
  extend(span: Milliseconds): void {
    const missing = span - this.#countdown.remaining()
    if (missing > 0) this.#countdown.extend(milliseconds(missing))
  }

  disarm(): void {
    this.#countdown.disarm()
  }

  remaining(): Milliseconds {
    return this.#countdown.remaining()
  }

  silent(): Milliseconds {
    return this.#countdown.spent()
  }

  dispose(): void {
    this.#countdown.dispose()
  }
}
