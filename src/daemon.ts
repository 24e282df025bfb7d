import { join } from 'node:path'
import { adoptResidents } from './adoption.js'
import { keepGaps } from './advice/gap-keeping.js'
import { GapStore } from './advice/gap-store.js'
import { linuxPlaces } from './aftermath/traces.js'
import { openAftermath } from './aftermath-assembly.js'
import { BugCheckConsent } from './bugcheck-consent.js'
import { controlPath, freeInstanceName } from './control/instances.js'
import { openControlServer } from './control/server.js'
import { assembleDrills } from './drill-assembly.js'
import { describeError } from './errors.js'
import type { EventSink } from './event/event.js'
import { createEventLog } from './event/event-log.js'
import { startRetention } from './event/retention.js'
import { openSinks } from './event-sinks.js'
import { createLazyCollector } from './evidence/lazy-collector.js'
import { recoverRecords } from './guard-alone.js'
import { GuardDesk } from './guard-assembly.js'
import { checkGuard, type GuardMode, lackOfGuard } from './guard-mode.js'
import { keepHeapSmall } from './heap.js'
import type { HeartbeatSource } from './heartbeat/source.js'
import { openStreamServer } from './heartbeat/stream-server.js'
import { createIncidentLog } from './incident/incident-log.js'
import { kernelLack } from './kernel-watch.js'
import { checkMachineWatchdog } from './machine-watchdog-check.js'
import { assembleMaintenance } from './maintenance-assembly.js'
import { checkOwnWatch } from './own-kernel-watch.js'
import type { OwnWatchSettings } from './own-kernel-watch-settings.js'
import { type LoadedAddon, loadAddon } from './platform/addon.js'
import { createDryRunPlatform } from './platform/dry-run.js'
import type { MachineWatchdogSettings } from './platform/machine-watchdog-settings.js'
import { selectPlatform } from './platform/select.js'
import type { PropertyProfile } from './property/definitions.js'
import { assembleProperties } from './property-assembly.js'
import { bugCheckSettings, crashDumpDirectory } from './property-settings.js'
import { addService, checkServices, type ServiceSurroundings } from './service-assembly.js'
import type { ServiceSettings } from './service-settings.js'
import { openStateDirectory, type StateDirectory } from './state-directory.js'
import { systemClock } from './system-clock.js'
import { version } from './version.js'
import { createJavaScriptEngine } from './watch/javascript-engine.js'
import type { RecoveryAction } from './watch/policy.js'
import { Supervisor } from './watch/supervisor.js'
import { assembleWatchers, type Watchers } from './watcher-assembly.js'

export interface DaemonConfig {
  /** Names this hangdog among those of one state directory. A proposed name is made unique if another live one has it. */
  readonly instance: string | { readonly proposed: string }
  readonly services: readonly ServiceSettings[]
  readonly dryRun: boolean
  /** Take the JavaScript stack of hung Node services, for which they are sent SIGUSR1. Default true. */
  readonly javaScriptStack?: boolean
  readonly stdin: 'inherit' | 'ignore'
  /** Whose defaults properties have. Default: those of today. */
  readonly profile?: PropertyProfile
  /** HangRecoveryAction while it is set nowhere. Default: that of the profile. */
  readonly actionWithoutStore?: RecoveryAction
  readonly stateDirectory?: string
  /** Default: pretty on a terminal, else json; `none` also leaves out the system log. */
  readonly logFormat?: 'pretty' | 'json' | 'none'
  /** Feed this watchdog of the machine. Default: none. */
  readonly machineWatchdog?: MachineWatchdogSettings
  /** Have the kernel module watch this process. Default: no. */
  readonly watchHangdog?: OwnWatchSettings
  /** Where the native guard is. Default: a thread of this process, where there is one. */
  readonly guard?: GuardMode
  /** Further places events go to. */
  readonly sinks?: readonly EventSink[]
}

export interface Daemon {
  readonly instance: string
  readonly supervisor: Supervisor
  /** Ends all services in order, writes what is to be written, and closes everything. Never rejects. */
  close(reason: string): Promise<void>
}

