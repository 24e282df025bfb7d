import { type KernelAction, type KernelAddon, KernelCountdown } from './platform/kernel-module.js'
import { thisProcess } from './process-identity.js'
import { type Clock, elapsed, fraction, type Instant, type Milliseconds, zero } from './time.js'

export interface OwnKernelWatchOptions {
  readonly clock: Clock
  /** Longest time without progress; at least 10 ms. */
  readonly limit: Milliseconds
  /** What the kernel does then, to this process or to the machine. */
  readonly action: KernelAction
}

/** Beats within one limit: each is a system call, and more would prove nothing more. */
const beatsPerLimit = 8

/**
 * Has the kernel watch hangdog itself: who calls `progressed` is the loop that decides, and not a timer of its own, so that a hang of that
 * loop is one that the kernel sees. The countdown ends with this process, or with `close`.
 */
export class OwnKernelWatch {
  readonly #clock: Clock
  readonly #countdown: KernelCountdown
  readonly #interval: Milliseconds
  #beatAt: Instant

  /** @throws HangdogError `unavailable` without the module, `permission` when it may not do that */
  constructor(addon: KernelAddon, { clock, limit, action }: OwnKernelWatchOptions) {
    this.#clock = clock
    this.#interval = fraction(limit, 1 / beatsPerLimit)
    this.#countdown = new KernelCountdown(addon)
    try {
      this.#countdown.arm({ timeout: limit, warning: zero, action, process: thisProcess(), name: 'hangdog' })
    } catch (error) {
      this.#countdown.close()
      throw error
    }
    this.#beatAt = clock.now()
  }

  /** May be called as often as there is progress; most calls only read the clock. */
  progressed(): void {
    const now = this.#clock.now()
    if (elapsed(this.#beatAt, now) < this.#interval) return
    this.#beatAt = now
    this.#countdown.beat()
  }

  /** An orderly end. With nowayout the kernel does not let go. */
  close(): void {
    this.#countdown.close()
  }
}
