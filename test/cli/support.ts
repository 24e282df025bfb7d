import { Writable } from 'node:stream'
import { Command } from 'commander'
import { type Output, openOutput } from '../../src/cli/output.js'

/** A terminal, or what else stdout can be, that remembers. */
export class Screenshot extends Writable {
  text = ''
  readonly isTTY: boolean
  readonly columns: number
  readonly rows = 24

  constructor(isTTY = false, columns = 120) {
    super({ decodeStrings: false })
    this.isTTY = isTTY
    this.columns = columns
  }

  override _write(chunk: string, _: unknown, done: () => void): void {
    this.text += chunk
    done()
  }

  get lines(): readonly string[] {
    return this.text.split('\n').slice(0, -1)
  }

  get objects(): readonly Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line))
  }
}

export interface Ran {
  readonly stdout: Screenshot
  readonly stderr: Screenshot
  readonly output: Output
  exitCode: number
}

export function openScreenshot(
  stdout = new Screenshot(),
  environment: Readonly<Record<string, string | undefined>> = {},
): Ran {
  const stderr = new Screenshot()
  const ran: Ran = {
    stdout,
    stderr,
    exitCode: 0,
    output: openOutput({
      stdout,
      stderr,
      environment,
      setExitCode: (code) => {
        ran.exitCode = code
      },
    }),
  }
  return ran
}

/** Runs a command in this process as the main program would. Rejects with what it throws. */
export async function runCommand(
  make: (open: () => Output) => Command,
  args: readonly string[],
  ran: Ran = openScreenshot(),
): Promise<Ran> {
  const program = new Command('hangdog').addCommand(make(() => ran.output))
  const quieten = (command: Command): void => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} })
    for (const each of command.commands) quieten(each)
  }
  quieten(program)
  await program.parseAsync(args, { from: 'user' })
  return ran
}
