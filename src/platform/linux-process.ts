import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { describeError, HangdogError, systemCode } from '../errors.js'
import { resolveCommand } from './command-path.js'
import { type CgroupMounts, createOwnGroup, type OwnGroup, openOwnGroup } from './linux-cgroup.js'
import { markerVariable } from './linux-marker.js'
import { readStat } from './linux-proc.js'
import type { OutputPass } from './output-pass.js'
import type { ExitStatus, ProcessIdentity, RunDescription, ServiceProcess, SpawnRequest } from './platform.js'
import { fileOutput, forgottenOutput, passOutput, type ServiceOutput } from './service-output.js'

/** A spawned service with what the Linux adapter needs to end all of it. */
export interface LinuxService {
  readonly process: ServiceProcess
  /** Processes that were the service's before it handed over. Default: none. */
  readonly former?: readonly ProcessIdentity[]
  /** Value of the marker variable in its environment. */
  readonly marker: string
  readonly group: OwnGroup | undefined
  readonly output: ServiceOutput
  readonly outputFile: string | undefined
}

/** What spawning needs of the adapter. */
export interface SpawnSurroundings {
  readonly mounts: CgroupMounts
  /** Standard input of services. */
  readonly stdin: 'inherit' | 'ignore'
  readonly stdout: OutputPass
  readonly stderr: OutputPass
}

/** Joins the group, says nothing when that fails, and becomes the command; the pid stays the same all along. */
const joinGroupScript = '{ echo $$ > "$0"; } 2>/dev/null; exec "$@"'

/** Starts a service; see Platform.spawn. */
export async function spawnService(request: SpawnRequest, surroundings: SpawnSurroundings): Promise<LinuxService> {
  const path = await resolveCommand({
    service: request.name,
    command: request.command,
    ...(request.directory === undefined ? {} : { directory: request.directory }),
    searchPath: request.environment.PATH,
  })
  const file = await openOutputFile(request)
  const marker = randomBytes(16).toString('hex')
  const made = request.ownGroup ? createOwnGroup(surroundings.mounts, request.name) : undefined
  const group = typeof made === 'string' ? undefined : made
  try {
    const child = await startChild(request, path, group, {
      stdio: chooseStdio(request, surroundings.stdin, file?.fd),
      marker,
    })
    const output = captureOutput(request, child, surroundings)
    const outputFile = typeof request.output === 'string' ? undefined : request.output.file
    return { process: serviceProcess(request.command, child, output), marker, group, output, outputFile }
  } catch (error) {
    group?.remove()
    throw error
  } finally {
    // Not awaited: the service may speak at once, and whoever asked for it is to know its pid before its words are read.
    void file?.close().catch(() => {})
  }
}

interface ChildOptions {
  readonly stdio: StdioOptions
  readonly marker: string
}

interface StartedChild {
  readonly child: ChildProcess
  readonly identity: ProcessIdentity
  readonly startedAt: Date
  readonly exited: Promise<ExitStatus>
}

/** A service that another hangdog started. Only its own parent learns how it ends. */
export function adoptedService(run: RunDescription, ended: Promise<void>): LinuxService {
  const { identity, startedAt, command, former = [], marker, group, outputFile } = run
  const output = outputFile === undefined ? forgottenOutput : fileOutput(outputFile)
  const exited = ended.then((): ExitStatus => ({ kind: 'unknown' }))
  return {
    process: serviceProcess(command, { identity, startedAt: new Date(startedAt), exited }, output),
    former,
    marker,
    group: group === undefined ? undefined : openOwnGroup(group),
    output,
    outputFile,
  }
}

function startChild(
  request: SpawnRequest,
  path: string,
  group: OwnGroup | undefined,
  options: ChildOptions,
): Promise<StartedChild> {
  const [file, args, argv0] =
    group === undefined
      ? [path, request.args, request.command]
      : ['/bin/sh', ['-c', joinGroupScript, `${group.directory}/cgroup.procs`, path, ...request.args], 'sh']
  const startedAt = new Date()
  let child: ChildProcess
  try {
    child = spawn(file, [...args], {
      argv0,
      detached: true,
      env: { ...request.environment, [markerVariable]: options.marker },
      stdio: options.stdio,
      ...(request.directory === undefined ? {} : { cwd: request.directory }),
    })
  } catch (error) {
    return Promise.reject(startError(request, error))
  }
  const { pid } = child
  if (pid === undefined) {
    return new Promise((_, reject) => child.once('error', (error) => reject(startError(request, error))))
  }
  // Node reaps only from the event loop, so that here even a process that has ended is still a zombie with its stat.
  const identity = { pid, startTime: readStat(pid)?.startTime ?? 'unknown' }
  // Failing signals are reported where they are sent.
  child.on('error', () => {})
  return Promise.resolve({ child, identity, startedAt, exited: waitForExit(child) })
}

function waitForExit(child: ChildProcess): Promise<ExitStatus> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      const status: ExitStatus = signal === null ? { kind: 'code', code: code ?? 0 } : { kind: 'signal', signal }
      // One turn later the last words, which wait in the pipe, have usually been read.
      setImmediate(() => resolve(status))
    })
  })
}

function serviceProcess(command: string, started: Omit<StartedChild, 'child'>, output: ServiceOutput): ServiceProcess {
  const { identity, startedAt, exited } = started
  return { identity, startedAt, command, exited, lastLines: (count) => output.lastLines(count) }
}

function captureOutput(request: SpawnRequest, started: StartedChild, surroundings: SpawnSurroundings): ServiceOutput {
  if (request.output === 'inherit') return forgottenOutput
  if (request.output !== 'pass') return fileOutput(request.output.file)
  const { stdout, stderr } = started.child
  if (stdout === null || stderr === null) return forgottenOutput
  return passOutput(request.name, [
    { source: stdout, pass: surroundings.stdout },
    { source: stderr, pass: surroundings.stderr },
  ])
}

function chooseStdio(request: SpawnRequest, stdin: 'inherit' | 'ignore', file: number | undefined): StdioOptions {
  const files = request.files ?? []
  if (request.output === 'inherit') return [stdin, 'inherit', 'inherit', ...files]
  return file === undefined ? [stdin, 'pipe', 'pipe', ...files] : [stdin, file, file, ...files]
}

async function openOutputFile(request: SpawnRequest): Promise<FileHandle | undefined> {
  if (typeof request.output === 'string') return undefined
  const { file } = request.output
  try {
    return await open(file, 'a', 0o640)
  } catch (error) {
    const what = `cannot open output file "${file}" of service "${request.name}"`
    throw new HangdogError('create', `${what}: ${describeError(error)}`, error)
  }
}

function startError(request: SpawnRequest, error: unknown): HangdogError {
  const what = `cannot start service "${request.name}": command "${request.command}"`
  switch (systemCode(error)) {
    case 'EACCES':
    case 'EPERM':
      return new HangdogError('permission', `${what} may not be executed`, error)
    case 'ENOENT':
      // The file was there a moment ago: what is missing is the interpreter that its first line names.
      return new HangdogError('unavailable', `${what} names an interpreter that is not found`, error)
    case 'E2BIG':
    case 'ERR_INVALID_ARG_VALUE':
      return new HangdogError(
        'config',
        `${what} has arguments the system does not take: ${describeError(error)}`,
        error,
      )
    default:
      return new HangdogError('unavailable', `${what} does not start: ${describeError(error)}`, error)
  }
}
