import type { ServiceProcess } from '../platform/platform.js'
import type { ServicePolicy } from './policy.js'
import type { ServiceSpec } from './service-spec.js'
import type { ServiceEvent, ServiceState } from './service-state.js'
import type { Surroundings } from './surroundings.js'

/** What the parts of one service share: its state and the way to change it. Service is the only implementation. */
export interface ServiceContext {
  readonly spec: ServiceSpec
  readonly parts: Surroundings
  readonly policy: ServicePolicy
  readonly state: ServiceState
  /** The process of the present run; undefined when there is none. */
  readonly process: ServiceProcess | undefined
  dispatch(event: ServiceEvent): void
}
