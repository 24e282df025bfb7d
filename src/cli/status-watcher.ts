import { followControl } from '../control/client.js'
import { type LiveInstance, liveInstances } from '../control/instances.js'
import type { StateDirectory } from '../state-directory.js'
import { addInstance, type InstanceStatus } from './daemons.js'

/** How often to look for a hangdog that has started, or started again, in ms. */
const lookEveryMs = 2000

/** Several changes that come together are shown at once, after so many ms. */
const gatherMs = 50

/** Follows the status of all services of all hangdogs of a state directory, also of those that start later. */
export class StatusWatcher {
  readonly #directory: StateDirectory
  readonly #changed: (all: readonly InstanceStatus[]) => void
  readonly #end = new AbortController()
  readonly #followed = new Map<string, readonly InstanceStatus[]>()
  #gathering: NodeJS.Timeout | undefined
  #looking: NodeJS.Timeout | undefined

  /** @param changed called with all services, whenever there is news; at least each second while a hangdog runs */
  constructor(directory: StateDirectory, changed: (all: readonly InstanceStatus[]) => void) {
    this.#directory = directory
    this.#changed = changed
  }

  start(live: readonly LiveInstance[]): void {
    for (const instance of live) void this.#follow(instance)
    this.#lookLater()
  }

  close(): void {
    this.#end.abort()
    clearTimeout(this.#gathering)
    clearTimeout(this.#looking)
  }

  #lookLater(): void {
    this.#looking = setTimeout(() => void this.#look(), lookEveryMs)
  }

  async #look(): Promise<void> {
    // What cannot be read now may be readable at the next look.
    const found = await liveInstances(this.#directory).catch(() => undefined)
    if (this.#end.signal.aborted) return
    for (const instance of found?.live ?? []) if (!this.#followed.has(instance.name)) void this.#follow(instance)
    this.#lookLater()
  }

  async #follow({ name, path }: LiveInstance): Promise<void> {
    this.#followed.set(name, [])
    try {
      for await (const status of followControl(path, 'watch-status', {}, { signal: this.#end.signal })) {
        this.#followed.set(name, addInstance(name, status))
        this.#gather()
      }
    } catch {
      // It has stopped, or does not answer; the next look finds it when it is back.
    }
    this.#followed.delete(name)
    if (!this.#end.signal.aborted) this.#gather()
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      const names = [...this.#followed.keys()].sort()
      this.#changed(names.flatMap((name) => this.#followed.get(name) ?? []))
    }, gatherMs)
  }
}
