import { Command } from 'commander'
import type { Check } from './health.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Colour, type Output, openOutput } from './output.js'
import { type Cell, layOutTable } from './table.js'

/** `hangdog doctor`: what works on this machine. Changes nothing. */
export function doctorCommand(open: () => Output = openOutput): Command {
  return new Command('doctor')
    .description('what works on this machine, what does not, and how to mend it; changes nothing')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ hangdog doctor
  $ hangdog doctor --json | grep '"state":"missing"'

Exit codes: 0 when all is well, 1 when something is weaker than it could be or missing, 2 when the state directory cannot be used.`,
    )
    .action((options: StateOptions) => examine(options, open()))
}

async function examine(options: StateOptions, output: Output): Promise<void> {
  const { examineMachine } = await import('./health.js')
  const checks = await examineMachine(options.stateDir)
  if (options.json === true) for (const check of checks) await output.writeJson(check)
  else await output.write(describeChecks(checks, output))
  output.setExitCode(judge(checks))
}

function judge(checks: readonly Check[]): 0 | 1 | 2 {
  if (checks.some((check) => check.check === 'state-directory' && check.state === 'missing')) return 2
  return checks.every((check) => check.state === 'ok') ? 0 : 1
}

const colours: Readonly<Record<Check['state'], Colour>> = { ok: 'green', weak: 'yellow', missing: 'red' }

function describeChecks(checks: readonly Check[], output: Output): string {
  const rows = checks.map(({ check, state, reason, mend }): Cell[] => [
    check,
    { text: state, colour: colours[state] },
    // The advice has a line of its own where it would be cut.
    mend === null || output.terminal ? reason : `${reason} → ${mend}`,
  ])
  const lines = layOutTable(['CHECK', 'STATE', 'WHY'], rows, output)
  const advice = checks.flatMap(({ check, mend }) => (mend === null ? [] : [`  ${check}: ${mend}`]))
  if (output.terminal && advice.length > 0) lines.push('', output.paint('bold', 'To mend it'), ...advice)
  return lines.map((line) => `${line}\n`).join('')
}
