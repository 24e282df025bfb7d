import { type Milliseconds, milliseconds, seconds } from '../time.js'
import { coreDumpDelay, type ServicePolicy } from './policy.js'
import type { ServiceState } from './service-state.js'

/** A decision about a service that is not done yet. One that outlives its budget hangs itself. */
export interface OpenDecision {
  /** Stands for this one decision and no other. */
  readonly key: object
  readonly service: string
  readonly kind: 'verdict' | 'recovery'
  /** The sum of the limits of all its steps, with room to spare. */
  readonly budget: Milliseconds
}

/** For draining waiting beats and reading /proc, which take milliseconds; a machine under load takes longer. */
const verdictBudget = seconds(10)

/** For syncing disks and for asking the kernel, which have limits of their own in the adapter. */
const bugCheckBudget = seconds(15)

/** For what is computed between two steps. */
const slack = seconds(10)

/** Times that a recovery waits for the incident's record: opening, evidence, three around a bugcheck, the outcome. */
const recordWrites = 6

/** The decision that a service in this state waits for, if there is one. */
export function openDecision(service: string, state: ServiceState, policy: ServicePolicy): OpenDecision | undefined {
  if (state.kind === 'expired') return { key: state, service, kind: 'verdict', budget: verdictBudget }
  if (state.kind !== 'recovering') return undefined
  return { key: state, service, kind: 'recovery', budget: recoveryBudget(policy) }
}

function recoveryBudget(policy: ServicePolicy): Milliseconds {
  const mayBugCheck = policy.action === 'bugcheck' || policy.escalation === 'bugcheck'
  return milliseconds(
    recordWrites * policy.incidentTimeout +
      policy.evidenceTimeout +
      coreDumpDelay(policy) +
      (mayBugCheck ? bugCheckBudget : 0) +
      policy.terminateTimeout +
      // The last look for survivors has the limit of a kill again.
      2 * policy.killTimeout +
      slack,
  )
}
