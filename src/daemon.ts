import { join } from 'node:path'
import { BugCheckConsent } from './bugcheck-consent.js'
import { controlPath, liveInstances } from './control/instances.js'
import { openControlServer } from './control/server.js'
import type { Emit, EventSink } from './event/event.js'
import { createEventLog, type EventLog } from './event/event-log.js'
import { openHistory } from './event/history.js'
import { startRetention } from './event/retention.js'
import { createLogSink } from './event/sinks/log-sink.js'
import { createSystemLogSink } from './event/sinks/system-log-sink.js'
import { createLazyCollector } from './evidence/lazy-collector.js'
import { keepHeapSmall } from './heap.js'
import { parseHeartbeat } from './heartbeat/parse.js'
import { chooseHeartbeat, selectSource } from './heartbeat/select.js'
import { openStreamServer, type StreamServer } from './heartbeat/stream-server.js'
import { createIncidentLog } from './incident/incident-log.js'
import { findInterrupted } from './incident/interrupted.js'
import { runCommand } from './platform/command.js'
import { createDryRunPlatform } from './platform/dry-run.js'
import { openOutputTarget } from './platform/output-target.js'
import { selectPlatform } from './platform/select.js'
import { completePolicy, type ServiceSettings } from './service-settings.js'
import { openStateDirectory, type StateDirectory } from './state-directory.js'
import { systemClock } from './system-clock.js'
import { version } from './version.js'
import { createJavaScriptEngine } from './watch/javascript-engine.js'
import { checkPolicy, defaultPolicy } from './watch/policy.js'
import type { Service } from './watch/service.js'
import { Supervisor } from './watch/supervisor.js'

export interface DaemonConfig {
  /** Names this hangdog among those of one state directory. A proposed name is made unique if another live one has it. */
  readonly instance: string | { readonly proposed: string }
  readonly services: readonly ServiceSettings[]
  readonly dryRun: boolean
  readonly stdin: 'inherit' | 'ignore'
  readonly stateDirectory?: string
  /** Default: pretty on a terminal, else json. */
  readonly logFormat?: 'pretty' | 'json'
  /** Write the log to stderr and errors to the system log. Default true. */
  readonly log?: boolean
  /** Further places events go to. */
  readonly sinks?: readonly EventSink[]
}

export interface Daemon {
  readonly instance: string
  readonly supervisor: Supervisor
  /** Ends all services in order, writes what is to be written, and closes everything. Never rejects. */
  close(reason: string): Promise<void>
}

/** Refuses what can be refused without starting anything. @throws HangdogError */
export function checkServices(services: readonly ServiceSettings[]): void {
  for (const { name, policy, heartbeat, command } of services) {
    checkPolicy(completePolicy(defaultPolicy, policy), name)
    chooseHeartbeat(parseHeartbeat(heartbeat), { command, searchPath: undefined })
  }
}

/** Joins all parts and starts the services. @throws HangdogError when something cannot be created; nothing is left behind then */
export async function startDaemon(config: DaemonConfig): Promise<Daemon> {
  checkServices(config.services)
  keepHeapSmall()
  const state = openStateDirectory(config.stateDirectory)
  const closers: (() => Promise<void> | void)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse()) await close()
  }
  // Without a handler the limit on file sizes would end hangdog; with one, the write fails and is reported.
  process.on('SIGXFSZ', () => {})
  try {
    return await assemble(config, state, closers, closeAll)
  } catch (error) {
    await closeAll()
    throw error
  }
}

type Closers = (() => Promise<void> | void)[]

interface Joined {
  readonly supervisor: Supervisor
  readonly state: StateDirectory
  readonly streams: StreamServer
  readonly emit: Emit
  readonly closers: Closers
}

