import { HangdogError } from './errors.js'
import type { GuardProcess } from './platform/guard-process.js'
import type { ServiceProcess } from './platform/platform.js'
import { encodeResident } from './resident-label.js'
import type { Service } from './watch/service.js'
import type { RunCompanion, StartedRun } from './watch/service-spec.js'

/** Keeps the runs of a service known to the guard process, so that they are watched on, and found again, when hangdog dies. */
export class Residence implements RunCompanion {
  readonly #guard: GuardProcess
  readonly #service: Service
  readonly #beatsHere: boolean
  #process: number | undefined

  /** @param beatsHere the guard hears the service's beats by itself */
  constructor(guard: GuardProcess, service: Service, { beatsHere }: { readonly beatsHere: boolean }) {
    this.#guard = guard
    this.#service = service
    this.#beatsHere = beatsHere
  }

  environment(): Readonly<Record<string, string>> {
    return {}
  }

  /** The next hangdog is to find the process that the service has now; there is no time in which it finds none. */
  processReplaced(run: StartedRun): void {
    const before = this.#process
    this.#process = undefined
    this.serviceStarted(run)
    if (before !== undefined) this.#guard.guard.forgetProcess(before)
  }

  serviceStarted({ pid, startTime }: StartedRun): void {
    const { process } = this.#service
    if (process === undefined) return
    try {
      this.#process = this.#guard.guard.watchProcess({ pid, startTime })
      this.#label(this.#process, process)
    } catch (error) {
      // It has ended already, which it will be reported for.
      if (!(error instanceof HangdogError) || error.code !== 'unavailable') throw error
    }
  }

  serviceEnded(): void {
    if (this.#process !== undefined) this.#guard.guard.forgetProcess(this.#process)
    this.#process = undefined
  }

  counters(): Readonly<Record<string, number>> {
    return {}
  }

  #label(process: number, started: ServiceProcess): void {
    const { spec, parts, lifecycle } = this.#service
    const run = parts.platform.describeRun(started)
    if (run === undefined) return
    this.#guard.label(process, this.#beatsHere, encodeResident({ service: spec.name, run, given: lifecycle.given }))
  }
}
