import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { EventName } from '../../src/event/catalogue.js'
import type { RecordedEvent } from '../../src/event/event.js'

/** The built program. */
export const program = fileURLToPath(new URL('../../dist/cli/hangdog.js', import.meta.url))

export const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/services/${name}`, import.meta.url))

/** Generous: other tests and other people use this machine too. */
const patience = 40_000

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A state directory of its own, removed with the test. */
export function stateDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-e2e-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** The real program, running. Ended with the test by pid, and asked to end its service first. */
export class Hangdog {
  readonly child: ChildProcess
  readonly events: RecordedEvent[] = []
  readonly finished: Promise<Finished>
  stdout = ''
  stderr = ''
  exited = false

  constructor(t: Test, args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    // Through env -i: the test runner changes the environment of what it sees spawned, and a service would inherit its preload.
    const variables = Object.entries({ ...cleanEnvironment(), ...environment }).map(
      ([key, value]) => `${key}=${value ?? ''}`,
    )
    this.child = spawn('env', ['-i', ...variables, process.execPath, program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    const { stderr } = this.child
    if (stderr !== null) createInterface({ input: stderr }).on('line', (line) => this.#lineSaid(line))
    this.finished = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        this.exited = true
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })
      })
    })
    t.teardown(() => this.end())
  }

  async end(): Promise<void> {
    if (this.exited) return
    this.child.kill('SIGCONT')
    this.child.kill('SIGTERM')
    const ended = await Promise.race([this.finished, sleep(15_000)])
    if (ended === undefined) this.child.kill('SIGKILL')
    await this.finished
  }

  /** The first event of that name from position `from` on. */
  async event(name: EventName, from = 0, withinMs = patience): Promise<RecordedEvent> {
    const end = Date.now() + withinMs
    for (;;) {
      const found = this.events.slice(from).find((event) => event.name === name)
      if (found !== undefined) return found
      if (this.exited || Date.now() > end) {
        const seen = this.events.map((event) => event.name).join(', ')
        throw new Error(
          `no event "${name}"; seen: ${seen}; exited: ${this.exited}; stderr: ${this.stderr.slice(-2000)}`,
        )
      }
      await sleep(20)
    }
  }

  has(name: EventName, from = 0): boolean {
    return this.events.slice(from).some((event) => event.name === name)
  }

  #lineSaid(line: string): void {
    this.stderr += `${line}\n`
    try {
      const event: unknown = JSON.parse(line)
      if (typeof event === 'object' && event !== null && 'name' in event) this.events.push(event as RecordedEvent)
    } catch {
      // A line of the service, not of the log.
    }
  }
}

/** Runs a service under the real program. */
export function runService(
  t: Test,
  options: readonly string[],
  command: readonly string[],
  directory = stateDirectory(t),
  environment: NodeJS.ProcessEnv = {},
): Hangdog {
  return new Hangdog(
    t,
    ['run', '--state-dir', directory, '--log-format', 'json', ...options, '--', ...command],
    environment,
  )
}

/** Runs the program to its end. */
export async function hangdog(
  t: Test,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  return await new Hangdog(t, args, environment).finished
}

/** Without what the test runner put there: a service would inherit it. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([key]) => !/^(TAP|NODE_OPTIONS|_TAPJS|HANGDOG|npm_|FORCE_COLOR|NO_COLOR)/.test(key),
  )
  return Object.fromEntries(kept)
}

/** Answers of a web service, or undefined when there is none in time. */
export async function ask(port: number, path = '/', limitMs = 1000): Promise<string | undefined> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(limitMs) })
    return await answer.text()
  } catch {
    return undefined
  }
}

export async function untilAnswers(port: number, path = '/'): Promise<string> {
  return await until(() => ask(port, path), `an answer on port ${port}`)
}

/** Asks again and again until there is something. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> {
  const end = Date.now() + patience
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`there was no ${what} within ${patience} ms`)
    await sleep(50)
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}

/** A zombie that only waits to be reaped is not alive. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
