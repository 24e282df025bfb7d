import { type ChildProcess, spawn } from 'node:child_process'
import { describeError, systemCode } from '../errors.js'
import { timerDelay } from '../time.js'
import type { ChildExit } from './platform.js'

/** A helper program to run to its end: a collector, a probe, a logger. */
export interface CommandRequest {
  readonly command: string
  readonly args: readonly string[]
  /** Time from the start after which the program and its process group are killed. */
  readonly timeoutMs: number
  /** Written to its standard input, which is then closed; without it, standard input is empty. */
  readonly input?: string
  /** Complete environment; hangdog's own when left out. */
  readonly environment?: Readonly<Record<string, string>>
  /** Kept of each stream; what comes after is read and dropped. Default 1 MiB. */
  readonly maxOutputBytes?: number
}

export interface CommandOutput {
  readonly stdout: string
  readonly stderr: string
  /** Some output was dropped because there was more than `maxOutputBytes`. */
  readonly truncated: boolean
}

export type CommandResult =
  | ({ readonly kind: 'done'; readonly exit: ChildExit } & CommandOutput)
  | ({ readonly kind: 'timed-out' } & CommandOutput)
  /** `code` is the system's, such as ENOENT when the command was not found. */
  | { readonly kind: 'not-started'; readonly error: string; readonly code?: string }

const defaultMaxOutputBytes = 1024 * 1024

/** How long output is waited for after the program ended, in ms: what it left running may hold the pipes open for ever. */
const outputGraceMs = 200

/**
 * Runs a program to its end, within a time limit. Never rejects. The program gets a process group of its own; at the limit that
 * group is killed and the result comes at once, also when the program cannot die because the kernel holds it.
 */
export function runCommand(request: CommandRequest): Promise<CommandResult> {
  let child: ChildProcess
  try {
    child = spawn(request.command, [...request.args], {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(request.environment === undefined ? {} : { env: { ...request.environment } }),
    })
  } catch (error) {
    return Promise.resolve(notStarted(error))
  }
  const output = collectOutput(child, request.maxOutputBytes ?? defaultMaxOutputBytes)
  return new Promise((resolve) => {
    let exit: ChildExit | undefined
    let grace: NodeJS.Timeout | undefined
    const finish = (result: CommandResult) => {
      clearTimeout(limit)
      clearTimeout(grace)
      release(child)
      resolve(result)
    }
    const limit = setTimeout(() => {
      if (exit === undefined) killGroup(child)
      finish(exit === undefined ? { kind: 'timed-out', ...output() } : { kind: 'done', exit, ...output() })
    }, timerDelay(request.timeoutMs))
    child.once('error', (error) => {
      if (child.pid === undefined) finish(notStarted(error))
    })
    child.once('exit', (code, signal) => {
      const status: ChildExit = signal === null ? { kind: 'code', code: code ?? 0 } : { kind: 'signal', signal }
      exit = status
      grace = setTimeout(() => finish({ kind: 'done', exit: status, ...output() }), outputGraceMs)
      child.once('close', () => finish({ kind: 'done', exit: status, ...output() }))
    })
    // A program that does not read its input closes the pipe early; that is its right.
    child.stdin?.on('error', () => {})
    child.stdin?.end(request.input ?? '')
  })
}

/** Gathers both streams within the limit; the returned function gives what has come so far. */
function collectOutput(child: ChildProcess, maxBytes: number): () => CommandOutput {
  const streams = [child.stdout, child.stderr].map((stream) => {
    const kept = { chunks: [] as Buffer[], bytes: 0, truncated: false }
    stream?.on('data', (chunk: Buffer) => {
      const room = maxBytes - kept.bytes
      if (chunk.length > room) kept.truncated = true
      if (room <= 0) return
      kept.chunks.push(chunk.subarray(0, room))
      kept.bytes += Math.min(chunk.length, room)
    })
    stream?.on('error', () => {})
    return kept
  })
  const text = (index: number) => Buffer.concat(streams[index]?.chunks ?? []).toString('utf8')
  return () => ({ stdout: text(0), stderr: text(1), truncated: streams.some((stream) => stream.truncated) })
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    // The child has not been reaped, so its number, and with it that of its group, cannot have been given away.
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

/** Lets go of the pipes, so that a program that will not die keeps neither descriptors nor hangdog's own exit. */
function release(child: ChildProcess): void {
  child.stdout?.destroy()
  child.stderr?.destroy()
  child.stdin?.destroy()
  child.on('error', () => {})
  child.unref()
}

function notStarted(error: unknown): CommandResult {
  const code = systemCode(error)
  return { kind: 'not-started', error: describeError(error), ...(code === undefined ? {} : { code }) }
}
