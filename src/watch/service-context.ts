import type { ProcessIdentity, ServiceProcess } from '../platform/platform.js'
import type { Instant, Milliseconds } from '../time.js'
import type { ServicePolicy } from './policy.js'
import type { RunCompanion, ServiceSpec } from './service-spec.js'
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
  /** When the present run began, on the clock. */
  readonly startedAt: Instant
  /** What lives and ends with each of its runs. */
  readonly companions: readonly RunCompanion[]
  /** The process whose silence is meant by that of a channel: the service's own, or one that it started. */
  subjectOf(channel: string): ProcessIdentity | undefined
  /** The limit of a channel. */
  limitOf(channel: string): Milliseconds
  /** Beats that were heard on a channel, in all. */
  beatsOn(channel: string): number
  /** That process was found to have ended. */
  subjectGone(channel: string): void
  dispatch(event: ServiceEvent): void
}
