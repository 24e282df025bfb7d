import { HangdogError } from '../errors.js'
import { fraction, longer, longestLimit, type Milliseconds, milliseconds, shorter, zero } from '../time.js'
import type { GapCounts } from './beat-gaps.js'
import type { Countdown, CountdownEngine, CountdownListener, Stall } from './countdown.js'

/** What a guard says about its countdowns. `arming` numbers the arms of one countdown. */
export type GuardNotice =
  | { readonly kind: 'warning' | 'expired' | 'acting' | 'acted'; readonly countdown: number; readonly arming: number }
  | { readonly kind: 'stall'; readonly lost: Milliseconds }

/** Countdowns that run in a thread of their own, in native code. A result below zero is a negative errno value. */
export interface GuardCountdowns {
  /** @returns what names the countdown from now on */
  countdownCreate(): number
  /** @param warning until the warning point. @returns the number of this arming */
  countdownArm(countdown: number, limit: Milliseconds, warning: Milliseconds): number
  /**
   * A beat that asks nothing more of us; also runs a countdown again that has expired and was not claimed.
   * @returns the milliseconds since the last
   */
  countdownQuietBeat(countdown: number): number
  countdownExtend(countdown: number, span: Milliseconds): number
  countdownDisarm(countdown: number): number
  countdownDispose(countdown: number): number
  /** Takes an expiry upon us. @returns zero when this arming is still expired: no beat came since, and the guard has not acted */
  countdownClaim(countdown: number, arming: number): number
  countdownReading(countdown: number): GuardReading | undefined
  /** Beats that were counted without a notice since the last call. */
  countdownTally(countdown: number): GapCounts | undefined
  /** Whether the guard keeps the process alive. */
  hold(held: boolean): void
  /** There is one listener. It is called from the event loop. */
  onNotice(listener: (notice: GuardNotice) => void): void
}

export interface GuardReading {
  readonly warned: boolean
  readonly spent: Milliseconds
  readonly remaining: Milliseconds
}

/** The guard counts in nanoseconds, and takes no limit of less than one. */
const shortest = milliseconds(0.000_001)

/** Keeps countdowns in the guard, whose thread goes on while JavaScript is blocked. Closing the engine leaves the guard open. */
export function createNativeEngine(guard: GuardCountdowns): NativeEngine {
  return new NativeEngine(guard)
}

export class NativeEngine implements CountdownEngine {
  readonly name = 'native'
  readonly guard: GuardCountdowns
  readonly #countdowns = new Map<number, NativeCountdown>()
  #armed = 0
  #stallListener: (stall: Stall) => void = () => {}
  #closed = false

  constructor(guard: GuardCountdowns) {
    this.guard = guard
    guard.onNotice((notice) => this.#noticed(notice))
  }

  /** @throws HangdogError `unavailable` when the guard has no room for another countdown */
  create(listener: CountdownListener): NativeCountdown {
    const id = this.guard.countdownCreate()
    if (id < 0) {
      throw new HangdogError('unavailable', `cannot make another countdown: the guard has no room (errno ${-id})`)
    }
    const countdown = new NativeCountdown(this, id, listener)
    this.#countdowns.set(id, countdown)
    return countdown
  }

  onStall(listener: (stall: Stall) => void): void {
    this.#stallListener = listener
  }

  close(): void {
    this.#closed = true
    for (const countdown of [...this.#countdowns.values()]) countdown.dispose()
  }

  armed(): void {
    if (this.#armed++ === 0) this.guard.hold(true)
  }

  disarmed(): void {
    if (--this.#armed === 0) this.guard.hold(false)
  }

  disposed(countdown: NativeCountdown): void {
    this.#countdowns.delete(countdown.id)
  }

  #noticed(notice: GuardNotice): void {
    if (this.#closed) return
    if (notice.kind === 'stall') this.#stallListener({ lost: notice.lost })
    else this.#countdowns.get(notice.countdown)?.noticed(notice.kind, notice.arming)
  }
}

/** One countdown of the guard. What is said here of a moment is as the guard sees it, not as its last notice did. */
export class NativeCountdown implements Countdown {
  /** Its name in the guard, where a process can be bound to it. */
  readonly id: number
  readonly #engine: NativeEngine
  readonly #guard: GuardCountdowns
  #listener: CountdownListener | undefined
  armed = false
  #arming = 0

  constructor(engine: NativeEngine, id: number, listener: CountdownListener) {
    this.id = id
    this.#engine = engine
    this.#guard = engine.guard
    this.#listener = listener
  }

  arm(limit: Milliseconds, warningShare: number): void {
    if (this.#listener === undefined) return
    const bounded = shorter(longer(limit, shortest), longestLimit)
    const arming = this.#guard.countdownArm(this.id, bounded, fraction(bounded, warningShare))
    if (arming < 0) throw new HangdogError('internal', `internal error: the guard refused to arm (errno ${-arming})`)
    this.#arming = arming
    if (this.armed) return
    this.armed = true
    this.#engine.armed()
  }

  reset(): Milliseconds {
    if (!this.armed) return zero
    const spent = this.#guard.countdownQuietBeat(this.id)
    // The guard has disarmed it when the process has ended or been ended; the notice of that is on its way.
    return spent > 0 ? milliseconds(spent) : zero
  }

  extend(span: Milliseconds): void {
    if (this.armed) this.#guard.countdownExtend(this.id, shorter(span, longestLimit))
  }

  disarm(): void {
    if (!this.armed) return
    this.#guard.countdownDisarm(this.id)
    this.#stopped()
  }

  remaining(): Milliseconds {
    return this.armed ? (this.#guard.countdownReading(this.id)?.remaining ?? zero) : zero
  }

  spent(): Milliseconds {
    return this.armed ? (this.#guard.countdownReading(this.id)?.spent ?? zero) : zero
  }

  takeTally(): GapCounts | undefined {
    return this.#guard.countdownTally(this.id)
  }

  dispose(): void {
    if (this.#listener === undefined) return
    this.disarm()
    this.#listener = undefined
    this.#guard.countdownDispose(this.id)
    this.#engine.disposed(this)
  }

  /** Notices come late: whatever was done to the countdown since, or came in, makes them void. */
  noticed(kind: 'warning' | 'expired' | 'acting' | 'acted', arming: number): void {
    if (!this.armed || arming !== this.#arming) return
    switch (kind) {
      case 'warning':
        if (this.#guard.countdownReading(this.id)?.warned === true) this.#listener?.warningElapsed()
        return
      case 'expired':
        if (this.#guard.countdownClaim(this.id, arming) !== 0) return
        this.#stopped()
        this.#listener?.limitElapsed()
        return
      case 'acting':
        // What is done about it is reported to whoever made the plan.
        this.#stopped()
        return
      case 'acted':
        this.#stopped()
        this.#listener?.limitElapsed()
        return
      default:
        kind satisfies never
    }
  }

  #stopped(): void {
    this.armed = false
    this.#engine.disarmed()
  }
}
