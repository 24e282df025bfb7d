import type { Emit } from './event/event.js'
import { type GuardRecord, guardHang, guardOutcome, parseGuardRecord } from './incident/guard-record.js'
import type { Guard } from './platform/guard.js'
import type { GuardListener } from './platform/guard-news.js'
import type { GuardHold, GuardPlan } from './platform/guard-plan.js'
import { type Milliseconds, milliseconds, seconds, zero } from './time.js'
import { version } from './version.js'
import type { IncidentOutcome, IncidentRecord } from './watch/incident.js'
import { coreDumpDelay, isShadow, type ServicePolicy } from './watch/policy.js'
import type { Service } from './watch/service.js'
import type { RunCompanion } from './watch/service-spec.js'
import { isStall } from './watch/service-state.js'

/** What joins one service to a guard that may act alone on it. */
export interface AlonePlanParts {
  readonly guard: Guard
  readonly service: Service
  /** Keeps the main channel in the guard. */
  readonly countdown: number
  /** What names the running process in the guard; undefined while there is none. */
  readonly process: () => number | undefined
  readonly emit: Emit
  /** Makes an incident of a record. Never rejects; undefined when that cannot be done. */
  readonly keep: (record: GuardRecord, outcome?: IncidentOutcome | 'interrupted') => Promise<IncidentRecord | undefined>
}

/**
 * How long the guard waits for us to claim an expiry. A process that does not come to that within a second is blocked, or the machine is
 * so short of CPUs that the guard's own look at the service says so.
 */
const claimBudget = seconds(1)

/** What the steps of a recovery take beside the limits that the policy has for them: drain, verdict, disks, a bugcheck that fails. */
const ladderSlack = seconds(15)

/**
 * Keeps the guard's plan for one service in step with its policy and its state, and takes over what the guard did. There is a plan only
 * while the countdown of the main channel runs; while we deal with an expiry ourselves, the guard waits for us to come to an end.
 */
export class AlonePlan implements RunCompanion, GuardListener {
  readonly #parts: AlonePlanParts
  /** The plan that the guard has, as text; empty for none. */
  #current = ''
  #leased = false
  #finish: ((record: IncidentRecord | undefined) => void) | undefined
  /** Records that were written of silences that were not acted on. */
  readonly #noted = new Map<string, Promise<IncidentRecord | undefined>>()

  constructor(parts: AlonePlanParts) {
    this.#parts = parts
    parts.guard.listen(this)
  }

  environment(): Readonly<Record<string, string>> {
    return {}
  }

  serviceStarted(): void {
    this.stateChanged()
  }

  processReplaced(): void {
    this.stateChanged()
  }

  /** What the guard has to say of this end must be known before anything follows from it. */
  serviceEnded(): void {
    this.#parts.guard.catchUp()
    this.#set(undefined)
  }

  counters(): Readonly<Record<string, number>> {
    return {}
  }

  policyChanged(): void {
    this.stateChanged()
  }

