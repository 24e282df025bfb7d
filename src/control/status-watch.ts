import { type Clock, elapsed, type Instant, longer, milliseconds, type Scheduled, seconds } from '../time.js'
import type { ServiceStatus } from '../watch/status.js'

/** How often to look for changes. */
const lookEvery = milliseconds(250)
/** Countdowns move without a change; they are shown this often. */
const showEvery = seconds(1)
/** Looking may take this share of the time at most, however many services there are. */
const restPerLook = 20

export type StatusReceiver = (status: readonly ServiceStatus[]) => void

/** Tells those who watch the status of the services what it is: on each change, and each second. Costs nothing while nobody watches. */
export class StatusWatch {
  readonly #status: () => readonly ServiceStatus[]
  readonly #clock: Clock
  readonly #receivers = new Set<StatusReceiver>()
  #timer: Scheduled | undefined
  #lastLook = ''
  #shownAt: Instant

  constructor(status: () => readonly ServiceStatus[], clock: Clock) {
    this.#status = status
    this.#clock = clock
    this.#shownAt = clock.now()
  }

  /** Adds one that watches; it is told for the first time at once. @returns what ends it */
  add(receiver: StatusReceiver): () => void {
    const status = this.#status()
    this.#receivers.add(receiver)
    if (this.#receivers.size === 1) this.#lookAfter(lookEvery)
    receiver(status)
    return () => {
      this.#receivers.delete(receiver)
      if (this.#receivers.size === 0) this.close()
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #lookAfter(delay: typeof lookEvery): void {
    this.#timer = this.#clock.schedule(delay, () => {
      const start = this.#clock.now()
      this.#look(start)
      const cost = elapsed(start, this.#clock.now())
      if (this.#receivers.size > 0) this.#lookAfter(longer(lookEvery, milliseconds(cost * restPerLook)))
    })
  }

  #look(now: Instant): void {
    let status: readonly ServiceStatus[]
    try {
      status = this.#status()
    } catch {
      // Whoever asks by itself is told the error; here the next look may be better.
      return
    }
    const look = JSON.stringify(status.map(withoutMotion))
    if (look === this.#lastLook && elapsed(this.#shownAt, now) < showEvery) return
    this.#lastLook = look
    this.#shownAt = now
    for (const receiver of [...this.#receivers]) receiver(status)
  }
}

/** What moves all the time leaves, so that what stays tells a change. */
function withoutMotion(status: ServiceStatus): unknown {
  const { remainingMs: _, lastBeatAt: __, beats, channels, counters: ___, ...still } = status
  return [still, beats > 0, channels.map(({ channel, armed, limitMs }) => [channel, armed, limitMs])]
}
