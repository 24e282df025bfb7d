import type { Milliseconds } from '../time.js'

/**
 * What goes out: the only contract through which a service or the machine is touched. One contract suite
 * (test/contract/platform.ts) runs against every adapter.
 */
export interface Platform {
  readonly name: 'linux' | 'windows' | 'dry-run'

  /** What this adapter can do on this machine and why not; asked once at start. */
  readonly capabilities: readonly Capability[]

  /**
   * Starts a program as a service: in a process group and session of its own, so that it can be ended with all that it started.
   * @throws HangdogError `unavailable` when the command is not found, `permission` when it may not be executed
   */
  spawn(request: SpawnRequest): Promise<ServiceProcess>

  /** What another hangdog needs to go on with this run, as plain data; undefined when the adapter does not know the process. */
  describeRun(process: ServiceProcess): RunDescription | undefined

  /**
   * Goes on with a run that another hangdog started and that has not ended. Nothing is done to it; from now on all that is done to a
   * service can be done to it. How it ends cannot be known: it is not our child.
   * @param ended resolves when the process has ended
   */
  adopt(run: RunDescription, ended: Promise<void>): ServiceProcess

  /**
   * As `identifyMember`, for a process that is to be the service's own. It also finds one that has left the service's session, and whose
   * parents have ended; for that it may look at what can make it wait, within a limit of its own. Never rejects.
   */
  identifySuccessor(service: ServiceProcess, pid: number): Promise<ProcessIdentity | undefined>

  /**
   * The service goes on as this process, which one of the two above has identified. What is done to the result is done to that process and
   * to all that belongs to the run; nothing more is to be done to `service`. How it ends is known only if it is our child.
   */
  succeed(service: ServiceProcess, successor: ProcessIdentity): ServiceProcess

  /** Reads a process's state without waiting: no file system but /proc, no pool thread. Never throws; `gone` when identity does not match. */
  readProcess(process: ProcessIdentity): ProcessReading

  /**
   * Identifies a process that says it belongs to a service; undefined when it does not exist or does not belong to it. What a service
   * says must not make hangdog look into, or signal, somebody else's process.
   */
  identifyMember(service: ServiceProcess, pid: number): ProcessIdentity | undefined

  /** Reads the machine's clocks and pressure, also without waiting. Never throws; what is not known is left out. */
  readMachine(): MachineReading