  stateChanged(): void {
    const { service, guard, countdown } = this.#parts
    const { state, policy } = service
    if (state.kind === 'expired' || state.kind === 'recovering') {
      if (this.#action() !== 'log') this.#leased = guard.lease(countdown, ladderLimit(policy)) || this.#leased
      return
    }
    if (this.#leased) guard.lease(countdown, zero)
    this.#leased = false
    const isCounting = state.kind === 'armed' || (state.kind === 'held' && isCountedHold(state.reason))
    this.#set(isCounting ? this.#plan() : undefined)
  }

  // What the guard says (GuardListener).

  guardActing(countdown: number, slot: number | undefined): void {
    if (countdown !== this.#parts.countdown) return
    const found = this.#read(slot)
    const record = new Promise<IncidentRecord | undefined>((resolve) => {
      this.#finish = resolve
    })
    const hang = found === undefined ? unrecordedHang : guardHang(found)
    this.#parts.service.takenOver({ hang, record })
  }

  guardActed(countdown: number, _process: number, error: number, slot: number | undefined): void {
    if (countdown !== this.#parts.countdown) return
    void this.#acted(error, slot)
  }

  guardNoted(countdown: number, slot: number | undefined): void {
    if (countdown === this.#parts.countdown) void this.#noteTaken(slot)
  }

  guardHolding(countdown: number, reason: GuardHold): void {
    const { service, emit } = this.#parts
    if (countdown === this.#parts.countdown)
      emit({ name: 'guard-held', service: service.spec.name, parameters: { reason } })
  }

  /** Another guard has come in the place of ours, which told nothing more of what it was doing. */
  guardReplaced(): void {
    this.#finish?.(undefined)
    this.#finish = undefined
    this.#noted.clear()
  }

  async #acted(error: number, slot: number | undefined): Promise<void> {
    const { service, emit, keep, guard } = this.#parts
    const finish = this.#finish
    this.#finish = undefined
    const found = this.#read(slot)
    const kept = found === undefined ? undefined : await keep(found)
    if (kept !== undefined && slot !== undefined) guard.freeRecord(slot)
    const incident = kept === undefined ? {} : { incident: kept.id }
    const outcome = found?.outcome ?? (error === 0 ? 'terminated' : 'not-terminated')
    const steps = found?.steps.map(({ text }) => text).join('; ') ?? 'not recorded'
    const parameters = {
      pid: found?.pid ?? service.process?.identity.pid ?? 0,
      at: found?.at ?? 'unknown',
      outcome,
      steps,
    }
    emit({ name: 'guard-acted', service: service.spec.name, ...incident, parameters })
    // Nobody goes on with it when the service had come to its end in another way.
    if (finish === undefined || service.state.kind !== 'recovering') {
      if (found !== undefined) void kept?.close(closedBy(guardOutcome(found)))
    }
    finish?.(kept)
  }

  /** A record is told of when it is written, and again when it has come to its end. */
  async #noteTaken(slot: number | undefined): Promise<void> {
    const { service, keep, guard } = this.#parts
    const found = this.#read(slot)
    if (found === undefined || slot === undefined) return
    const before = this.#noted.get(found.id)
    const kept = before ?? keep(found)
    this.#noted.set(found.id, kept)
    if (before === undefined && found.outcome === undefined) service.hangs.adopt(kept)
    const record = await kept
    if (found.outcome !== undefined) void record?.close(closedBy(guardOutcome(found)))
    if (record === undefined) return
    // The guard refuses while it may still add to it; then it tells us once more.
    if (guard.freeRecord(slot)) this.#noted.delete(found.id)
  }

  #read(slot: number | undefined): GuardRecord | undefined {
    const text = slot === undefined ? undefined : this.#parts.guard.recordText(slot)
    return text === undefined ? undefined : parseGuardRecord(text)
  }

  #set(plan: GuardPlan | undefined): void {
    const wanted = plan === undefined ? '' : JSON.stringify(plan)
    if (wanted === this.#current) return
    // Refused while the guard acts by the one it has; what comes of that calls us again.
    if (this.#parts.guard.plan(this.#parts.countdown, plan)) this.#current = wanted
  }

  #action(): GuardPlan['action'] {
    const { policy, parts } = this.#parts.service
    return policy.action === 'disable' || isShadow(policy, parts.platform) ? 'log' : policy.action
  }

  #plan(): GuardPlan | undefined {
    const { service, process: named } = this.#parts
    const { policy, spec, parts } = service
    const [running, process] = [service.process, named()]
    if (running === undefined || process === undefined || policy.action === 'disable') return undefined
    const { own, freezer } = parts.platform.controlGroup?.(running) ?? {}
    const { stopped, traced, frozen, starved } = policy.holds
    return {
      action: this.#action(),
      escalates: policy.escalation === 'bugcheck',
      process,
      signal: policy.terminateSignal,
      budget: claimBudget,
      grace: policy.terminateTimeout,
      killLimit: policy.killTimeout,
      recordLimit: policy.incidentTimeout,
      holds: { stopped, traced, frozen, starved },
      ...(own !== undefined && { group: own }),
      ...(freezer !== undefined && { freezer }),
      name: spec.name,
      about: { command: spec.command, hangdog: version },
    }
  }
}

const unrecordedHang = {
  kind: 'unknown',
  detail: 'hangdog did not answer, and the guard could not record what it saw',
} as const

/** A countdown runs in such a hold. */
function isCountedHold(reason: Parameters<typeof isStall>[0]): boolean {
  return reason === 'starved' || isStall(reason)
}

/** No recovery of ours takes longer: each of its steps has a limit. */
function ladderLimit(policy: ServicePolicy): Milliseconds {
  const { evidenceTimeout, incidentTimeout, terminateTimeout, killTimeout } = policy
  return milliseconds(
    evidenceTimeout + coreDumpDelay(policy) + 4 * incidentTimeout + terminateTimeout + killTimeout + ladderSlack,
  )
}

function closedBy(outcome: IncidentOutcome | 'interrupted'): IncidentOutcome {
  return outcome === 'interrupted' ? 'not-terminated' : outcome
}
