import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AlonePlan } from './alone-plan.js'
import { describeError } from './errors.js'
import type { Emit } from './event/event.js'
import { formatHead, guardFileExtension, readGuardFile, recoverGuardRecords } from './incident/guard-file.js'
import { type GuardRecordKeeping, keepGuardRecord } from './incident/guard-record.js'
import type { Guard } from './platform/guard.js'
import { thisProcess } from './process-identity.js'
import type { StateDirectory } from './state-directory.js'
import { type Clock, type Scheduled, seconds, zero } from './time.js'
import { version } from './version.js'
import type { Service } from './watch/service.js'
import type { BugCheckGate } from './watch/surroundings.js'

export interface AloneParts {
  readonly state: Pick<StateDirectory, 'guard' | 'incidents'>
  /** Of the file of records; what else is in its name makes it unique. */
  readonly instance: string
  readonly clock: Clock
  readonly emit: Emit
  readonly gate: BugCheckGate
  /** False for a hangdog that only decides. */
  readonly stopsMachine: boolean
}

/** How long the guard may stop the machine without hearing from us, and how often it hears. */
const permitSpan = seconds(600)
const permitInterval = seconds(5)

/** What an open guard needs to act alone: a file for its records, the kernel's files, and a permission that is current. */
export class AloneGuard {
  readonly #guard: Guard
  readonly #parts: AloneParts
  readonly #path: string
  readonly #keeping: GuardRecordKeeping
  #timer: Scheduled | undefined
  /** Why nothing can be recorded, as long as nobody was told. */
  #trouble: string | undefined

  constructor(guard: Guard, parts: AloneParts) {
    this.#guard = guard
    this.#parts = parts
    this.#path = join(parts.state.guard, `${parts.instance}-${randomBytes(4).toString('hex')}${guardFileExtension}`)
    this.#keeping = {
      directory: parts.state.incidents,
      clock: parts.clock,
      hangdogVersion: version,
      writer: thisProcess(),
      failed: (incident, error) => parts.emit({ name: 'incident-unwritten', incident, parameters: { error } }),
    }
    this.#openRecords()
    guard.openMachine({
      sysrq: '/proc/sysrq-trigger',
      crashLoaded: '/sys/kernel/kexec_crash_loaded',
      kernelLog: '/dev/kmsg',
      watchdog: '/dev/watchdog',
      pressure: '/proc/pressure/cpu',
      reboot: parts.stopsMachine,
    })
    this.renewPermit()
  }

  /** Lets the guard act alone on a service whose beats it takes in by itself. */
  plan(service: Service, countdown: number, process: () => number | undefined): AlonePlan {
    const { emit } = this.#parts
    return new AlonePlan({
      guard: this.#guard,
      service,
      countdown,
      process,
      emit,
      keep: async (record, outcome) => {
        try {
          return await keepGuardRecord(record, outcome, this.#keeping)
        } catch (error) {
          this.#keeping.failed(record.id, describeError(error))
          return undefined
        }
      },
    })
  }

  /** To be called as soon as events can be written. */
  tellTrouble(): void {
    const error = this.#trouble
    this.#trouble = undefined
    if (error !== undefined) this.#parts.emit({ name: 'guard-unrecorded', parameters: { error } })
  }

  /** Also to be called when the answer may have changed. */
  renewPermit(): void {
    const { clock, gate, stopsMachine } = this.#parts
    if (!stopsMachine) return
    this.#guard.permitBugCheck(gate.permit().kind === 'granted' ? permitSpan : zero)
    this.#timer?.cancel()
    this.#timer = clock.schedule(permitInterval, () => this.renewPermit())
  }

  stopRenewing(): void {
    this.#timer?.cancel()
    this.#guard.permitBugCheck(zero)
  }

  /** To be called when the guard is closed. A file with records that could not be kept is left for the next start. */
  removeFile(): void {
    try {
      const { records, damaged } = readGuardFile(readFileSync(this.#path))
      if (records.length === 0 && damaged === 0) rmSync(this.#path)
    } catch {
      // It was never made, or is found at the next start.
    }
  }

  #openRecords(): void {
    try {
      this.#guard.openRecords(this.#path, formatHead({ writer: this.#keeping.writer, hangdogVersion: version }))
    } catch (error) {
      this.#trouble = describeError(error)
    }
  }
}

/** What guards of hangdogs that are gone have recorded becomes incidents. Never rejects. */
export function recoverRecords(state: AloneParts['state'], clock: Clock, emit: Emit): Promise<void> {
  return recoverGuardRecords({
    guard: state.guard,
    incidents: state.incidents,
    clock,
    failed: (incident, error) => emit({ name: 'incident-unwritten', incident, parameters: { error } }),
    kept: ({ service, id: incident }, outcome) =>
      emit({ name: 'guard-record-kept', service, incident, parameters: { incident, outcome } }),
    damaged: (file, reason) =>
      emit({ name: 'guard-unrecorded', parameters: { error: `the file "${file}" cannot be used: ${reason}` } }),
  })
}
