import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { type BugCheckFiles, linuxBugCheck, linuxBugCheckMethod } from './linux-bugcheck.js'
import { probeCapabilities } from './linux-capabilities.js'
import { type CgroupMounts, freezerFile, parseCgroupMounts } from './linux-cgroup.js'
import { LeftGroups } from './linux-left-groups.js'
import { Lineage, pollEnd } from './linux-lineage.js'
import { MarkerSearch } from './linux-marker.js'
import type { LinuxPlatformOptions } from './linux-options.js'
import { readKernelFile, readStat } from './linux-proc.js'
import { adoptedService, type LinuxService, spawnService } from './linux-process.js'
import { createMachineReader, readLinuxProcess } from './linux-reading.js'
import { isSame, sendSignal, signalGroup, stoppingSignals } from './linux-signal.js'
import { createSharedTable, findTree, hasEnded, identifyMember, isOlder, type ProcessTable } from './linux-tree.js'
import { OutputPass } from './output-pass.js'
import type {
  BugCheckFailure,
  BugCheckMethod,
  BugCheckReason,
  Capability,
  ControlGroup,
  ExitStatus,
  MachineReading,
  Platform,
  ProcessIdentity,
  ProcessReading,
  RunDescription,
  ServiceProcess,
  SignalOutcome,
  SpawnRequest,
} from './platform.js'

/** A platform that passes output through hangdog, some of which may wait when hangdog wants to exit. */
export interface HostPlatform extends Platform {
  /**
   * Waits until what services that ended have written is passed on. @param limitMs at most this long; default 2000
   */
  flushOutput(limitMs?: number): Promise<void>
}

/** Makes the adapter for Linux. Does a few small reads of /proc; starts nothing. */
export function createLinuxPlatform(options: LinuxPlatformOptions = {}): HostPlatform {
  return new LinuxPlatform(options)
}

/** What is known of a service beside its process. */
interface ServiceRecord extends Omit<LinuxService, 'process' | 'former'> {
  /** It has handed over: another stands for the run. */
  replaced: boolean
  readonly lineage: Lineage
  /** Found by the marker at the last look. */
  found: readonly ProcessIdentity[]
  /** From the first kill on, whatever turns up is killed again. */
  killed: boolean
  /** All that belonged to it when a kill was last thought likely. */
  prepared: readonly ProcessIdentity[]
}

/** For finding all that carry a marker, in ms. */
const markerLimitMs = 200

/** After a service ended, its last words are waited for this long, in ms; what it left running may hold the pipe open. */
const lastWordsMs = 200

class LinuxPlatform implements HostPlatform {
  readonly name = 'linux'
  readonly readMachine: () => MachineReading = createMachineReader()
  readonly #options: LinuxPlatformOptions
  readonly #files: BugCheckFiles
  readonly #mounts: CgroupMounts
  readonly #stdout: OutputPass
  readonly #stderr: OutputPass
  readonly #records = new WeakMap<ServiceProcess, ServiceRecord>()
  readonly #table = createSharedTable(() => performance.now())
  readonly #markers = new MarkerSearch()
  readonly #leftGroups = new LeftGroups()
  readonly #endedOutputs = new Set<LinuxService['output']>()
  #capabilities: readonly Capability[] | undefined