/** Joins all parts and starts the services. @throws HangdogError when something cannot be created; nothing is left behind then */
export async function startDaemon(config: DaemonConfig): Promise<Daemon> {
  const addon = loadAddon()
  const mode = config.guard ?? 'thread'
  const lacks = lackOfGuard(addon, mode)
  checkGuard(mode, lacks, config.services)
  checkServices(config.services, { guard: lacks, kernel: kernelLack(addon) })
  checkOwnWatch(config.watchHangdog, addon, config.dryRun)
  checkMachineWatchdog(config.machineWatchdog, addon, config.dryRun)
  keepHeapSmall()
  const state = openStateDirectory(config.stateDirectory)
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) await close()
  }
  // Without a handler the limit on file sizes would end hangdog; with one, the write fails and is reported.
  process.on('SIGXFSZ', () => {})
  try {
    return await assemble(config, addon, state, closers, closeAll)
  } catch (error) {
    await closeAll()
    throw error
  }
}

type Closers = (() => Promise<void> | void)[]

async function assemble(
  config: DaemonConfig,
  addon: LoadedAddon,
  state: StateDirectory,
  closers: Closers,
  closeAll: () => Promise<void>,
): Promise<Daemon> {
  const clock = systemClock
  const instance =
    typeof config.instance === 'string' ? config.instance : await freeInstanceName(state, config.instance.proposed)
  const events = createEventLog({ clock, sinks: config.sinks ?? [] })
  const emit = events.emit
  const startedAt = clock.wallNow().toISOString()
  const services = config.services.map(({ name }) => name)
  const properties = assembleProperties({ state, clock, emit, ...config })
  await properties.open()
  closers.push(() => properties.close())

  let watchers: Watchers | undefined
  let guardDesk: GuardDesk | undefined
  const host = selectPlatform({
    stdin: config.stdin,
    endOf: (process) => guardDesk?.endOf(process),
    beforeDump: () => watchers?.lengthenForDump(),
    onOutputDropped: (service, bytes) => emit({ name: 'output-dropped', service, parameters: { bytes } }),
  })
  const platform = config.dryRun
    ? createDryRunPlatform(host, (action) => emit({ name: 'dry-run', parameters: { action } }))
    : host
  const consent = new BugCheckConsent(state, clock, () => bugCheckSettings(properties))
  const guard = new GuardDesk({
    addon,
    mode: config.guard ?? 'thread',
    processPath: join(state.beat, `${instance}.guard`),
    notifyPath: join(state.beat, `${instance}.notify`),
    clock,
    emit,
    alone: { state, instance, gate: consent, stopsMachine: !config.dryRun },
  })
  guardDesk = guard
  closers.push(() => guard.close())
  await guard.open()
  properties.onChange(() => guard.renewPermit())
  const engine = createJavaScriptEngine(clock)
  const sources = new Map<string, HeartbeatSource>()
  const drain = (): Promise<void> => drainSockets(guard)
  const incidents = createIncidentLog({
    directory: state.incidents,
    clock,
    hangdogVersion: version,
    failed: (incident, error) => emit({ name: 'incident-unwritten', incident, parameters: { error } }),
  })
  closers.push(() => incidents.close())
  const supervisor = new Supervisor({
    clock,
    platform,
    enders: host,
    emit,
    engine,
    incidents,
    evidence: createLazyCollector({
      clock,
      platform: host,
      javaScriptStack: config.javaScriptStack ?? true,
      loopReports: (service) => sources.get(service)?.loopReports?.(),
    }),
    bugCheckGate: consent,
    drain,
    random: Math.random,
  })
  closers.push(() => supervisor.close())

  const maintenance = assembleMaintenance({ state, clock, supervisor, services, properties, emit })
  closers.push(() => maintenance.close())
  const streams = await openStreamServer({ path: join(state.beat, `${instance}.sock`), clock, emit })
  closers.push(() => streams.close())
  const surroundings: ServiceSurroundings = {
    supervisor,
    state,
    streams,
    guard,
    ...(!config.dryRun && { kernel: { addon, clock, emit } }),
    emit,
    policyFor: (settings) => properties.policyFor(settings),
  }
  const drills = assembleDrills({
    clock,
    platform,
    surroundings,
    services,
    properties,
    javaScriptStack: config.javaScriptStack ?? true,
  })
  events.add(drills.desk.sink)
  const control = await openControlServer({
    path: controlPath(state, instance),
    emit,
    handlers: {
      describe: () => ({
        instance,
        version,
        pid: process.pid,
        startedAt,
        platform: platform.name,
        capabilities: host.capabilities,
      }),
      status: () => supervisor.status(),
      explain: (service) => ({
        ...supervisor.explain(service),
        properties: properties.explanationOf(service),
      }),
      applyProperties: () => properties.apply(),
      properties: (service) => properties.effective(service),
      maintenance,
      gaps: (service) => supervisor.gaps(service),
      drill: (order, tell) => drills.desk.drill(order, tell),
    },
  })
  closers.push(() => control.close())
  for (const settings of config.services) {
    const source = addService(surroundings, settings)
    sources.set(settings.name, source)
    closers.push(() => source.close())
    properties.follow(settings, (policy) => supervisor.service(settings.name).changePolicy(policy))
  }

  const systemLog = host.capabilities.some(({ name, available }) => name === 'system-log' && available)
  await openSinks(events, { directory: state.events, instance, logFormat: config.logFormat, systemLog })
  closers.push(() => events.close())
  closers.push(() => host.flushOutput())
  // What a guard did alone counts as well.
  const recovered = recoverRecords(state, clock, emit)
    .then(() => guard.keepRecords())
    .then(() => consent.open())
  void recovered.then(() => guard.renewPermit())
  const weaker = host.capabilities.filter(({ available }) => !available).map(({ name }) => name)
  const about = { version, pid: process.pid, platform: platform.name, weaker: weaker.join(', ') || 'nothing' }
  emit({ name: 'supervisor-started', parameters: about })
  const gaps = await keepGaps({ supervisor, store: new GapStore(state.gaps), clock, emit })
  closers.push(() => gaps.close())
  properties.logReady()
  guard.logReady()
  await maintenance.open()
  drills.open()
  await adoptResidents({ guard, supervisor, host, clock, emit })
  const { dryRun, machineWatchdog, watchHangdog } = config
  const asked = { dryRun, machineWatchdog, watchHangdog, bugCheckGate: consent }
  const engines = [engine, ...guard.engines]
  const parts = { ...asked, engines, supervisor, drain, emit, clock, state, instance, addon }
  watchers = await assembleWatchers(parts).catch((error: unknown) => {
    // Some things only a try can tell: then the history says that this start was none.
    emit({ name: 'supervisor-stopped', parameters: { reason: describeError(error) } })
    throw error
  })
  guard.feedsMachineWatchdog(watchers.machineWatchdog?.fd)
  closers.push(watchers.close, () => guard.feedsMachineWatchdog(undefined))
  void Promise.all(supervisor.services.map((service) => service.start())).then(watchers.servicesStarted)
  const retention = startRetention({ directories: state, clock, emit })
  closers.push(() => retention.close())
  // Before incidents that were cut off are closed: what a guard did alone may be one of them.
  await recovered
  await guard.keepUnfinishedRecords()
  const places = { ...linuxPlaces, crashDumps: crashDumpDirectory(properties) }
  const aftermath = openAftermath({ state, instance, clock, emit, places })
  closers.push(() => aftermath.close())
  const close = async (reason: string): Promise<void> => {
    watchers?.stopping()
    await Promise.all([drills.close(), supervisor.stopAll(reason)])
    guard.end()
    emit({ name: 'supervisor-stopped', parameters: { reason } })
    await closeAll()
  }
  return { instance, supervisor, close }
}

/** JavaScript timers run before sockets are read: three turns of the event loop deliver every beat that waits there. */
async function drainSockets(guard: GuardDesk): Promise<void> {
  guard.deliver()
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
