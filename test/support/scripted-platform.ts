import { HangdogError } from '../../src/errors.js'
import type {
  BugCheckFailure,
  BugCheckMethod,
  BugCheckReason,
  ExitStatus,
  MachineReading,
  Platform,
  ProcessIdentity,
  ProcessReading,
  RunDescription,
  ServiceProcess,
  SignalOutcome,
  SpawnRequest,
} from '../../src/platform/platform.js'
import { milliseconds } from '../../src/time.js'

/** What a scripted process does when it is signalled. */
export type Manner = 'obeys' | 'ignores-signal' | 'survives-kill' | 'leaves-child'

export class ScriptedProcess implements ServiceProcess {
  readonly identity: ProcessIdentity
  readonly startedAt = new Date(0)
  readonly command: string
  readonly exited: Promise<ExitStatus>
  manner: Manner
  gone = false
  childAlive: boolean
  #resolve: (status: ExitStatus) => void = () => {}

  constructor(pid: number, command: string, manner: Manner) {
    this.identity = { pid, startTime: `t${pid}` }
    this.command = command
    this.manner = manner
    this.childAlive = manner === 'leaves-child'
    this.exited = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  exit(status: ExitStatus = { kind: 'code', code: 0 }): void {
    this.gone = true
    this.#resolve(status)
  }

  lastLines(): readonly string[] {
    return []
  }
}

/** A platform for faults that cannot be made on a real machine, and for time that moves by hand. Records what is asked of it. */
export class ScriptedPlatform implements Platform {
  readonly name: 'linux' | 'dry-run'
  readonly capabilities = []
  readonly calls: string[] = []
  readonly processes: ScriptedProcess[] = []
  readonly members = new Map<number, ProcessReading>()
  manner: Manner = 'obeys'
  startFailure: HangdogError | undefined
  reading: ProcessReading = alive('sleeping', { waitChannel: 'ep_poll' })
  machine: MachineReading = {}
  method: BugCheckMethod = { kind: 'none', reason: 'no sysrq here' }

  constructor(name: 'linux' | 'dry-run' = 'linux') {
    this.name = name
  }

  get current(): ScriptedProcess {
    const process = this.processes.at(-1)
    if (process === undefined) throw new Error('nothing was spawned')
    return process
  }

  spawn(request: SpawnRequest): Promise<ServiceProcess> {
    this.calls.push('spawn')
    const running = this.processes.filter((process) => !process.gone || process.childAlive)
    if (running.length > 0) this.calls.push('SECOND COPY')
    if (this.startFailure !== undefined) return Promise.reject(this.startFailure)
    const process = new ScriptedProcess(100 + this.processes.length, request.command, this.manner)
    this.processes.push(process)
    return Promise.resolve(process)
  }

  describeRun({ identity, startedAt, command }: ServiceProcess): RunDescription {
    return { identity, startedAt: startedAt.toISOString(), command, marker: '' }
  }

  adopt(run: RunDescription, ended: Promise<void>): ServiceProcess {
    this.calls.push('adopt')
    const process = new ScriptedProcess(run.identity.pid, run.command, this.manner)
    void ended.then(() => process.exit({ kind: 'unknown' }))
    this.processes.push(process)
    return process
  }

  readProcess(identity: ProcessIdentity): ProcessReading {
    const member = this.members.get(identity.pid)
    if (member !== undefined) return member
    const process = this.processes.find(({ identity: { pid } }) => pid === identity.pid)
    return process === undefined || process.gone ? { kind: 'gone' } : this.reading
  }

  identifyMember(_service: ServiceProcess, pid: number): ProcessIdentity | undefined {
    return this.members.has(pid) ? { pid, startTime: 'member' } : undefined
  }

  /** Processes that only their mark shows to be of the service. */
  readonly marked = new Set<number>()

  identifySuccessor(_service: ServiceProcess, pid: number): Promise<ProcessIdentity | undefined> {
    return Promise.resolve(this.marked.has(pid) ? { pid, startTime: 'marked' } : undefined)
  }

  succeed(service: ServiceProcess, { pid }: ProcessIdentity): ServiceProcess {
    this.calls.push(`succeed ${pid}`)
    const former = this.#find(service)
    const process = new ScriptedProcess(pid, service.command, former.manner)
    this.members.delete(pid)
    this.processes.push(process)
    return process
  }

  readMachine(): MachineReading {
    return this.machine
  }

  signal(): SignalOutcome {
    return { kind: 'sent' }
  }

  terminate(process: ServiceProcess, signal: NodeJS.Signals): SignalOutcome {
    const scripted = this.#find(process)
    if (scripted.gone) return { kind: 'gone' }
    this.calls.push(signal)
    if (scripted.manner === 'obeys' || scripted.manner === 'leaves-child') scripted.exit({ kind: 'signal', signal })
    return { kind: 'sent' }
  }

  kill(process: ServiceProcess): SignalOutcome {
    const scripted = this.#find(process)
    if (scripted.gone && !scripted.childAlive) return { kind: 'gone' }
    this.calls.push('SIGKILL')
    if (scripted.manner === 'survives-kill') return { kind: 'sent' }
    scripted.childAlive = false
    scripted.exit({ kind: 'signal', signal: 'SIGKILL' })
    return { kind: 'sent' }
  }

  survivors(process: ServiceProcess): Promise<readonly ProcessIdentity[]> {
    const scripted = this.#find(process)
    return Promise.resolve(scripted.gone && !scripted.childAlive ? [] : [process.identity])
  }

  bugCheckMethod(): BugCheckMethod {
    return this.method
  }

  bugCheck(reason: BugCheckReason): Promise<BugCheckFailure> {
    this.calls.push(`bugcheck ${reason.pid}`)
    return Promise.resolve({ method: 'sysrq c', error: 'the machine is still there' })
  }

  #find(process: ServiceProcess): ScriptedProcess {
    const found = this.processes.find((candidate) => candidate === process)
    if (found === undefined) throw new HangdogError('internal', 'an unknown process')
    return found
  }
}

type Alive = Extract<ProcessReading, { kind: 'alive' }>

export function alive(state: Alive['state'], more: Partial<Alive> = {}): Alive {
  return { kind: 'alive', state, threads: 1, cpuTime: milliseconds(0), tracerPid: 0, frozen: false, ...more }
}
