import { Command, Option } from 'commander'
import type { GuardMode } from '../guard-mode.js'
import type { OwnWatchSettings } from '../own-kernel-watch-settings.js'
import type { MachineWatchdogSettings } from '../platform/machine-watchdog-settings.js'
import type { PropertyProfile } from '../property/definitions.js'
import type { Service } from '../watch/service.js'
import { guardOption, machineWatchdogOption, profileOption, watchHangdogOption } from './options.js'

interface SuperviseOptions {
  readonly config: string
  readonly check?: boolean
  readonly dryRun?: boolean
  readonly guard?: GuardMode
  readonly javascriptStack: boolean
  readonly machineWatchdog?: MachineWatchdogSettings
  readonly watchHangdog?: OwnWatchSettings
  readonly profile: PropertyProfile
  readonly stateDir?: string
  readonly logFormat?: 'pretty' | 'json'
}

const example = `
Example of a file:
  defaults: { heartbeatTimeout: 10s, restart: { mode: on-failure } }
  services:
    web:   { command: [node, server.js] }
    cache: { command: [redis-server, --port, "6390"], heartbeat: "exec:redis-cli -p 6390 ping", action: 1 }

  hangdog supervise --config hangdog.yaml

It ends with 0 when it was asked to by SIGTERM, SIGINT, SIGQUIT or SIGHUP, after all services have ended; with 1 when every service ended by itself.`

export function superviseCommand(): Command {
  return new Command('supervise')
    .description('the daemon: watch the services that a file describes')
    .option('--config <file>', 'the file', '/etc/hangdog/hangdog.yaml')
    .option('--check', 'only read the file and say whether it can be used')
    .option('--no-javascript-stack', 'never send SIGUSR1 to a Node service to read its stack')
    .option('--dry-run', 'decide and report, but end nothing')
    .addOption(guardOption('thread, or what the file says'))
    .addOption(machineWatchdogOption())
    .addOption(watchHangdogOption())
    .addOption(profileOption())
    .option('--state-dir <directory>', 'where history, incidents, properties and sockets are')
    .addOption(
      new Option('--log-format <format>', 'default: pretty on a terminal, else json').choices(['pretty', 'json']),
    )
    .addHelpText('after', example)
    .action(supervise)
}

async function supervise(options: SuperviseOptions): Promise<void> {
  const { readSuperviseFile } = await import('../supervise-file.js')
  const file = readSuperviseFile(options.config)
  const guard = options.guard ?? file.guard ?? 'thread'
  const watchHangdog = options.watchHangdog ?? file.watchHangdog
  const machineWatchdog = options.machineWatchdog ?? file.machineWatchdog
  const dryRun = options.dryRun ?? false
  const { startDaemon } = await import('../daemon.js')
  if (options.check === true) {
    const { loadAddon } = await import('../platform/addon.js')
    const { checkGuard, lackOfGuard } = await import('../guard-mode.js')
    const { kernelLack } = await import('../kernel-watch.js')
    const { checkOwnWatch } = await import('../own-kernel-watch.js')
    const { checkMachineWatchdog } = await import('../machine-watchdog-check.js')
    const { checkServices } = await import('../service-assembly.js')
    const addon = loadAddon()
    const lacks = lackOfGuard(addon, guard)
    checkGuard(guard, lacks, file.services)
    checkServices(file.services, { guard: lacks, kernel: kernelLack(addon) })
    checkOwnWatch(watchHangdog, addon, dryRun)
    checkMachineWatchdog(machineWatchdog, addon, dryRun)
    process.stdout.write(`"${options.config}" can be used: ${file.services.map(({ name }) => name).join(', ')}\n`)
    return
  }
  // Heeded from here on: whoever ends hangdog while it starts or adopts services means them too.
  const asked = nextSignal(endingSignals)
  const daemon = await startDaemon({
    instance: file.instance,
    services: file.services,
    dryRun,
    javaScriptStack: options.javascriptStack,
    stdin: 'ignore',
    guard,
    profile: options.profile,
    ...(machineWatchdog !== undefined && { machineWatchdog }),
    ...(watchHangdog !== undefined && { watchHangdog }),
    ...(options.stateDir !== undefined && { stateDirectory: options.stateDir }),
    ...(options.logFormat !== undefined && { logFormat: options.logFormat }),
  })
  const all = Promise.all(daemon.supervisor.services.map((service) => service.finished)).then(() => undefined)
  const signal = await Promise.race([asked, all])
  // Whoever asks twice does not want to wait for what does not end.
  for (const each of endingSignals) process.on(each, () => killAll(daemon.supervisor.services))
  await daemon.close(signal === undefined ? 'every service has ended' : `${signal} was sent to hangdog`)
  process.exitCode = signal === undefined ? 1 : 0
}

const endingSignals = ['SIGTERM', 'SIGINT', 'SIGQUIT', 'SIGHUP'] as const

function killAll(services: readonly Service[]): void {
  for (const { parts, process } of services) if (process !== undefined) parts.enders.kill(process)
}

/** All that would end hangdog otherwise: its services live in sessions of their own and would go on without a watch. */
function nextSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.on(signal, resolve)
  })
}
