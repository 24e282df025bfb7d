#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { describeError, exitCodes, HangdogError } from '../errors.js'
import { version } from '../version.js'
import { demoCommand } from './demo.js'
import { doctorCommand } from './doctor.js'
import { eventsCommand } from './events.js'
import { explainCommand } from './explain.js'
import { incidentCommand } from './incident.js'
import { propCommand } from './prop.js'
import { runCommandCommand } from './run.js'
import { statusCommand } from './status.js'
import { superviseCommand } from './supervise.js'

const program = new Command('hangdog')
  .description('Finds services that are up and useless, says why, and recovers them.')
  .version(version)
  .enablePositionalOptions()
  .showHelpAfterError('(--help shows what is expected)')
  .addHelpText('after', '\nExample:\n  hangdog run --timeout 6s --restart on-failure -- node server.js')

for (const command of [
  runCommandCommand(),
  superviseCommand(),
  statusCommand(),
  eventsCommand(),
  incidentCommand(),
  explainCommand(),
  propCommand(),
  doctorCommand(),
  demoCommand(),
]) {
  program.addCommand(command)
}

try {
  exitByThrowing(program)
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
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
    process.stderr.write(`hangdog: ${error.message}\n`)
    return error.exitCode
  }
  const trace = error instanceof Error ? (error.stack ?? error.message) : describeError(error)
  process.stderr.write(`hangdog: internal error: ${trace}\n`)
  return exitCodes.internal
}
