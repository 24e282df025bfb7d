import type { Milliseconds } from '../time.js'
import type { StartedRun } from '../watch/service-spec.js'
import type { LoopReport } from './loop-history.js'

/**
 * A way for signs of life to come in. One source serves one service; it is told when the service starts and ends, and delivers
 * to the BeatReceiver it was made with.
 */
export interface HeartbeatSource {
  /** For people: `stream`, `http://127.0.0.1:80/health`, … */
  readonly description: string
  /** Variables the service needs to be given, asked before each start. */
  environment(): Readonly<Record<string, string>>
  /** Open files that the service gets as 3, 4 and so on; asked after `environment`. */
  files?(): readonly number[]
  /** The service runs. Whatever is older than `startedAt` is no sign of life of this run. */
  serviceStarted(process: StartedProcess): void
  /** A run that another hangdog started goes on, with the environment that its sources had given it; `serviceStarted` follows. */
  adopted?(environment: Readonly<Record<string, string>>): void
  /** The service has handed over to another process of its run. Absent for a source to which it makes no difference. */
  processReplaced?(process: StartedProcess): void
  /** See RunCompanion. */
  lastWords?(): Promise<void> | undefined
  /** The service ended; nothing is delivered until it starts again. */
  serviceEnded(): void
  /** The limit of the service has changed while it runs; who asks by itself asks at another pace from now on. */
  limitChanged?(): void
  /** How far beats are apart at most, whatever the service was told: see RunCompanion. */
  readonly slowestPace?: Milliseconds | undefined
  /**
   * What names the running process in the guard, when the guard takes in all beats of the main channel by itself; undefined when it does
   * not, or nothing runs. Absent for a source whose beats only JavaScript can read.
   */
  readonly guardedProcess?: number | undefined
  /** The service speaks by this source, and only JavaScript can read what it says. */
  readonly isConnected?: boolean
  close(): Promise<void>
  /** What was refused, dropped or failed, by name; for `status`. */
  counters(): Readonly<Record<string, number>>
  /** What the service's preload said of its event loop, the oldest first. Absent where no preload speaks. */
  loopReports?(): readonly LoopReport[]
  /** Beats that it did not deliver, as they asked nothing of anybody; of one channel, or of all. */
  beatsBeside?(channel?: string): number
}

export type StartedProcess = StartedRun

/** Interval and time limit of a probe. */
export interface ProbeTiming {
  readonly interval: Milliseconds
  readonly timeout: Milliseconds
}
