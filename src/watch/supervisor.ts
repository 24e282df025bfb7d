import { HangdogError } from '../errors.js'
import type { MachineReading } from '../platform/platform.js'
import { type Milliseconds, type Scheduled, seconds } from '../time.js'
import type { CountdownEngine, Stall } from './countdown.js'
import { type Explanation, explainService } from './explain.js'
import type { BeatGapsRecord } from './gap-book.js'
import { type OpenDecision, openDecision } from './open-decision.js'
import type { HoldReason } from './policy.js'
import { Service } from './service.js'
import type { ServiceSpec } from './service-spec.js'
import { isRunning } from './service-state.js'
import { serviceStatus } from './service-status.js'
import type { BeatReceiver } from './sign-of-life.js'
import type { ServiceStatus } from './status.js'
import type { Surroundings } from './surroundings.js'

/** From this share of a stall on, what the machine lost explains the stall. */
const explainingShare = 0.5
const machineInterval = seconds(10)

/** Watches any number of services. Does no I/O: everything outside is in its Surroundings. */
export class Supervisor {
  readonly #parts: Surroundings
  readonly #services = new Map<string, Service>()
  readonly #engines = new Set<CountdownEngine>()
  #machine: MachineReading
  #machineTimer: Scheduled | undefined
  readonly #since: string

  constructor(parts: Surroundings) {
    this.#parts = parts
    this.#since = parts.clock.wallNow().toISOString()
    this.#machine = parts.platform.readMachine()
    this.#heed(parts.engine)
    this.#rereadMachine()
  }

  /** Adds a service; it is not started yet. @throws HangdogError `config` when the name is taken */
  add(spec: ServiceSpec): Service {
    if (this.#services.has(spec.name)) {
      throw new HangdogError('config', `cannot add service "${spec.name}": there is one of that name already`)
    }
    if (spec.engine !== undefined) this.#heed(spec.engine)
    const service = new Service(spec, this.#parts)
    this.#services.set(spec.name, service)
    return service
  }

  /**
   * Takes a service out that is at rest, for good. One that is just being started looks so too: wait for `start` first.
   * @throws HangdogError `usage` when there is none of that name, or it is neither stopped nor failed
   */
  remove(name: string): void {
    const service = this.service(name)
    const { kind } = service.state
    if (kind !== 'stopped' && kind !== 'failed') {
      throw new HangdogError(
        'usage',
        `cannot remove service "${name}": expected it to be stopped or failed, not ${kind}`,
      )
    }
    service.dispose()
    this.#services.delete(name)
  }

  /** @throws HangdogError `usage` when there is none of that name */
  service(name: string): Service {
    const service = this.#services.get(name)
    if (service !== undefined) return service
    const known = [...this.#services.keys()].join(', ')
    throw new HangdogError('usage', `cannot find service "${name}": expected one of ${known}`)
  }

  receiver(name: string): BeatReceiver {
    return this.service(name)
  }

  get services(): readonly Service[] {
    return [...this.#services.values()]
  }

  status(): readonly ServiceStatus[] {
    return this.services.map((service) => serviceStatus(service, this.#parts.clock))
  }

  explain(name: string): Explanation {
    return explainService(this.service(name), this.#parts)
  }

  /** Verdicts and recoveries that are not done yet. */
  *decisions(): Generator<OpenDecision> {
    for (const { spec, state, policy } of this.#services.values()) {
      const decision = openDecision(spec.name, state, policy)
      if (decision !== undefined) yield decision
    }
  }

  /**
   * How far the beats of one service or of all were apart: a record for each channel that was heard, at least one for each service.
   * @throws HangdogError `usage` when there is none of that name
   */
  gaps(name?: string): readonly BeatGapsRecord[] {
    const services = name === undefined ? this.services : [this.service(name)]
    return services.flatMap(({ spec, channels, policy }) =>
      channels.gapRecords(spec.name, this.#since, policy.heartbeatTimeout),
    )
  }

  /** Goes on counting gaps where an earlier hangdog ended. To be called before the first beat; records of other services are ignored. */
  restoreGaps(records: readonly BeatGapsRecord[]): void {
    for (const record of records) this.#services.get(record.service)?.channels.restoreGaps(record)
  }

  /** Stops all services in the reverse of their order; resolves when each is gone or known not to go. */
  async stopAll(reason: string): Promise<void> {
    await Promise.all([...this.services].reverse().map((service) => service.stop(reason)))
  }

  close(): void {
    this.#machineTimer?.cancel()
    for (const service of this.#services.values()) service.dispose()
    for (const engine of this.#engines) engine.close()
  }

  #heed(engine: CountdownEngine): void {
    if (this.#engines.has(engine)) return
    this.#engines.add(engine)
    engine.onStall((stall) => this.#stalled(engine, stall))
  }

  /** A stall is explained by what the machine lost since the last reading, so that reading must be recent. */
  #rereadMachine(): void {
    this.#machine = this.#parts.platform.readMachine()
    this.#machineTimer = this.#parts.clock.schedule(machineInterval, () => this.#rereadMachine())
  }

  #stalled(engine: CountdownEngine, { lost }: Stall): void {
    const before = this.#machine
    this.#machine = this.#parts.platform.readMachine()
    const reason = explainStall(lost, before, this.#machine)
    const held = this.services.filter(
      (service) => service.isKeptBy(engine) && isRunning(service.state) && service.stalled(lost, reason),
    )
    // What stops us stops every engine, and each of them says so.
    if (engine !== this.#parts.engine && held.length === 0) return
    const parameters = { stalledMs: Math.round(lost), reason, services: held.length }
    this.#parts.emit({ name: 'supervisor-stalled', parameters })
  }
}

/**
 * Tells why we did not run. Suspend shows as time since boot growing faster than the monotonic clock; a paused virtual machine as
 * stolen time, or as CPUs that accounted for less time than has passed. Otherwise it was us alone: stopped, or blocked.
 */
export function explainStall(lost: Milliseconds, before: MachineReading, now: MachineReading): HoldReason {
  const suspended = growth(before.suspended, now.suspended)
  if (suspended >= explainingShare * lost) return 'machine-suspended'
  const stolen = growth(before.stolen, now.stolen)
  return stolen >= explainingShare * lost ? 'machine-paused' : 'supervisor-stalled'
}

function growth(before: Milliseconds | undefined, now: Milliseconds | undefined): number {
  return before === undefined || now === undefined ? 0 : Math.max(0, now - before)
}
