import type { Milliseconds } from '../time.js'
import type { BeatReceiver, SignOfLife } from '../watch/sign-of-life.js'

/**
 * What a service with a heartbeat page says beside its beats. READY promises beats; from a service that has not opened its page it does not
 * count, as its main countdown could only run out. Its first beat arms it all the same.
 */
export class ReadyGate implements BeatReceiver {
  readonly service: string
  readonly #receiver: BeatReceiver
  readonly #isOpen: () => boolean
  readonly #kept: () => void

  /** @param kept is called for each READY that does not count */
  constructor(receiver: BeatReceiver, isOpen: () => boolean, kept: () => void) {
    this.service = receiver.service
    this.#receiver = receiver
    this.#isOpen = isOpen
    this.#kept = kept
  }

  beat(silent?: Milliseconds): void {
    this.#receiver.beat(silent)
  }

  beatChannel(channel: string, progress?: number, silent?: Milliseconds): boolean {
    return this.#receiver.beatChannel(channel, progress, silent)
  }

  signOfLife(sign: SignOfLife): boolean {
    if (sign.kind !== 'ready' || this.#isOpen()) return this.#receiver.signOfLife(sign)
    this.#kept()
    return true
  }

  gapsSeen(channel: string, gap: Milliseconds, count: number): void {
    this.#receiver.gapsSeen(channel, gap, count)
  }

  contact(): void {
    this.#receiver.contact()
  }
}
