import type { OwnGroup } from './linux-cgroup.js'

/** Between looks at groups that somebody is still in, in ms; doubles each time. */
const firstSweepMs = 100
const longestSweepMs = 60_000

/** Control groups of services that ended, which could not be removed yet because somebody is still in them. */
export class LeftGroups {
  readonly #left = new Set<OwnGroup>()
  #timer: NodeJS.Timeout | undefined

  /** Removes it as soon as it can be. */
  add(group: OwnGroup | undefined): void {
    if (group !== undefined) this.#left.add(group)
    this.#sweep(firstSweepMs)
  }

  /** Removes those that can be removed now. */
  remove(): void {
    for (const group of this.#left) if (group.remove()) this.#left.delete(group)
  }

  /** What was killed takes a moment to leave its group. */
  #sweep(nextMs: number): void {
    clearTimeout(this.#timer)
    this.remove()
    if (this.#left.size === 0) return
    this.#timer = setTimeout(() => this.#sweep(Math.min(2 * nextMs, longestSweepMs)), nextMs).unref()
  }
}
