import { join } from 'node:path'
import { execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import { freePort } from '../free-port.js'
import { buildC, buildGo, buildJava } from './build.js'
import { findFault } from './catalogue.js'
import type { Fault, FaultProgram } from './fault.js'
import { sweepMemoryGroups } from './memory-group.js'
import { findMissing } from './need.js'

export { faults, findFault } from './catalogue.js'
export type { Fault } from './fault.js'

/** When the service hangs, and how often it beats before. */
export interface FaultOrder {
  /** From when it is ready, in ms. Left out: not by itself, only when the trigger appears. */
  readonly afterMs?: number
  /** From one unit of its work to the next, each with a beat at its end; in ms, at least 1. Default 50. */
  readonly intervalMs?: number
}

/** A service that hangs on order, ready to be started. */
export interface PreparedFault {
  readonly fault: Fault
  readonly command: string
  readonly args: readonly string[]
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>
  /** As `--heartbeat` takes it. */
  readonly heartbeat: string
  /** The service hangs as soon as there is a file of this name. It removes the file first. */
  readonly trigger: string
  /** Removes what a killed service cannot remove itself, other than the folder. Call it when the service is gone. Never rejects. */
  readonly dispose: () => Promise<void>
}

/**
 * Makes the service of one kind ready, which may take some seconds when it has to be compiled first.
 * @param folder for the files of the service; must exist, be its own, and be removed by the caller when the service is gone
 * @returns `missing` when this machine lacks something, with what that is
 * @throws HangdogError `usage` when there is no such kind; `unavailable` when it cannot be compiled
 */
export async function prepareFault(
  kind: string,
  folder: string,
  order: FaultOrder = {},
): Promise<PreparedFault | { readonly missing: string }> {
  const fault = findFault(kind)
  const missing = await findMissing(fault.needs)
  if (missing.length > 0) return { missing: missing.join('; ') }
  const trigger = join(folder, 'hang')
  const { afterMs, intervalMs = 50 } = order
  const port = fault.heartbeat === 'tcp' ? await freePort() : undefined
  const service = [
    ...['--folder', folder, '--trigger', trigger, '--interval-ms', String(intervalMs)],
    ...(afterMs === undefined ? [] : ['--after-ms', String(afterMs)]),
    ...(port === undefined ? [] : ['--port', String(port)]),
  ]
  const [command, ...args] = await commandLine(fault.program, folder)
  return {
    fault,
    command,
    args: [...args, ...service],
    env: {},
    heartbeat: port === undefined ? fault.heartbeat : `tcp://127.0.0.1:${port}`,
    trigger,
    dispose: sweepMemoryGroups,
  }
}

type CommandLine = readonly [string, ...string[]]

async function commandLine(program: FaultProgram, folder: string): Promise<CommandLine> {
  switch (program.kind) {
    case 'node':
      return [execPath, nodeProgram(program.file)]
    case 'node-unread':
      // The reader has the pipe open as its standard input, and ends with the service, which is the process of this shell.
      return ['/bin/sh', '-c', unread, 'sh', join(folder, 'log'), execPath, nodeProgram(program.file)]
    case 'python':
      // Without -B it would write the compiled module beside its source.
      return ['python3', '-B', join(programFolder, program.file)]
    case 'java':
      return ['java', ...program.options, '-cp', await buildJava(programFolder), program.main]
    case 'go':
      return [await buildGo(join(programFolder, program.file))]
    case 'c':
      return [await buildC(programFolder, program.file)]
    default:
      return program satisfies never
  }
}

const unread = 'log=$1; shift; mkfifo "$log" || exit 73; tail --pid=$$ -f /dev/null < "$log" & exec "$@" > "$log"'

/** The same from `src` and from `dist`. Programs in other languages are shipped as sources. */
const programFolder = fileURLToPath(new URL('../../src/fault/programs/', import.meta.url))

function nodeProgram(name: string): string {
  return fileURLToPath(new URL(`../../dist/fault/programs/${name}.js`, import.meta.url))
}
