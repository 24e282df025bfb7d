import { type Clock, elapsed, type Instant, type Milliseconds, milliseconds, zero } from '../time.js'
import type { HoldReason } from './policy.js'
import type { HeldSoFar } from './verdict.js'

/** Keeps how long the present silence has been held, by reason. A sign of life wipes it. */
export class HoldLedger {
  readonly #clock: Clock
  #soFar: Partial<Record<HoldReason, Milliseconds>> | undefined
  #current: { readonly reason: HoldReason; readonly since: Instant } | undefined
  /** Holds since the service was added. */
  count = 0
  #byReason: Partial<Record<HoldReason, number>> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(reason: HoldReason): void {
    this.#current = { reason, since: this.#clock.now() }
    this.count++
    this.#byReason = { ...this.#byReason, [reason]: (this.#byReason?.[reason] ?? 0) + 1 }
  }

  /** Their numbers, without those that there were none of. */
  get byReason(): Readonly<Partial<Record<HoldReason, number>>> {
    return this.#byReason ?? {}
  }

  /** @returns how long the hold lasted */
  end(): Milliseconds {
    const held = this.#currentHeld()
    const reason = this.#current?.reason
    if (reason !== undefined)
      this.#soFar = { ...this.#soFar, [reason]: milliseconds((this.#soFar?.[reason] ?? 0) + held) }
    this.#current = undefined
    return held
  }

  wipe(): void {
    this.#soFar = undefined
  }

  soFar(): HeldSoFar {
    const current = this.#current
    if (current === undefined) return { ...this.#soFar }
    return {
      ...this.#soFar,
      [current.reason]: milliseconds((this.#soFar?.[current.reason] ?? 0) + this.#currentHeld()),
    }
  }

  #currentHeld(): Milliseconds {
    return this.#current === undefined ? zero : elapsed(this.#current.since, this.#clock.now())
  }
}
