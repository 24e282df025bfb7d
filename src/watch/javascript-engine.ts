import {
  type Clock,
  elapsed,
  fraction,
  type Instant,
  instant,
  later,
  longer,
  type Milliseconds,
  milliseconds,
  type Scheduled,
  seconds,
  shorter,
  zero,
} from '../time.js'
import { AwakeClock } from './awake-clock.js'
import type { Countdown, CountdownEngine, CountdownListener, Stall } from './countdown.js'
import { DeadlineHeap, type HeapEntry, outside } from './deadline-heap.js'

/** Ticks per shortest limit. Two ticks without a look are counted in full, so a stall costs a service a quarter of its limit at most. */
const ticksPerLimit = 8
const shortestTick = milliseconds(5)
const longestTick = seconds(1)
/** Shorter stalls are ordinary jitter: not counted, but not reported either. */
const reportedStall = milliseconds(100)

/** Keeps countdowns with one JavaScript timer for all of them. A heartbeat is one look at the clock; it touches no timer. */
export function createJavaScriptEngine(clock: Clock): CountdownEngine {
  return new JavaScriptEngine(clock)
}

class JavaScriptEngine implements CountdownEngine {
  readonly name = 'javascript'
  readonly awake: AwakeClock
  readonly #clock: Clock
  readonly #heap = new DeadlineHeap<JavaScriptCountdown>()
  /** How many armed countdowns have each limit; the shortest gives the tick. */
  readonly #limits = new Map<Milliseconds, number>()
  #tick = longestTick
  #timer: Scheduled | undefined
  #timerDue = instant(0)
  #stallListener: (stall: Stall) => void = () => {}
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.awake = new AwakeClock(clock, milliseconds(2 * longestTick))
  }

  create(listener: CountdownListener): Countdown {
    return new JavaScriptCountdown(this, listener)
  }

  onStall(listener: (stall: Stall) => void): void {
    this.#stallListener = listener
  }

  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Takes note of a limit before its countdown is placed. */
  armed(countdown: JavaScriptCountdown): void {
    if (this.#heap.size === 0) this.awake.resume()
    this.#limits.set(countdown.limit, (this.#limits.get(countdown.limit) ?? 0) + 1)
    this.#retune()
  }

  disarmed(countdown: JavaScriptCountdown, limit: Milliseconds): void {
    this.#heap.remove(countdown)
    const others = (this.#limits.get(limit) ?? 1) - 1
    if (others === 0) this.#limits.delete(limit)
    else this.#limits.set(limit, others)
    this.#retune()
    if (this.#heap.size === 0) {
      this.#timer?.cancel()
      this.#timer = undefined
    }
  }

  /** Puts a countdown where its next point falls, and sees that the timer comes in time for it. */
  place(countdown: JavaScriptCountdown): void {
    countdown.dueAt = countdown.nextPoint()
    this.#heap.place(countdown)
    if (this.#heap.first() === countdown) this.#schedule()
  }

  #retune(): void {
    let shortest: Milliseconds = milliseconds(longestTick * ticksPerLimit)
    for (const limit of this.#limits.keys()) shortest = shorter(shortest, limit)
    // The gap up to now is judged by the old allowance: it was legal under the old tick.
    this.awake.now()
    this.#tick = longer(shortestTick, fraction(shortest, 1 / ticksPerLimit))
    this.awake.allowance = milliseconds(2 * this.#tick)
  }

  #schedule(): void {
    const first = this.#heap.first()
    if (this.#closed || first === undefined) return
    const delay = shorter(elapsed(this.awake.now(), first.dueAt), this.#tick)
    const due = later(this.#clock.now(), delay)
    if (this.#timer !== undefined && this.#timerDue <= due) return
    this.#timer?.cancel()
    this.#timerDue = due
    // Only the end of a countdown is worth a timer that is exact; it is rare.
    const exact = first.warned && delay < this.#tick
    this.#timer = this.#clock.schedule(delay, () => this.#timerElapsed(), exact)
  }

  #timerElapsed(): void {
    this.#timer = undefined
    const now = this.awake.now()
    const lost = this.awake.takeLost()
    if (lost >= longer(reportedStall, this.awake.allowance)) this.#stallListener({ lost })
    // Countdowns due a little later are looked at in the same turn: most have been reset meanwhile, and one wake-up serves them all.
    const due = this.#heap.takeDue(later(now, fraction(this.#tick, 1 / 4)))
    for (const countdown of due) {
      // An earlier listener of this same turn may have disarmed or armed it again.
      if (countdown.armed && countdown.heapIndex === outside) countdown.look(now)
    }
    this.#schedule()
  }
}

class JavaScriptCountdown implements Countdown, HeapEntry {
  readonly #engine: JavaScriptEngine
  #listener: CountdownListener | undefined
  armed = false
  limit: Milliseconds = zero
  dueAt = instant(0)
  heapIndex = outside
  #warnAfter: Milliseconds = zero
  warned = false
  #since = instant(0)

  constructor(engine: JavaScriptEngine, listener: CountdownListener) {
    this.#engine = engine
    this.#listener = listener
  }

  arm(limit: Milliseconds, warningShare: number): void {
    if (this.#listener === undefined) return
    this.disarm()
    this.armed = true
    this.limit = limit
    this.#warnAfter = fraction(limit, warningShare)
    this.warned = false
    this.#engine.armed(this)
    this.#since = this.#engine.awake.now()
    this.#engine.place(this)
  }

  reset(): Milliseconds {
    if (!this.armed) return zero
    const now = this.#engine.awake.now()
    const spent = elapsed(this.#since, now)
    this.#since = now
    // Without a warning the entry stays where it is: it is looked at no later than the new warning point, and moved on then.
    if (this.warned) this.#unwarn()
    return spent
  }

  #unwarn(): void {
    this.warned = false
    this.#engine.place(this)
  }

  extend(span: Milliseconds): void {
    if (!this.armed) return
    this.#since = later(this.#since, span)
    this.#engine.place(this)
  }

  disarm(): void {
    if (!this.armed) return
    this.armed = false
    this.#engine.disarmed(this, this.limit)
  }

  remaining(): Milliseconds {
    return this.armed ? elapsed(this.#engine.awake.now(), later(this.#since, this.limit)) : zero
  }

  spent(): Milliseconds {
    return this.armed ? elapsed(this.#since, this.#engine.awake.now()) : zero
  }

  dispose(): void {
    this.disarm()
    this.#listener = undefined
  }

  nextPoint(): Instant {
    return later(this.#since, this.warned ? this.limit : this.#warnAfter)
  }

  /** Acts on whatever point has been passed. Timers may come early, so the clock decides. */
  look(now: Instant): void {
    const spent = elapsed(this.#since, now)
    if (spent >= this.limit) {
      this.disarm()
      this.#listener?.limitElapsed()
      return
    }
    const warn = !this.warned && spent >= this.#warnAfter
    if (warn) this.warned = true
    this.#engine.place(this)
    if (warn) this.#listener?.warningElapsed()
  }
}
