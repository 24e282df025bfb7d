import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { RecordedEvent } from '../../src/event/event.js'
import type { Preparation } from './preparation.js'
import { layOutMachine, type MachineFiles, type MachineSettings, qemuCommand } from './qemu-command.js'
import { Qmp, type QmpEvent } from './qmp.js'

/** For a whole scenario, in ms. A boot takes 5 s on a quiet machine and much longer on a busy one. */
const defaultLimitMs = 300_000

/** Sparse; a crash dump of the guest takes 50 MB of it. */
const diskBytes = 512 * 1024 * 1024

export interface MachineOptions extends MachineSettings {
  /** From start to the guest's power-off, in ms. Default 5 min. */
  readonly limitMs?: number
}

/** What the host saw of a machine that has ended. */
export interface Outcome {
  /** QEMU's exit code; undefined when it was killed. */
  readonly code: number | undefined
  /** It did not end within its limit. */
  readonly late: boolean
  /** The boot id of each boot that came as far as the scenario. */
  readonly boots: readonly string[]
  readonly wallMs: number
}

/** A virtual machine that runs one scenario to its end. Ended with the test, and with this process, whatever happens. */
export class Machine {
  /** All that came over the serial line so far. */
  serial = ''
  readonly qmpEvents: QmpEvent[] = []
  readonly finished: Promise<Outcome>
  readonly #files: MachineFiles
  readonly #child: ChildProcess
  readonly #scenario: string
  #qmp: Qmp | undefined
  #late = false
  #exited = false

  private constructor(files: MachineFiles, prepared: Preparation, options: MachineOptions) {
    this.#files = files
    this.#scenario = options.scenario
    const startedAt = Date.now()
    const [program = '', ...args] = qemuCommand(options, prepared, files)
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.serial += text
      })
    }
    const limit = setTimeout(() => {
      this.#late = true
      this.kill()
    }, options.limitMs ?? defaultLimitMs)
    this.finished = new Promise((resolve) => {
      this.#child.on('close', (code) => {
        clearTimeout(limit)
        this.#exited = true
        this.#qmp?.close()
        const wallMs = Date.now() - startedAt
        resolve({ code: code ?? undefined, late: this.#late, boots: this.lines('boots'), wallMs })
      })
    })
  }

  /** Boots a machine with a fresh disk. */
  static async start(t: Test, prepared: Preparation, options: MachineOptions): Promise<Machine> {
    const directory = mkdtempSync(join(tmpdir(), 'hangdog-vm-'))
    t.teardown(() => {
      // What the guest left is worth a look when a scenario is written.
      if (process.env.HANGDOG_VM_KEEP !== undefined) t.comment(`kept: ${directory}`)
      else rmSync(directory, { recursive: true, force: true })
    })
    const files = layOutMachine(directory)
    mkdirSync(files.root)
    mkdirSync(files.out)
    writeFileSync(files.disk, '')
    truncateSync(files.disk, diskBytes)
    execFileSync('mkfs.ext4', ['-q', '-F', files.disk], { env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` } })
    const machine = new Machine(files, prepared, options)
    t.teardown(async () => {
      machine.kill()
      const { wallMs } = await machine.finished
      t.comment(`${options.scenario}: ${(wallMs / 1000).toFixed(1)} s`)
      if (!t.passing()) t.comment(machine.serial)
    })
    const qmp = await Qmp.open(files.qmp, machine.qmpEvents, () => machine.#exited)
    machine.#qmp = qmp
    await qmp.execute('cont')
    return machine
  }

  /** Waits until the scenario says this, by `say`. */
  async said(text: string): Promise<void> {
    while (!this.serial.includes(`scenario: ${text}`)) {
      if (this.#exited)
        throw new Error(`the scenario "${this.#scenario}" ended without saying "${text}": ${this.serial}`)
      await sleep(100)
    }
  }

  /** Stops the machine's clocks and processors for this long, as an administrator who pauses it does. */
  async pause(ms: number): Promise<void> {
    await this.#qmp?.execute('stop')
    await sleep(ms)
    await this.#qmp?.execute('cont')
  }

  /** Stops QEMU itself: the machine does not run while its clocks do, as on a host that is overloaded or was suspended. */
  async starve(ms: number): Promise<void> {
    this.#child.kill('SIGSTOP')
    await sleep(ms)
    this.#child.kill('SIGCONT')
  }

  /** Resets the machine as its reset button does: it has no time to say anything. */
  async reset(): Promise<void> {
    await this.#qmp?.execute('system_reset')
  }

  /** Leaves a file where the guest can see it. */
  tell(name: string): void {
    writeFileSync(join(this.#files.out, name), '')
  }

  kill(): void {
    if (!this.#exited) this.#child.kill('SIGKILL')
  }

  /** A file that the guest left; undefined when there is none. */
  file(name: string): string | undefined {
    const path = join(this.#files.out, name)
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined
  }

  /** Non-empty lines of a file that the guest left. */
  lines(name: string): readonly string[] {
    return (this.file(name) ?? '').split('\n').filter((line) => line !== '')
  }

  /** The events that hangdog logged at the n-th boot, from 1. */
  events(boot = 1): readonly RecordedEvent[] {
    return this.lines(`log-${boot}.jsonl`).flatMap((line) => {
      try {
        const event: unknown = JSON.parse(line)
        return typeof event === 'object' && event !== null && 'name' in event ? [event as RecordedEvent] : []
      } catch {
        // The last line of a machine that was stopped, or one of the service.
        return []
      }
    })
  }
}
