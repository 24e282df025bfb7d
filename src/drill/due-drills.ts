import { describeError } from '../errors.js'
import type { Emit } from '../event/event.js'
import type { DrillDesk } from './drill-desk.js'

/**
 * The drills whose time has come, held one after the other: a schedule that all services share makes them due at once, and their
 * canaries would get in each other's way.
 */
export class DueDrills {
  readonly #desk: Pick<DrillDesk, 'drill'>
  readonly #emit: Emit
  readonly #waiting = new Set<string>()
  #last: Promise<void> = Promise.resolve()
  #closed = false

  constructor(desk: Pick<DrillDesk, 'drill'>, emit: Emit) {
    this.#desk = desk
    this.#emit = emit
  }

  /** There is nobody to be told of a refusal, so that is an event. Returns at once and never throws. */
  due(service: string): void {
    if (this.#waiting.has(service)) {
      this.skipped(service, 'the one before it is not over yet')
      return
    }
    this.#waiting.add(service)
    this.#last = this.#last.then(() => this.#hold(service))
  }

  skipped(service: string, reason: string): void {
    this.#emit({ name: 'drill-skipped', service, parameters: { reason } })
  }

  /** No other begins; the one that goes on is the desk's to end. */
  close(): void {
    this.#closed = true
  }

  async #hold(service: string): Promise<void> {
    try {
      if (!this.#closed) await this.#desk.drill({ service }, () => {})
    } catch (error) {
      this.skipped(service, describeError(error))
    } finally {
      this.#waiting.delete(service)
    }
  }
}
