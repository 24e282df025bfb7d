import { join } from 'node:path'
import { HangdogError } from './errors.js'
import type { Emit } from './event/event.js'
import type { GuardDesk } from './guard-assembly.js'
import { moduleVariable } from './heartbeat/module-file.js'
import { parseHeartbeat } from './heartbeat/parse.js'
import { chooseHeartbeat, selectSource } from './heartbeat/select.js'
import type { HeartbeatSource } from './heartbeat/source.js'
import type { StreamServer } from './heartbeat/stream-server.js'
import { KernelWatch, type KernelWatchParts } from './kernel-watch.js'
import { Residence } from './residence.js'
import { completePolicy, type ServiceSettings } from './service-settings.js'
import type { StateDirectory } from './state-directory.js'
import { systemClock } from './system-clock.js'
import type { Countdown } from './watch/countdown.js'
import { NativeCountdown } from './watch/native-engine.js'
import { checkPolicy, defaultPolicy, type ServicePolicy } from './watch/policy.js'
import type { Supervisor } from './watch/supervisor.js'

/** What a service is joined to. */
export interface ServiceSurroundings {
  readonly supervisor: Supervisor
  readonly state: StateDirectory
  readonly streams: StreamServer
  readonly guard: GuardDesk
  /** For services that the kernel is to watch as well; undefined in a dry run, where it must do nothing. */
  readonly kernel?: KernelWatchParts
  readonly emit: Emit
  /** The policy of a service as of now, from its settings and all that is below them. */
  readonly policyFor: (settings: ServiceSettings) => ServicePolicy
}

/** Why something is not there; undefined when it is. */
export interface Lacks {
  readonly guard: string | undefined
  readonly kernel: string | undefined
}

/** Refuses what can be refused without starting anything. @throws HangdogError */
export function checkServices(services: readonly ServiceSettings[], lacks: Lacks): void {
  for (const { name, policy, heartbeat, command, kernelWatch } of services) {
    checkPolicy(completePolicy(defaultPolicy, policy), name)
    chooseHeartbeat(parseHeartbeat(heartbeat), { command, searchPath: undefined }, lacks.guard)
    if (kernelWatch === true && lacks.kernel !== undefined) {
      throw new HangdogError('unavailable', `cannot have the kernel watch service "${name}": ${lacks.kernel}`)
    }
  }
}

/** Adds a service with its source of heartbeats. @returns the source, to be closed at the end */
export function addService(
  { supervisor, state, streams, guard, kernel, emit, policyFor }: ServiceSurroundings,
  settings: ServiceSettings,
): HeartbeatSource {
  const environment = { ...ownEnvironment(), ...settings.environment }
  const program = { command: settings.command, searchPath: environment.PATH, ...located(settings) }
  const spec = parseHeartbeat(settings.heartbeat)
  const choice = chooseHeartbeat(spec, program, spec.kind === 'auto' ? guard.tryOut() : guard.lacks)
  const service = supervisor.add({
    name: settings.name,
    command: settings.command,
    args: settings.args,
    environment,
    output: settings.output === 'file' ? { file: join(state.output, `${settings.name}.log`) } : settings.output,
    ownGroup: settings.ownGroup,
    policy: policyFor(settings),
    heartbeat: choice.description,
    committed: choice.committed,
    // What the guard hears by itself it also counts: its countdown goes on while JavaScript is blocked, and so do the beats.
    ...((choice.spec.kind === 'notify' || choice.spec.kind === 'page') && { engine: guard.obtain().engine }),
    ...(choice.spec.kind === 'page' && { namedEngine: guard.obtain().engine }),
    ...located(settings),
  })
  const source = selectSource(choice, {
    receiver: service,
    streams,
    notify: () => ({
      server: guard.obtain().notify,
      countdown: () => nativeCountdown(service.channels.main.countdown),
      ...(settings.notifyAccess === 'all' && { admits: (pid: number) => service.isMember(pid) }),
    }),
    page: () => ({
      server: guard.obtain().pages,
      countdownOf: (channel) => nativeCountdown(service.channels.find(channel)?.countdown),
    }),
    clock: systemClock,
    emit,
    limit: () => service.policy.heartbeatTimeout,
    ...(environment.NODE_OPTIONS !== undefined && { nodeOptions: environment.NODE_OPTIONS }),
    ...(settings.probe !== undefined && { probe: settings.probe }),
  })
  service.accompany(source)
  if (settings.kernelWatch === true && kernel !== undefined) {
    service.accompany(new KernelWatch(kernel, service, () => source.files?.().length ?? 0))
  }
  if (guard.process !== undefined)
    service.accompany(new Residence(guard.process, service, { beatsHere: choice.spec.kind === 'notify' }))
  const countdown = nativeCountdown(service.channels.main.countdown)
  if (countdown !== undefined)
    service.accompany(guard.obtain().alone.plan(service, countdown, () => source.guardedProcess))
  return source
}

function nativeCountdown(countdown: Countdown | undefined): number | undefined {
  return countdown instanceof NativeCountdown ? countdown.id : undefined
}

function located({ directory }: ServiceSettings): { readonly directory?: string } {
  return directory === undefined ? {} : { directory }
}

/** What hangdog was told by its own supervisor is not meant for its services. */
const ownVariables = new Set([
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'HANGDOG_SOCKET',
  'HANGDOG_TOKEN',
  'HANGDOG_PAGE',
  moduleVariable,
])

function ownEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env)
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined && !ownVariables.has(entry[0])),
  )
}
