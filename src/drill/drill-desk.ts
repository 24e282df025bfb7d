import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { HangdogError } from '../errors.js'
import type { Emit, EventSink, RecordedEvent } from '../event/event.js'
import type { StateDirectory } from '../state-directory.js'
import { formatDuration } from '../time.js'
import { isShadow } from '../watch/policy.js'
import type { Service } from '../watch/service.js'
import { describeState } from '../watch/service-status.js'
import { Drill, type DrillParts } from './drill.js'
import { canaryName, type DrillPlan, planDrill } from './drill-plan.js'
import type { DrillOrder, DrillOutcome, TellDrill } from './drill-report.js'

export interface DrillDeskParts extends DrillParts {
  readonly emit: Emit
  readonly state: Pick<StateDirectory, 'output'>
}

const stopping = 'hangdog is being stopped'

/**
 * Holds the drills of one hangdog: for each service one at a time, beside everything else that hangdog does. The service itself is not
 * touched; only its policy is looked at.
 */
export class DrillDesk {
  /** To be given all events: the drills see theirs among them. */
  readonly sink: EventSink = {
    record: (event: RecordedEvent) => {
      for (const { drill } of this.#running.values()) drill.record(event)
    },
    flush: () => Promise.resolve(),
  }
  readonly #parts: DrillDeskParts
  /** By the name of the canary. */
  readonly #running = new Map<string, { readonly drill: Drill; readonly outcome: Promise<DrillOutcome> }>()
  /** Canaries that could not be ended. */
  readonly #left = new Set<string>()
  #closed = false

  constructor(parts: DrillDeskParts) {
    this.#parts = parts
  }

  /**
   * Holds a drill. What was observed is told as it happens, and is an event at the end.
   * @returns the outcome, also when the drill failed
   * @throws HangdogError `usage` when there is no such service; `config` when the limit is too short; `unavailable` when a drill would
   * prove nothing or cannot be held now: the service is not watched, it has a drill already, hangdog only decides and does not act, or it
   * is being stopped
   */
  async drill(order: DrillOrder, tell: TellDrill): Promise<DrillOutcome> {
    const { supervisor, state } = this.#parts
    const service = supervisor.service(order.service)
    this.#check(service)
    const plan = planDrill(service, order, state)
    this.#makeRoom(plan)
    const drill = new Drill(plan, this.#parts, tell)
    const outcome = this.#hold(drill)
    this.#running.set(plan.canary, { drill, outcome })
    return outcome
  }

  /** Ends the drills that go on; their canaries are ended first. No other begins. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true
    const running = [...this.#running.values()]
    for (const { drill } of running) drill.watch.end('abandoned', stopping)
    await Promise.all(running.map(({ outcome }) => outcome))
  }

  #check(service: Service): void {
    const { spec, policy, watchOff, state } = service
    const { name } = spec
    const refuse = (reason: string): never => {
      throw new HangdogError('unavailable', `cannot drill service "${name}": ${reason}`)
    }
    if (this.#closed) refuse(stopping)
    if (this.#running.has(name) || this.#left.has(name)) refuse('it is itself the canary of a drill')
    if (this.#running.has(canaryName(name))) refuse('a drill of it goes on already')
    if (watchOff === 'disabled') refuse('it is not watched: its HangRecoveryAction is 0')
    if (watchOff === 'maintenance') refuse('it is not watched: it is in maintenance')
    if (state.kind === 'unwatched') refuse(`it is ${describeState(service)}`)
    // What a drill proved would not be done.
    if (isShadow(policy, this.#parts.platform))
      refuse('hangdog only decides about it and does not act (shadow, dry run)')
  }

  /** The canary of an earlier drill that could not be ended then may have gone since. */
  #makeRoom({ service, canary }: DrillPlan): void {
    const { supervisor } = this.#parts
    if (!supervisor.services.some(({ spec }) => spec.name === canary)) return
    if (this.#left.has(canary) && isAtRest(supervisor.service(canary))) {
      supervisor.remove(canary)
      this.#left.delete(canary)
      return
    }
    const what = this.#left.has(canary) ? 'the canary of an earlier drill, which could not be ended' : 'a service'
    throw new HangdogError('unavailable', `cannot drill service "${service}": there is ${what} of the name "${canary}"`)
  }

  async #hold(drill: Drill): Promise<DrillOutcome> {
    const { plan } = drill
    const { emit, supervisor } = this.#parts
    const { service, canary, how, policy } = plan
    const limit = formatDuration(policy.heartbeatTimeout)
    emit({ name: 'drill-started', service, parameters: { service, canary, how, limit } })
    const outcome = await drill.run()
    if (supervisor.services.some(({ spec }) => spec.name === canary)) this.#left.add(canary)
    await this.#removeFiles(plan, outcome)
    this.#report(outcome, drill)
    this.#running.delete(canary)
    return outcome
  }

  /** What the canary said is kept only when the drill failed: it may tell why. */
  async #removeFiles({ record, canary }: DrillPlan, { kind }: DrillOutcome): Promise<void> {
    const files = kind === 'passed' ? [record, join(this.#parts.state.output, `${canary}.log`)] : [record]
    // One that stays is begun anew by the next drill.
    await Promise.all(files.map((file) => rm(file, { force: true }).catch(() => undefined)))
  }

  #report(outcome: DrillOutcome, { plan, summary }: Drill): void {
    const { service, canary } = plan
    const limit = formatDuration(plan.policy.heartbeatTimeout)
    const about = outcome.incident === null ? { service } : { service, incident: outcome.incident }
    if (outcome.kind === 'passed') {
      const { overshootMs, reportedMs, detectionMs } = outcome
      const parameters = { service, canary, overshootMs, reportedMs, detectionMs, limit, steps: summary }
      this.#parts.emit({ name: 'drill-passed', ...about, parameters })
    } else if (outcome.kind === 'failed') {
      const { step, detail } = outcome
      this.#parts.emit({ name: 'drill-failed', ...about, parameters: { service, canary, step, detail, limit } })
    } else {
      this.#parts.emit({ name: 'drill-skipped', ...about, parameters: { reason: outcome.detail } })
    }
  }
}

function isAtRest({ state }: Service): boolean {
  return state.kind === 'stopped' || state.kind === 'failed'
}
