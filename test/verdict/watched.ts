import type { Fault } from '../../src/fault/kit.js'
import type { Disturbance } from './disturbance.js'
import type { RunningCommand } from './running-command.js'

/** Who supervises: hangdog, or another watchdog that is put through the same. */
export interface Watcher {
  readonly name: string
  /** Why it cannot run on this machine, if so. */
  readonly lack: string | undefined
  /** Why it cannot watch such a service with this limit, if so. @param limitMs longest silence allowed */
  refuses(limitMs: number): string | undefined
  /** Why this kind of hang means nothing to it, if so. */
  refusesHang(fault: Fault): string | undefined
  /** Why it cannot be put through this, if so. */
  refusesDisturbance(disturbance: Disturbance): string | undefined
  /** Set when it can only watch a service of its own, which obeys `hang` and no other order. */
  readonly ownService?: (directory: string) => OwnService
  /** The same for one kind of hang. */
  readonly ownHang?: (directory: string, fault: Fault) => OwnService
  /** Starts the service and watches it. Resolves when the first beat was heard. */
  start(request: WatchRequest): Promise<Watched>
}

/** What a watcher that is part of a runtime watches. */
export interface OwnService {
  readonly service: Service
  /** Resolves with the wall time in ms at which it hung. */
  hang(watched: Watched): Promise<number>
}

/** A service and how it is to be watched. */
export interface WatchRequest {
  readonly service: Service
  readonly limitMs: number
  /** For whatever this run leaves behind; removed after it. */
  readonly directory: string
  readonly setting: Setting
}

/** A program that beats. */
export interface Service {
  /** As `--heartbeat` takes it. */
  readonly heartbeat: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** What a scenario needs to be different about the supervisor. */
export interface Setting {
  /** Its state is kept here. Default: a directory of the run. */
  readonly stateDirectory?: string
  /** It outlives its supervisor. */
  readonly guardProcess?: boolean
  /** Options of `hangdog run`. */
  readonly options?: readonly string[]
  /** Loaded into hangdog before its own code. */
  readonly preload?: string
  readonly environment?: Readonly<Record<string, string>>
}

/** A service under a supervisor. */
export interface Watched {
  /** What was started; it ends with the service. */
  readonly command: RunningCommand
  readonly supervisorPid: number
  /** The process that was started as the service. */
  readonly servicePid: number
  /** What the service wrote, line by line, as far as its supervisor passes it on. */
  readonly serviceLines: readonly string[]
  /** What the supervisor did or said that it must not do to a healthy service; the first one. */
  action(): Action | undefined
  /** Reasons for which it noticed that silence was none. */
  holds(): readonly string[]
  /** Starts the supervisor again, where that can be done; resolves when it watches the same service. */
  restart?(): Promise<void>
  /** Ends the supervisor and the service. */
  end(): Promise<void>
}

export interface Action {
  readonly what: string
  /** Wall time, in ms. */
  readonly at: number
  /** Wall time at which the service was proven gone, in ms. */
  goneAt(): number | undefined
}
