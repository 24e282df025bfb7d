import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

/** A program of test/fixtures in a process of its own, that uses what was built. Killed with the test. */
export class FixtureProcess {
  readonly child: ChildProcess
  /** What it said, line by line; a last line without its end is left out. */
  readonly lines: string[] = []
  /** Resolves when it has ended and all that it said was read. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  #rest = ''
  #stderr = ''
  #heard: () => void = () => {}

  /** @param name of the program, below test/fixtures */
  constructor(t: Test, name: string, args: readonly string[]) {
    // Through env -i: the test runner changes the environment of what it sees spawned.
    this.child = spawn('env', ['-i', process.execPath, fixture(name), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const parts = `${this.#rest}${text}`.split('\n')
      this.#rest = parts.pop() ?? ''
      this.lines.push(...parts)
      this.#heard()
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        this.#heard()
        resolve(signal ?? code)
      })
    })
    t.teardown(() => this.kill())
  }

  /** Waits until it has said so many lines. @throws when it ends before */
  async said(count: number): Promise<void> {
    while (this.lines.length < count) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`it ended (${this.child.exitCode ?? this.child.signalCode}): ${this.#stderr}`)
      }
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  /** @throws with what it said on stderr when it did not end with 0 */
  async succeeded(): Promise<void> {
    const end = await this.ended
    if (end !== 0) throw new Error(`it ended with ${end}: ${this.#stderr}`)
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}
