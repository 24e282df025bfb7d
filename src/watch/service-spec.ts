import type { SpawnRequest } from '../platform/platform.js'
import type { Milliseconds, WallTime } from '../time.js'
import type { CountdownEngine } from './countdown.js'
import type { ServicePolicy } from './policy.js'

/** What a service is, as the core is given it. Complete; no defaults are filled in later. */
export interface ServiceSpec {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly directory?: string
  readonly environment: Readonly<Record<string, string>>
  readonly output: SpawnRequest['output']
  readonly ownGroup: boolean
  readonly policy: ServicePolicy
  /** The heartbeat source, for people. */
  readonly heartbeat: string
  /** Silence before the first contact means something (see StepContext). */
  readonly committed: boolean
  /**
   * Keeps the countdown of the main channel, when that engine hears its beats by itself. Default: the engine of the surroundings.
   */
  readonly engine?: CountdownEngine
  /** The same for named channels. */
  readonly namedEngine?: CountdownEngine
}

/** A run, as its companions are told of it. */
export interface StartedRun {
  readonly pid: number
  /** The platform's own stamp of the start: see ProcessIdentity. */
  readonly startTime: string
  readonly startedAt: WallTime
}

/** What lives and ends with each run of a service: its heartbeat sources, and the kernel's watch. The core knows no more of them. */
export interface RunCompanion {
  environment(): Readonly<Record<string, string>>
  /** Open files that the service gets as 3, 4 and so on; asked after `environment`. Those of a companion follow those of the ones before it. */
  files?(): readonly number[]
  serviceStarted(run: StartedRun): void
  /** The service has handed over to another process of its run, which is its own from now on. */
  processReplaced?(run: StartedRun): void
  /** The service's process has ended. Resolves when all that it said before that has been delivered; undefined when it has been. */
  lastWords?(): Promise<void> | undefined
  serviceEnded(): void
  /** A run that another hangdog started goes on; it was given this as environment. `serviceStarted` follows. */
  adopted?(environment: Readonly<Record<string, string>>): void
  /** The limit of the service has changed while it runs. */
  limitChanged?(): void
  /**
   * How far the beats that it takes in are apart at most, whatever limit the service was told; zero when each is asked for, by the limit
   * of the moment. `as-told`: the service beats here by the limit it was told at its start, whatever holds elsewhere.
   */
  readonly slowestPace?: Milliseconds | 'as-told' | undefined
  /** The service has gone over to another state. */
  stateChanged?(): void
  /** Its main channel has another limit of its own, has become idle, or beats again after that. */
  mainChannelChanged?(): void
  /** The service asked for more time: the limit of its main channel comes no sooner than this much from now. */
  extended?(span: Milliseconds): void
  /** Anything of its policy has changed while it runs. */
  policyChanged?(): void
  counters(): Readonly<Record<string, number>>
  /** Beats that it did not deliver, as they asked nothing of anybody; of one channel, or of all. */
  beatsBeside?(channel?: string): number
}
