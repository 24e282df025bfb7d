import { basename, extname } from 'node:path'
import { Command, Option } from 'commander'
import { exitCodes, hungExitCode } from '../errors.js'
import type { GuardMode } from '../guard-mode.js'
import type { OwnWatchSettings } from '../own-kernel-watch-settings.js'
import type { MachineWatchdogSettings } from '../platform/machine-watchdog-settings.js'
import type { ExitStatus } from '../platform/platform.js'
import type { PropertyProfile } from '../property/definitions.js'
import type { ServiceSettings } from '../service-settings.js'
import { signalNumber } from '../signal-name.js'
import { parseDuration } from '../time.js'
import type { FinalEnd } from '../watch/lifecycle.js'
import { guardOption, machineWatchdogOption, profileOption, watchHangdogOption } from './options.js'
import { addPolicyOptions, type PolicyOptions, readPolicyOptions } from './policy-options.js'
import { holdSignals, passSignals } from './signals.js'

interface RunOptions extends PolicyOptions {
  readonly name?: string
  readonly heartbeat: string
  readonly notifyAccess: 'main' | 'all'
  readonly probeInterval?: string
  readonly probeTimeout?: string
  readonly output?: ServiceSettings['output']
  readonly guard: GuardMode
  readonly ownGroup: boolean
  readonly kernelWatch: boolean
  readonly dryRun?: boolean
  readonly javascriptStack: boolean
  readonly machineWatchdog?: MachineWatchdogSettings
  readonly watchHangdog?: OwnWatchSettings
  readonly profile: PropertyProfile
  readonly stateDir?: string
  readonly logFormat?: 'pretty' | 'json'
}

const examples = `
Examples:
  hangdog run --timeout 6s -- node server.js
  hangdog run --timeout 10s --heartbeat http://127.0.0.1:8080/health --restart on-failure -- nginx -g 'daemon off;'
  hangdog run --heartbeat exec:'redis-cli -p 6390 ping' --restart always -- redis-server --port 6390

Exit codes: the service's own, or 128 + signal; 124 when it hung and may not be restarted; 64 usage, 69 not available,
73 cannot create, 77 not permitted, 78 bad configuration, 70 internal error.`

export function runCommandCommand(): Command {
  const command = new Command('run')
    .description('start COMMAND as a service and watch it in the foreground')
    .argument('<command>', 'the program')
    .argument('[args...]', 'its arguments')
    .passThroughOptions()
    .option('--name <name>', 'name of the service (default: from the command)')
    .option(
      '--heartbeat <source>',
      'auto, notify, page, stream, node, http(s)://…, tcp://HOST:PORT, exec:COMMAND or file:PATH',
      'auto',
    )
    .addOption(
      new Option(
        '--notify-access <who>',
        'who may speak on the notify socket: the process started, or any of its service',
      )
        .choices(['main', 'all'])
        .default('main'),
    )
    .option('--probe-interval <duration>', 'between two probes (default: a third of the timeout, at most 10s)')
    .option('--probe-timeout <duration>', 'for one probe')
    .addOption(
      new Option('--output <mode>', "the service's output: passed on, inherited, or to a file in the state directory")
        .choices(['pass', 'inherit', 'file'])
        .default(undefined, 'pass; inherit with --guard process'),
    )
    .addOption(guardOption())
    .option('--own-group', 'give the service a control group of its own, where the system has them', false)
    .option('--kernel-watch', 'have the kernel module watch it as well, which acts when hangdog itself does not', false)
    .option('--no-javascript-stack', 'never send SIGUSR1 to a Node service to read its stack')
    .option('--dry-run', 'decide and report, but end nothing')
    .addOption(machineWatchdogOption())
    .addOption(watchHangdogOption())
    .addOption(profileOption())
    .option('--state-dir <directory>', 'where history, incidents, properties and sockets are')
    .addOption(
      new Option('--log-format <format>', 'default: pretty on a terminal, else json').choices(['pretty', 'json']),
    )
  return addPolicyOptions(command).addHelpText('after', examples).action(run)
}

async function run(program: string, args: readonly string[], options: RunOptions): Promise<void> {
  const settings = toSettings(program, args, options)
  const { startDaemon } = await import('../daemon.js')
  const takeHeld = holdSignals()
  const daemon = await startDaemon({
    instance: options.name ?? { proposed: settings.name },
    services: [settings],
    dryRun: options.dryRun ?? false,
    javaScriptStack: options.javascriptStack,
    stdin: 'inherit',
    actionWithoutStore: 'terminate',
    profile: options.profile,
    guard: options.guard,
    ...(options.machineWatchdog !== undefined && { machineWatchdog: options.machineWatchdog }),
    ...(options.watchHangdog !== undefined && { watchHangdog: options.watchHangdog }),
    ...(options.stateDir !== undefined && { stateDirectory: options.stateDir }),
    ...(options.logFormat !== undefined && { logFormat: options.logFormat }),
  })
  const service = daemon.supervisor.service(settings.name)
  const release = passSignals(service)
  const early = takeHeld()
  if (early !== undefined) void service.stop(`${early} was sent to hangdog`, early)
  const end = await service.finished
  release()
  await daemon.close(end.reason)
  if (end.startError !== undefined) throw end.startError
  process.exitCode = exitCodeOf(end)
}

function toSettings(program: string, args: readonly string[], options: RunOptions): ServiceSettings {
  const { probeInterval, probeTimeout } = options
  return {
    name: options.name ?? proposeName(program, args),
    command: program,
    args,
    heartbeat: options.heartbeat,
    notifyAccess: options.notifyAccess,
    probe: {
      ...(probeInterval !== undefined && { interval: parseDuration(probeInterval, '--probe-interval') }),
      ...(probeTimeout !== undefined && { timeout: parseDuration(probeTimeout, '--probe-timeout') }),
    },
    output: options.output ?? (options.guard === 'process' ? 'inherit' : 'pass'),
    ownGroup: options.ownGroup,
    kernelWatch: options.kernelWatch,
    policy: readPolicyOptions(options),
  }
}

const interpreters = new Set(['node', 'nodejs', 'python', 'python3', 'sh', 'bash', 'ruby', 'perl', 'java', 'npx'])

/** `node server.js` is called `server`; `redis-server` is called so. */
function proposeName(program: string, args: readonly string[]): string {
  const command = basename(program)
  const [first] = args
  const script = interpreters.has(command) && first?.startsWith('-') === false ? first : undefined
  const stem = script === undefined ? command : basename(script, extname(script))
  const safe = stem
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 40)
  return safe === '' ? 'service' : safe
}

function exitCodeOf({ end }: FinalEnd): number {
  switch (end.kind) {
    case 'hung':
      return hungExitCode
    case 'exited':
      return exitCodeOfStatus(end.status)
    case 'not-started':
      return 0
    default:
      return end satisfies never
  }
}

function exitCodeOfStatus(status: ExitStatus): number {
  switch (status.kind) {
    case 'code':
      return status.code
    case 'signal':
      return 128 + signalNumber(status.signal)
    case 'unknown':
      return exitCodes.unavailable
    default:
      return status satisfies never
  }
}
