import { unreachable } from '../errors.js'
import { type CommandResult, runCommand } from '../platform/command.js'
import type { Milliseconds } from '../time.js'
import { failure, type Probe, type ProbeOutcome, success } from './probe.js'

/** Kept of the command's output: enough for the line that says what is wrong. */
const maxOutputBytes = 4096

/** Of that line, in characters. */
const longestComplaint = 200

/** Runs a command by the shell; exit code 0 is success. At the time limit the command and its children are killed. */
export class ExecProbe implements Probe {
  readonly description: string
  readonly #command: string

  constructor(command: string) {
    this.description = `exec:${command}`
    this.#command = command
  }

  async look(timeout: Milliseconds): Promise<ProbeOutcome> {
    const args = ['-c', this.#command]
    return judge(await runCommand({ command: '/bin/sh', args, timeoutMs: timeout, maxOutputBytes }), timeout)
  }
}

function judge(result: CommandResult, timeout: Milliseconds): ProbeOutcome {
  switch (result.kind) {
    case 'not-started':
      return isShortage(result.code) ? { kind: 'not-asked', reason: result.error } : failure(result.error)
    case 'timed-out':
      return failure(`not done within ${Math.round(timeout)} ms`)
    case 'done': {
      const { exit } = result
      if (exit.kind === 'signal') return failure(`ended by ${exit.signal}`)
      return exit.code === 0 ? success : failure(`exit code ${exit.code}${complaint(result.stderr)}`)
    }
    default:
      return unreachable(result)
  }
}

function complaint(stderr: string): string {
  const last = stderr.trimEnd().split('\n').at(-1) ?? ''
  return last === '' ? '' : `: ${last.slice(0, longestComplaint)}`
}

/** What hangdog itself or the machine lacks, and not the service. */
function isShortage(code: string | undefined): boolean {
  return code === 'EMFILE' || code === 'ENFILE' || code === 'EAGAIN' || code === 'ENOMEM'
}