  /** Sends a signal to the process alone (for signals passed on, and for TerminateSignal to a process that is ours). */
  signal(process: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome

  /** Asks the service and its process group to end. */
  terminate(process: ServiceProcess, signal: NodeJS.Signals): SignalOutcome

  /**
   * A kill may be near (the warning point): what it would have to reach is looked up now, so that the kill itself need not look before
   * it acts. What is started after this is found by the kill's second look. Optional.
   */
  prepareKill?(process: ServiceProcess): void

  /** Where the kernel keeps what the guard needs to end this service alone; paths that exist now. Optional. */
  controlGroup?(process: ServiceProcess): ControlGroup

  /** Ends the service and all its descendants by force. Returns at once; `survivors` proves the outcome. May be called again. */
  kill(process: ServiceProcess): SignalOutcome

  /** Those of the service and its descendants that still exist; zombies that only wait to be reaped do not count. */
  survivors(process: ServiceProcess): Promise<readonly ProcessIdentity[]>

  /** How this machine would be stopped now: by crash dump or plain reboot; or why it cannot. */
  bugCheckMethod(): BugCheckMethod

  /** Stops the machine. Resolves only when it did not work, with the error. Disks are synced first, within a limit. */
  bugCheck(reason: BugCheckReason): Promise<BugCheckFailure>
}

export interface ControlGroup {
  /** Directory of a control group (v2) that holds the service and nothing else. */
  readonly own?: string
  /** A file that says whether the process is frozen, where its own group does not. */
  readonly freezer?: string
}

export interface Capability {
  readonly name:
    | 'terminate'
    | 'process-group'
    | 'cgroup-kill'
    | 'process-state'
    | 'pressure'
    | 'bugcheck-dump'
    | 'bugcheck-reboot'
    | 'kernel-stack'
    | 'native-stack'
    | 'javascript-stack'
    | 'system-log'
    | 'notify-socket'
    | 'guard'
    | 'guard-priority'
    | 'guard-memory'
    | 'kernel-module'
  readonly available: boolean
  /** Why not, or what is used instead; for `doctor`. */
  readonly detail: string
  /** What would mend it, as a command or a sentence. */
  readonly mend?: string
}

/** A process, safe against reuse of its number. */
export interface ProcessIdentity {
  readonly pid: number
  /** The platform's own stamp of when the process started (Linux: field 22 of /proc/PID/stat). Only compared for equality. */
  readonly startTime: string
}

export interface SpawnRequest {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly directory?: string
  /** Complete environment of the service. */
  readonly environment: Readonly<Record<string, string>>
  /**
   * `pass`: piped through hangdog to its own stdout and stderr, last lines remembered. `inherit`: the service writes to hangdog's
   * own descriptors, nothing is remembered. A file: both streams appended to it.
   */
  readonly output: 'pass' | 'inherit' | { readonly file: string }
  /** Open files of ours that the service gets as 3, 4 and so on. Default: none. They stay open here. */
  readonly files?: readonly number[]
  /** Try to give the service a control group of its own. */
  readonly ownGroup: boolean
}

/** A service that was spawned. */
export interface ServiceProcess {
  readonly identity: ProcessIdentity
  /** Wall time of the start, for judging whether a heartbeat file is older than the service. */
  readonly startedAt: Date
  readonly command: string
  /** Resolves once, when the process has ended; never rejects. */
  readonly exited: Promise<ExitStatus>
  /** The last lines of output, newest last; what is not known is empty. */
  lastLines(count: number): readonly string[]
}

/** A run, for whoever comes after the hangdog that started it. */
export interface RunDescription {
  readonly identity: ProcessIdentity
  /** ISO 8601. */
  readonly startedAt: string
  readonly command: string
  /** Processes that were the service's before it handed over, the first one first. */
  readonly former?: readonly ProcessIdentity[]
  /** By which all that it started is found. */
  readonly marker: string
  /** Of its own control group. */
  readonly group?: string
  /** Where its output goes, when that is a file. */
  readonly outputFile?: string
}

/** How a child of ours ended. */
export type ChildExit =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }

export type ExitStatus =
  | ChildExit
  /** It is not our child, as it was adopted or handed over to: only its own parent could know. */
  | { readonly kind: 'unknown'; readonly handedOver?: true }

export type ProcessState = 'running' | 'sleeping' | 'uninterruptible' | 'stopped' | 'traced' | 'zombie' | 'unknown'

export type ProcessReading =
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'alive'
      /** State of the main thread. */
      readonly state: ProcessState
      readonly threads: number
      /** CPU time of the whole process since its start. */
      readonly cpuTime: Milliseconds
      /** Longest time any one thread has waited for a CPU since its start; absent where the kernel does not count it. */
      readonly runQueueWait?: Milliseconds
      /** Process that traces it, 0 for none. */
      readonly tracerPid: number
      /** Its control group is frozen. */
      readonly frozen: boolean
      /** A debugger has halted its program, though not the process. No adapter can see that; whoever asked the program adds it. */
      readonly halted?: boolean
      /** Kernel function the main thread waits in. */
      readonly waitChannel?: string
    }

export interface MachineReading {
  /** Time since boot including suspend, minus the monotonic clock: grows by the length of each suspend. */
  readonly suspended?: Milliseconds
  /** Total time in which at least one task waited for a CPU (PSI cpu some). */
  readonly cpuPressure?: Milliseconds
  /** Total time stolen by the hypervisor, per CPU on average. */
  readonly stolen?: Milliseconds
  /** Total time the CPUs accounted for (busy and idle), per CPU on average; stands still while the machine is paused. */
  readonly accounted?: Milliseconds
}

export type SignalOutcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'refused'; readonly error: string }

export type BugCheckMethod =
  | { readonly kind: 'dump'; readonly method: string }
  | { readonly kind: 'reboot'; readonly method: string }
  | { readonly kind: 'none'; readonly reason: string }

export interface BugCheckReason {
  readonly service: string
  readonly pid: number
  readonly timeout: Milliseconds
  readonly incident: string
}

export interface BugCheckFailure {
  readonly method: string
  readonly error: string
}
