import { type Clock, elapsed, type Instant, seconds } from '../time.js'
import type { NotifyMessage } from './notify-server.js'

/** Of one process. The first ones are kept: READY is among them. */
const share = 16
const senders = 256
const age = seconds(10)

interface Sender {
  readonly since: Instant
  readonly messages: NotifyMessage[]
}

/** What processes said that are no service yet. Each has a small share, so that none can crowd out another. */
export class EarlyMessages {
  readonly #clock: Clock
  readonly #refuse: (message: NotifyMessage) => void
  /** By pid; the oldest first. */
  readonly #senders = new Map<number, Sender>()

  /** @param refuse told of each message that nobody has taken */
  constructor(clock: Clock, refuse: (message: NotifyMessage) => void) {
    this.#clock = clock
    this.#refuse = refuse
  }

  keep(message: NotifyMessage): void {
    this.#dropOld()
    const known = this.#senders.get(message.pid)
    if (known === undefined) {
      if (this.#senders.size >= senders) this.#drop(this.#loudest())
      this.#senders.set(message.pid, { since: this.#clock.now(), messages: [message] })
    } else if (known.messages.length < share) known.messages.push(message)
    else this.#refuse(message)
  }

  /** @returns what this process said, in its order; it is kept no longer */
  take(pid: number): readonly NotifyMessage[] {
    this.#dropOld()
    return this.#remove(pid)
  }

  #remove(pid: number): readonly NotifyMessage[] {
    const messages = this.#senders.get(pid)?.messages ?? []
    this.#senders.delete(pid)
    return messages
  }

  #dropOld(): void {
    const now = this.#clock.now()
    for (const [pid, { since }] of this.#senders) {
      if (elapsed(since, now) <= age) return
      this.#drop(pid)
    }
  }

  #drop(pid: number | undefined): void {
    if (pid !== undefined) for (const message of this.#remove(pid)) this.#refuse(message)
  }

  /** The one that said the most; of several the one that began first. */
  #loudest(): number | undefined {
    let found: number | undefined
    let most = 0
    for (const [pid, { messages }] of this.#senders) {
      if (messages.length <= most) continue
      found = pid
      most = messages.length
    }
    return found
  }
}