async function assemble(
  config: DaemonConfig,
  state: StateDirectory,
  closers: Closers,
  closeAll: () => Promise<void>,
): Promise<Daemon> {
  const clock = systemClock
  const instance = await chooseInstance(config.instance, state)
  const events = createEventLog({ clock, sinks: config.sinks ?? [] })
  const emit = events.emit
  const startedAt = clock.wallNow().toISOString()

  const host = selectPlatform({
    stdin: config.stdin,
    onOutputDropped: (service, bytes) => emit({ name: 'output-dropped', service, parameters: { bytes } }),
  })
  const platform = config.dryRun
    ? createDryRunPlatform(host, (action) => emit({ name: 'dry-run', parameters: { action } }))
    : host
  const consent = new BugCheckConsent(state, clock)
  const supervisor = new Supervisor({
    clock,
    platform,
    enders: host,
    emit,
    engine: createJavaScriptEngine(clock),
    incidents: createIncidentLog({
      directory: state.incidents,
      clock,
      hangdogVersion: version,
      failed: (incident, error) => emit({ name: 'incident-unwritten', incident, parameters: { error } }),
    }),
    evidence: createLazyCollector({ clock, platform: host }),
    bugCheckGate: consent,
    drain: drainSockets,
    random: Math.random,
  })
  closers.push(() => supervisor.close())

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
      explain: (service) => supervisor.explain(service),
    },
  })
  closers.push(() => control.close())
  const streams = await openStreamServer({ path: join(state.beat, `${instance}.sock`), clock, emit })
  closers.push(() => streams.close())
  for (const settings of config.services) addService({ supervisor, state, streams, emit, closers }, settings)

  const systemLog = host.capabilities.some(({ name, available }) => name === 'system-log' && available)
  await openSinks(events, config, { directory: state.events, instance, systemLog }, closers)
  closers.push(() => host.flushOutput())
  if (supervisor.services.some(mayStopMachine)) await consent.open()
  closers.push(() => consent.close())
  await reportInterrupted(state, emit)
  const retention = startRetention({ directories: state, clock, emit })
  closers.push(() => retention.close())
  for (const service of supervisor.services) void service.start()
  const weaker = host.capabilities.filter(({ available }) => !available).map(({ name }) => name)
  emit({
    name: 'supervisor-started',
    parameters: { version, pid: process.pid, platform: platform.name, weaker: weaker.join(', ') || 'nothing' },
  })
  const close = async (reason: string): Promise<void> => {
    await supervisor.stopAll(reason)
    emit({ name: 'supervisor-stopped', parameters: { reason } })
    await closeAll()
  }
  return { instance, supervisor, close }
}

/** Connects a service with its source of heartbeats. */
function addService(joined: Joined, settings: ServiceSettings): void {
  const { supervisor, state, streams, emit, closers } = joined
  const environment = { ...ownEnvironment(), ...settings.environment }
  const program = { command: settings.command, searchPath: environment.PATH, ...located(settings) }
  const choice = chooseHeartbeat(parseHeartbeat(settings.heartbeat), program)
  const service = supervisor.add({
    name: settings.name,
    command: settings.command,
    args: settings.args,
    environment,
    output: settings.output === 'file' ? { file: join(state.output, `${settings.name}.log`) } : settings.output,
    ownGroup: settings.ownGroup,
    policy: completePolicy(defaultPolicy, settings.policy),
    heartbeat: choice.description,
    committed: choice.committed,
    ...located(settings),
  })
  const source = selectSource(choice, {
    receiver: service,
    streams,
    clock: systemClock,
    emit,
    limit: () => service.policy.heartbeatTimeout,
    ...(environment.NODE_OPTIONS !== undefined && { nodeOptions: environment.NODE_OPTIONS }),
    ...(settings.probe !== undefined && { probe: settings.probe }),
  })
  service.accompany(source)
  closers.push(() => source.close())
}

function located({ directory }: ServiceSettings): { readonly directory?: string } {
  return directory === undefined ? {} : { directory }
}

function mayStopMachine({ policy }: Service): boolean {
  return policy.action === 'bugcheck' || policy.escalation === 'bugcheck'
}

/** What hangdog was told by its own supervisor is not meant for its services. */
const ownVariables = new Set(['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'HANGDOG_SOCKET', 'HANGDOG_TOKEN'])

function ownEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env)
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined && !ownVariables.has(entry[0])),
  )
}

/** The history first: what the other sinks cannot write is an event as well. */
async function openSinks(
  events: EventLog,
  config: DaemonConfig,
  {
    directory,
    instance,
    systemLog,
  }: { readonly directory: string; readonly instance: string; readonly systemLog: boolean },
  closers: Closers,
): Promise<void> {
  const clock = systemClock
  const report = events.emit
  events.add(openHistory({ directory, instance, clock, report }))
  closers.push(() => events.close())
  if (config.log === false) return
  const terminal = process.stderr.isTTY === true
  events.add(
    await createLogSink({
      output: openOutputTarget(2, () => {}),
      format: config.logFormat ?? (terminal ? 'pretty' : 'json'),
      colour: terminal && process.env.NO_COLOR === undefined,
      clock,
      report,
    }),
  )
  // A machine without a system log is no fault of each event; it is said once, at start.
  if (systemLog) events.add(createSystemLogSink({ clock, report, run: runCommand }))
}

/** A proposed name is made unique beside a live hangdog that has it already; a given one is left to fail. */
async function chooseInstance(name: DaemonConfig['instance'], state: StateDirectory): Promise<string> {
  if (typeof name === 'string') return name
  const { live, silent } = await liveInstances(state)
  const taken = [...live, ...silent].some((instance) => instance.name === name.proposed)
  return taken ? `${name.proposed}-${process.pid}` : name.proposed
}

async function reportInterrupted(state: StateDirectory, emit: Emit): Promise<void> {
  const failed = (incident: string, error: string): void =>
    emit({ name: 'incident-unwritten', incident, parameters: { error } })
  for (const { id } of await findInterrupted(state.incidents, systemClock, failed)) {
    emit({ name: 'incident-interrupted', incident: id, parameters: { incident: id } })
  }
}

/** JavaScript timers run before sockets are read: three turns of the event loop deliver every beat that waits. */
async function drainSockets(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}
