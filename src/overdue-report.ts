import type { Emit } from './event/event.js'
import { formatDuration } from './time.js'
import type { OpenDecision } from './watch/open-decision.js'

/** Says once of a decision that it is overdue, however many watchers of hangdog notice it. */
export class OverdueReport {
  readonly #emit: Emit
  readonly #reported = new WeakSet<object>()
  readonly #done = new WeakSet<object>()

  constructor(emit: Emit) {
    this.#emit = emit
  }

  decisionOverdue({ key, service, kind, budget }: OpenDecision): void {
    if (this.#reported.has(key)) return
    this.#reported.add(key)
    this.#emit({ name: 'decision-overdue', service, parameters: { kind, budget: formatDuration(budget) } })
  }

  overdueDone({ key, service, kind }: OpenDecision): void {
    if (this.#done.has(key)) return
    this.#done.add(key)
    this.#emit({ name: 'decision-done-late', service, parameters: { kind } })
  }
}
