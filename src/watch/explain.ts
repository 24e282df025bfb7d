import { formatDuration, zero } from '../time.js'
import { type HoldRecord, type JudgementRecord, recordHolds, recordJudgement } from './judgement.js'
import type { NearMiss } from './near-miss.js'
import { actionNumber, isShadow, type ServicePolicy } from './policy.js'
import type { Service } from './service.js'
import { describeState } from './service-status.js'
import type { StallNote } from './silence.js'
import type { ChannelClock } from './status.js'
import type { Surroundings } from './surroundings.js'

/** What would be done about a service now, and why what was done was done. Field names are stable. */
export interface Explanation {
  readonly service: string
  readonly state: string
  readonly detail: string
  /** What happens if nothing more is heard, step by step. */
  readonly next: readonly string[]
  /** The last verdict with what it rests on; null when silence was never judged. */
  readonly last: JudgementRecord | null
  /** The present moment. */
  readonly now: {
    readonly channels: readonly ChannelClock[]
    readonly holds: readonly HoldRecord[]
    readonly lastStall: StallNote | null
  }
  /** The last silence that passed its warning point and ended by itself; null when there was none. */
  readonly nearMiss: NearMiss | null
  readonly nearMisses: number
}

export function explainService(service: Service, parts: Surroundings): Explanation {
  return {
    service: service.spec.name,
    state: service.state.kind,
    detail: describeState(service),
    next: describeNext(service, parts),
    last: service.silence.lastJudgement === undefined ? null : recordJudgement(service.silence.lastJudgement),
    now: {
      channels: service.channels.clocks(service.policy.heartbeatTimeout),
      holds: recordHolds({ limits: service.policy.holds, heldSoFar: service.silence.holds.soFar() }),
      lastStall: service.silence.lastStall ?? null,
    },
    nearMiss: service.misses.last ?? null,
    nearMisses: service.misses.count,
  }
}

function describeNext(service: Service, parts: Surroundings): readonly string[] {
  const { policy, state } = service
  if (service.watchOff === 'disabled')
    return ['HangRecoveryAction is 0: no countdown runs, nothing is done about silence.']
  if (service.watchOff === 'maintenance')
    return ['It is in maintenance: no countdown runs until that ends by itself; see `hangdog maintenance status`.']
  const remaining = service.channels.remaining()
  if (remaining === undefined) return [`No countdown runs: the service is ${state.kind}.`]
  return [
    `If nothing is heard for another ${formatDuration(remaining)}, the countdown ends.`,
    ...describeDeferred(service),
    'Beats that wait in a socket are read first; time in which hangdog itself did not run is not counted.',
    'If the process is then stopped, traced, frozen or starved, it is held, not acted on, up to the limit of that hold.',
    ...describeAction(policy, parts),
  ]
}

function describeDeferred({ policies }: Service): readonly string[] {
  const { deferredLimit, inForce } = policies
  if (deferredLimit === undefined) return []
  const [limit, asked] = [formatDuration(inForce.heartbeatTimeout), formatDuration(deferredLimit)]
  return [
    `The limit is ${limit}: ${asked} was asked for, and waits until the service beats faster or is started again.`,
  ]
}

function describeAction(policy: ServicePolicy, parts: Surroundings): readonly string[] {
  const evidence =
    policy.evidenceTimeout === zero ? [] : [`Evidence is taken for at most ${formatDuration(policy.evidenceTimeout)}.`]
  if (isShadow(policy, parts.platform))
    return [...evidence, 'Nothing is done: this is a shadow, which decides and reports only.']
  const rule = `HangRecoveryAction is ${actionNumber(policy.action)} (${policy.action})`
  if (policy.action === 'log') return [...evidence, `${rule}: event 4869, again each period while the hang lasts.`]
  const grace =
    policy.terminateTimeout === zero
      ? 'SIGKILL at once'
      : `${policy.terminateSignal}, after ${formatDuration(policy.terminateTimeout)} SIGKILL`
  const terminate = `Terminate: ${grace}, to the service and all its descendants; then proof that they are gone.`
  const after = `Afterwards: restart "${policy.restart.mode}".`
  if (policy.action === 'terminate') return [...evidence, `${rule}.`, terminate, after]
  const permit = parts.bugCheckGate.permit()
  const method = parts.platform.bugCheckMethod()
  if (permit.kind === 'granted' && method.kind !== 'none')
    return [...evidence, `${rule}: this machine is stopped by ${method.method}.`]
  const reason = permit.kind === 'refused' ? permit.reason : method.kind === 'none' ? method.reason : ''
  return [
    ...evidence,
    `${rule}, but the machine may not be stopped (${reason}): the work of 2 is done instead.`,
    terminate,
    after,
  ]
}
