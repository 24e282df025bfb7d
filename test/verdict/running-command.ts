import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** Generous: other programs use this machine too. In ms. */
export const patienceMs = 30_000

/** A program that runs until it is ended. Its lines on stderr are passed to whoever reads them. */
export class RunningCommand {
  readonly child: ChildProcess
  readonly lines: string[] = []
  readonly exited: Promise<void>
  hasExited = false

  constructor(
    command: readonly string[],
    environment: Readonly<Record<string, string>>,
    onLine: (line: string) => void = () => undefined,
  ) {
    const [program = '', ...args] = command
    this.child = spawn(program, args, {
      env: { ...cleanEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.resume()
    if (this.child.stderr !== null) {
      createInterface({ input: this.child.stderr }).on('line', (line) => {
        this.lines.push(line)
        onLine(line)
      })
    }
    this.exited = new Promise((resolve) => {
      const done = (): void => {
        this.hasExited = true
        resolve()
      }
      // What it has started may hold its output open for longer.
      this.child.once('exit', () => setTimeout(done, 100))
      this.child.once('error', done)
    })
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** Asked first, made after 15 s. */
  async end(): Promise<void> {
    if (this.hasExited) return
    this.child.kill('SIGCONT')
    this.child.kill('SIGTERM')
    const killer = setTimeout(() => this.child.kill('SIGKILL'), 15_000)
    await this.exited
    clearTimeout(killer)
  }
}

/** Looks until there is something, or fails. */
export async function until<T>(look: () => T | undefined, what: string, withinMs = patienceMs): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    if (performance.now() > end) throw new Error(`there was no ${what} within ${withinMs} ms`)
    await sleep(10)
  }
}

/** The letter of a process's state as /proc has it; undefined when there is no such process. */
export function processState(pid: number): string | undefined {
  try {
    return /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
  } catch {
    return undefined
  }
}

export function processName(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** A zombie that only waits to be reaped is not alive. */
export function isAlive(pid: number): boolean {
  return !['Z', 'X', undefined].includes(processState(pid))
}

/** All processes below one, and that one. */
export function listTree(pid: number): readonly number[] {
  return [pid, ...listChildren(pid).flatMap(listTree)]
}

function listChildren(pid: number): readonly number[] {
  try {
    const tasks = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return tasks
      .split(' ')
      .filter((text) => text.trim() !== '')
      .map(Number)
  } catch {
    return []
  }
}

/** Without what a test runner, npm or another hangdog put there: a service would inherit it. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const unwanted = /^(TAP|NODE_OPTIONS|_TAPJS|HANGDOG|npm_|FORCE_COLOR|NO_COLOR|NOTIFY_SOCKET|WATCHDOG_)/
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !unwanted.test(key)))
}