  constructor(options: LinuxPlatformOptions) {
    this.#options = options
    this.#files = {
      sysrqTrigger: '/proc/sysrq-trigger',
      kexecLoaded: '/sys/kernel/kexec_crash_loaded',
      kernelLog: '/dev/kmsg',
      ...options.bugCheckFiles,
    }
    this.#mounts = parseCgroupMounts(readKernelFile('/proc/self/mountinfo') ?? '')
    const onDropped = (service: string, bytes: number) => options.onOutputDropped?.(service, bytes)
    this.#stdout = new OutputPass(1, { onDropped })
    this.#stderr = new OutputPass(2, { onDropped })
  }

  get capabilities(): readonly Capability[] {
    this.#capabilities ??= probeCapabilities(this.#mounts, this.bugCheckMethod())
    return this.#capabilities
  }

  async spawn(request: SpawnRequest): Promise<ServiceProcess> {
    return this.#keep(
      await spawnService(request, {
        mounts: this.#mounts,
        stdin: this.#options.stdin ?? 'ignore',
        stdout: this.#stdout,
        stderr: this.#stderr,
      }),
    )
  }

  adopt(run: RunDescription, ended: Promise<void>): ServiceProcess {
    return this.#keep(adoptedService(run, ended))
  }

  describeRun(target: ServiceProcess): RunDescription | undefined {
    const record = this.#records.get(target)
    if (record === undefined) return undefined
    const { identity, startedAt, command } = target
    const { marker, group, outputFile, lineage } = record
    const { former } = lineage
    return {
      identity,
      startedAt: startedAt.toISOString(),
      command,
      marker,
      ...(former.length > 0 && { former }),
      ...(group !== undefined && { group: group.directory }),
      ...(outputFile !== undefined && { outputFile }),
    }
  }

  #keep({ process: started, former = [], ...service }: LinuxService, lineage?: Lineage): ServiceProcess {
    const fresh = { replaced: false, found: [], killed: false, prepared: [] }
    const record = { ...service, ...fresh, lineage: lineage ?? new Lineage(started.identity, former) }
    this.#records.set(started, record)
    void started.exited.then(() => {
      if (record.replaced) return
      // Each remembers hundreds of lines; only those that still speak, and the last one, are of use.
      for (const output of this.#endedOutputs) if (output.ended) this.#endedOutputs.delete(output)
      this.#endedOutputs.add(service.output)
      this.#leftGroups.add(service.group)
    })
    return started
  }

  readProcess(identity: ProcessIdentity): ProcessReading {
    return readLinuxProcess(identity, this.#mounts)
  }

  identifyMember(service: ServiceProcess, pid: number): ProcessIdentity | undefined {
    const held = this.#records.get(service)?.lineage.held() ?? []
    return identifyMember(
      [service.identity, ...held].map((one) => one.pid),
      pid,
    )
  }

  async identifySuccessor(service: ServiceProcess, pid: number): Promise<ProcessIdentity | undefined> {
    const [record, stat] = [this.#records.get(service), readStat(pid)]
    if (record === undefined || stat === undefined || pid === process.pid) return undefined
    const { lineage, group, marker } = record
    if (isOlder(stat, lineage.since)) return undefined
    const belongs = group?.members().includes(pid) === true || (await this.#markers.carries(stat, marker))
    const identity = { pid, startTime: stat.startTime }
    return belongs && isSame(identity) ? identity : undefined
  }

  succeed(service: ServiceProcess, identity: ProcessIdentity): ServiceProcess {
    const ended = this.#options.endOf?.(identity) ?? pollEnd(identity)
    const exited = ended.then((): ExitStatus => ({ kind: 'unknown', handedOver: true }))
    const successor = { ...service, identity, exited }
    const record = this.#records.get(service)
    if (record === undefined) return successor
    record.replaced = true
    return this.#keep({ ...record, process: successor }, record.lineage.followedBy(identity))
  }

  signal(identity: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome {
    return isSame(identity) ? sendSignal(identity.pid, signal) : { kind: 'gone' }
  }

  /** Also wakes what is stopped, because a stopped process does not act on a signal; as systemd does. */
  terminate(target: ServiceProcess, signal: NodeJS.Signals): SignalOutcome {
    const lineage = this.#records.get(target)?.lineage
    const own = lineage?.sharesGroup === true ? undefined : this.#terminateOwn(target, signal)
    const former = lineage?.signalFormer(signal) ?? { kind: 'gone' }
    return own === undefined || own.kind === 'gone' ? former : own
  }

  #terminateOwn(target: ServiceProcess, signal: NodeJS.Signals): SignalOutcome {
    const { identity } = target
    const ownsGroup = isSame(identity) || (this.#records.has(target) && this.#groupOutlives(identity))
    if (!ownsGroup) return { kind: 'gone' }
    const outcome = signalGroup(identity, signal)
    if (outcome.kind === 'sent' && !stoppingSignals.has(signal)) signalGroup(identity, 'SIGCONT')
    return outcome
  }

  /**
   * The table of processes is read before anything is killed: an orphan loses its parent, and with it the only trace of where it
   * came from. What is only known by its marker is found by `survivors`, and killed there and by the next call of this.
   */
  prepareKill(target: ServiceProcess): void {
    const record = this.#records.get(target)
    if (record !== undefined) record.prepared = this.#tree(this.#table(Number.NEGATIVE_INFINITY), target, record)
  }

  controlGroup(target: ServiceProcess): ControlGroup {
    const own = this.#records.get(target)?.group?.directory
    const freezer = freezerFile(this.#mounts, target.identity.pid, own !== undefined)
    return { ...(own !== undefined && { own }), ...(freezer !== undefined && { freezer }) }
  }

  kill(target: ServiceProcess): SignalOutcome {
    const record = this.#records.get(target)
    const first = record?.killed === false
    if (record !== undefined) record.killed = true
    if (first && this.#killPrepared(target, record)) return { kind: 'sent' }
    const tree = this.#tree(this.#table(Number.NEGATIVE_INFINITY), target, record)
    const groupKilled = record?.group?.kill() === true
    if (isSame(target.identity)) signalGroup(target.identity, 'SIGKILL')
    const outcomes = tree.map((identity) => this.signal(identity, 'SIGKILL'))
    const refused = outcomes.find((outcome) => outcome.kind === 'refused')
    if (refused !== undefined) return refused
    return tree.length > 0 || (groupKilled && isSame(target.identity)) ? { kind: 'sent' } : { kind: 'gone' }
  }

  /**
   * Ends what was looked up by prepareKill, without looking again first: whose parents are gone now was seen when they were not. What
   * was started since is found by `survivors`.
   */
  #killPrepared(target: ServiceProcess, { prepared, group }: ServiceRecord): boolean {
    if (prepared.length === 0) return false
    group?.kill()
    if (isSame(target.identity)) signalGroup(target.identity, 'SIGKILL')
    return prepared.filter((identity) => this.signal(identity, 'SIGKILL').kind === 'sent').length > 0
  }

  /** After `kill` has been called, all that is found here is killed again at once, and still reported. */
  async survivors(target: ServiceProcess): Promise<readonly ProcessIdentity[]> {
    const asked = performance.now()
    // All who ask in the same turn share one reading of the table.
    await nextTurn()
    const table = this.#table(asked)
    const record = this.#records.get(target)
    if (record !== undefined) {
      record.found = await this.#markers.find(table, record.marker, record.lineage.since, markerLimitMs)
    }
    const alive = this.#tree(table, target, record).filter((identity) => {
      const stat = readStat(identity.pid)
      return stat?.startTime === identity.startTime && !hasEnded(stat)
    })
    if (record?.killed) for (const identity of alive) this.signal(identity, 'SIGKILL')
    if (alive.length === 0) this.#leftGroups.remove()
    return alive
  }

  bugCheckMethod(): BugCheckMethod {
    return linuxBugCheckMethod(this.#files)
  }

  bugCheck(reason: BugCheckReason): Promise<BugCheckFailure> {
    return linuxBugCheck(this.#files, reason, this.#options.beforeDump)
  }

  async flushOutput(limitMs = 2000): Promise<void> {
    const start = performance.now()
    const isPending = (spent: number) => {
      const speaking = spent < lastWordsMs && [...this.#endedOutputs].some((output) => !output.ended)
      return speaking || this.#stdout.queued > 0 || this.#stderr.queued > 0
    }
    for (let spent = 0; spent < limitMs && isPending(spent); spent = performance.now() - start) await sleep(5)
    this.#endedOutputs.clear()
    this.#stdout.report()
    this.#stderr.report()
    this.#leftGroups.remove()
  }

  #tree(table: ProcessTable, target: ServiceProcess, record: ServiceRecord | undefined): readonly ProcessIdentity[] {
    const members = record?.group?.members().map((pid) => table.byPid.get(pid)) ?? []
    const known = [
      ...(record?.found ?? []),
      ...(record?.prepared ?? []),
      ...members.filter((stat) => stat !== undefined),
    ]
    const lineage = record?.lineage
    const before = lineage && { former: lineage.held(), since: lineage.since }
    return findTree(table, { identity: target.identity, known, ...before })
      .filter((stat) => stat.pid !== process.pid)
      .map(({ pid, startTime }) => ({ pid, startTime }))
  }

  /** The service's process has ended, but others of its group live; see findTree for why the group is still its own. */
  #groupOutlives(identity: ProcessIdentity): boolean {
    if (readStat(identity.pid) !== undefined) return false
    const table = this.#table(Number.NEGATIVE_INFINITY)
    return findTree(table, { identity, known: [] }).some((stat) => stat.group === identity.pid)
  }
}
