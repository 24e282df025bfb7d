import { type Milliseconds, milliseconds, zero } from '../time.js'
import type { Countdown, CountdownEngine, CountdownListener } from './countdown.js'
import type { OpenDecision } from './open-decision.js'
import type { Surroundings } from './surroundings.js'

/** What rounds are made of: the parts that a real verdict needs. */
export interface DecisionRoundsParts {
  /** All that keep countdowns of services. */
  readonly engines: readonly Pick<CountdownEngine, 'create'>[]
  readonly drain: Surroundings['drain']
  readonly decisions: () => Iterable<OpenDecision>
}

export interface RoundListener {
  /** Decisions can be made: a countdown ended, beats were drained, and no decision outlives its budget. */
  roundCompleted(): void
  /** A decision has outlived its budget. Called once for each; until the last of them is done no round is completed. */
  decisionOverdue(decision: OpenDecision): void
  /** It came to its end after all. */
  overdueDone(decision: OpenDecision): void
}

/**
 * Tells those who watch hangdog that it can still decide. A round goes the way of an expiry: a countdown of each engine that watches
 * services ends, waiting beats are drained, and the decisions that are open are looked at. There is no timer beside it, so that whatever
 * stops decisions stops the rounds.
 *
 * Decisions age by rounds, which are ticks of our own: a suspended machine makes no decision overdue.
 */
export class DecisionRounds implements CountdownListener {
  readonly #parts: DecisionRoundsParts
  readonly #interval: Milliseconds
  readonly #listener: RoundListener
  readonly #countdowns: readonly Countdown[]
  /** Countdowns that have not ended yet in this round. */
  #running = 0
  #open: ReadonlyMap<object, Aged> = new Map()
  #closed = false

  /** @param interval from one round to the next, as long as nothing holds them up */
  constructor(parts: DecisionRoundsParts, interval: Milliseconds, listener: RoundListener) {
    this.#parts = parts
    this.#interval = interval
    this.#listener = listener
    this.#countdowns = parts.engines.map((engine) => engine.create(this))
    this.#arm()
  }

  close(): void {
    this.#closed = true
    for (const countdown of this.#countdowns) countdown.dispose()
  }

  limitElapsed(): void {
    if (--this.#running === 0) void this.#round()
  }

  warningElapsed(): void {
    // A round ends with its limit.
  }

  #arm(): void {
    this.#running = this.#countdowns.length
    for (const countdown of this.#countdowns) countdown.arm(this.#interval, 1)
  }

  async #round(): Promise<void> {
    await this.#parts.drain()
    if (this.#closed) return
    if (this.#lookAtDecisions()) this.#listener.roundCompleted()
    this.#arm()
  }

  /** @returns whether all are within their budget */
  #lookAtDecisions(): boolean {
    const before = this.#open
    const now = new Map<object, Aged>()
    for (const decision of this.#parts.decisions()) {
      const known = before.get(decision.key)
      now.set(decision.key, this.#aged(decision, known))
    }
    for (const [key, { decision, overdue }] of before) {
      if (overdue && !now.has(key)) this.#listener.overdueDone(decision)
    }
    this.#open = now
    return [...now.values()].every(({ overdue }) => !overdue)
  }

  #aged(decision: OpenDecision, known: Aged | undefined): Aged {
    const age = known === undefined ? zero : milliseconds(known.age + this.#interval)
    const overdue = age > decision.budget
    if (overdue && known?.overdue !== true) this.#listener.decisionOverdue(decision)
    return { decision, age, overdue }
  }
}

interface Aged {
  readonly decision: OpenDecision
  readonly age: Milliseconds
  readonly overdue: boolean
}
