#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { describeError, exitCodes, HangdogError } from '../errors.js'
import { version } from '../version.js'
import { escapeText } from './output.js'

/** Each is loaded when it is asked for: all of them together would take longer than most of them do. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  run: async () => (await import('./run.js')).runCommandCommand(),
  supervise: async () => (await import('./supervise.js')).superviseCommand(),
  status: async () => (await import('./status.js')).statusCommand(),
  events: async () => (await import('./events.js')).eventsCommand(),
  incident: async () => (await import('./incident.js')).incidentCommand(),
  advise: async () => (await import('./advise.js')).adviseCommand(),
  explain: async () => (await import('./explain.js')).explainCommand(),
  prop: async () => (await import('./prop.js')).propCommand(),
  cluster: async () => (await import('./cluster.js')).clusterCommand(),
  doctor: async () => (await import('./doctor.js')).doctorCommand(),
  maintenance: async () => (await import('./maintenance.js')).maintenanceCommand(),
  drill: async () => (await import('./drill.js')).drillCommand(),
  fault: async () => (await import('./fault.js')).faultCommand(),
  demo: async () => (await import('./demo.js')).demoCommand(),
  completion: async () => (await import('./completion.js')).completionCommand(),
}

const program = new Command('hangdog')
  .description('Finds services that are up and useless, says why, and recovers them.')
  .version(version)
  .enablePositionalOptions()
  .showHelpAfterError('(--help shows what is expected)')
  .addHelpText('after', '\nExample:\n  hangdog run --timeout 6s --restart on-failure -- node server.js')

// Help is written by commander: a reader that leaves early, such as head, is no error. Any other one reaches who writes.
process.stdout.on('error', () => {})

try {
  await addCommands(process.argv[2] ?? '')
  exitByThrowing(program)
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

/** Adds the command that is asked for. What is no command, such as --help or a misspelt one, needs all of them. */
async function addCommands(asked: string): Promise<void> {
  const load = Object.hasOwn(commands, asked) ? commands[asked] : undefined
  const loaded = await Promise.all(load === undefined ? Object.values(commands).map((each) => each()) : [load()])
  for (const command of loaded) program.addCommand(command)
  if (load !== undefined) return
  const { completeCommand } = await import('./completion.js')
  program.addCommand(completeCommand(), { hidden: true })
}

/** Makes commander throw instead of leaving the process, for all commands below as well. */
function exitByThrowing(command: Command): void {
  command.exitOverride()
  for (const each of command.commands) exitByThrowing(each)
}

/** One line on stderr that names the thing, and the documented exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) {
    // Commander has printed its message already; help and version are no errors.
    return error.exitCode === 0 ? 0 : exitCodes.usage
  }
  if (error instanceof HangdogError) {
    process.stderr.write(`hangdog: ${escapeText(error.message)}\n`)
    return error.exitCode
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : describeError(error)
  process.stderr.write(`hangdog: internal error: ${trace}\n`)
  return exitCodes.internal
}
