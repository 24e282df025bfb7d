import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AlonePlan } from './alone-plan.js'
import { describeError } from './errors.js'
import type { Emit } from './event/event.js'
import { formatHead, guardFileExtension, readGuardFile, recoverGuardRecords } from './incident/guard-file.js'
import {
  type GuardRecord,
  type GuardRecordKeeping,
  guardOutcome,
  keepGuardRecord,
  parseGuardRecord,
  removeSuperseded,
} from './incident/guard-record.js'
import type { Guard } from './platform/guard.js'
import { type ProcessIdentity, thisProcess } from './process-identity.js'
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
  /** The guard process, which has the file of records and outlives us. Undefined for a guard of this process. */
  readonly keeper?: ProcessIdentity | undefined
}

/** How long the guard may stop the machine without hearing from us, and how often it hears. */
const permitSpan = seconds(600)
const permitInterval = seconds(5)

/** What an open guard needs to act alone: a file for its records, the kernel's files, and a permission that is current. */
export class AloneGuard {
  readonly #guard: Guard
  readonly #parts: AloneParts
  readonly #keeping: GuardRecordKeeping
  readonly #plans: AlonePlan[] = []
  #path: string
  #timer: Scheduled | undefined
  /** Why nothing can be recorded, as long as nobody was told. */
  #trouble: string | undefined

  constructor(guard: Guard, parts: AloneParts) {
    this.#guard = guard
    this.#parts = parts
    this.#path = recordPath(parts, parts.keeper)
    this.#keeping = {
      directory: parts.state.incidents,
      clock: parts.clock,
      hangdogVersion: version,
      writer: thisProcess(),
      failed: (incident, error) => parts.emit({ name: 'incident-unwritten', incident, parameters: { error } }),
    }
    this.#open(parts.keeper)
  }

  /** The guard process is gone, and a guard of this process has come in its place. */
  guardReplaced(): void {
    this.#path = recordPath(this.#parts, undefined)
    this.#open(undefined)
    for (const plan of this.#plans) plan.guardReplaced()
  }

  #open(keeper: ProcessIdentity | undefined): void {
    this.#openRecords(keeper ?? thisProcess())
    this.#guard.openMachine({
      sysrq: '/proc/sysrq-trigger',
      crashLoaded: '/sys/kernel/kexec_crash_loaded',
      kernelLog: '/dev/kmsg',
      watchdog: '/dev/watchdog',
      pressure: '/proc/pressure/cpu',
      reboot: this.#parts.stopsMachine,
    })
    this.renewPermit()
  }

  /** Lets the guard act alone on a service whose beats it takes in by itself. */
  plan(service: Service, countdown: number, process: () => number | undefined): AlonePlan {
    const { emit } = this.#parts
    const plan = new AlonePlan({
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
    this.#plans.push(plan)
    return plan
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

  #openRecords(writer: ProcessIdentity): void {
    try {
      this.#guard.openRecords(this.#path, formatHead({ writer, hangdogVersion: version }))
    } catch (error) {
      this.#trouble = describeError(error)
    }
  }
}

/** A guard process goes on with the file that it has, whoever owns it: the name follows from which process it is. */
function recordPath({ state, instance }: AloneParts, keeper: ProcessIdentity | undefined): string {
  const which =
    keeper === undefined
      ? randomBytes(4).toString('hex')
      : `${keeper.pid}-${keeper.startTime}-${keeper.bootId.slice(0, 8)}`
  return join(state.guard, `${instance}-${which}${guardFileExtension}`)
}

/** GUARD_SLOTS. */
const slots = 64

export interface LeftRecords {
  readonly guard: Guard
  /** The guard process. */
  readonly keeper: ProcessIdentity
  readonly state: AloneParts['state']
  readonly clock: Clock
  readonly emit: Emit
}

/**
 * What a guard process has recorded while nobody owned it becomes incidents. Never rejects.
 * @returns slots with what has not come to its end: to be kept by `keepSlots` when nothing of the earlier owner is left in the guard
 */
export async function keepLeftRecords(left: LeftRecords): Promise<readonly number[]> {
  const unfinished: number[] = []
  for (let slot = 0; slot < slots; slot++) {
    const record = readSlot(left.guard, slot)
    if (record === undefined) continue
    if (record.outcome === undefined) unfinished.push(slot)
    else await keepSlot(left, slot, record)
  }
  return unfinished
}

/** Never rejects. */
export async function keepSlots(left: LeftRecords, wanted: readonly number[]): Promise<void> {
  for (const slot of wanted) {
    const record = readSlot(left.guard, slot)
    if (record !== undefined) await keepSlot(left, slot, record)
  }
}

function readSlot(guard: Guard, slot: number): GuardRecord | undefined {
  const text = guard.recordText(slot)
  return text === undefined ? undefined : parseGuardRecord(text)
}

async function keepSlot({ guard, keeper: writer, state, clock, emit }: LeftRecords, slot: number, record: GuardRecord) {
  const { service, id: incident } = record
  const failed = (_: string, error: string): void =>
    emit({ name: 'incident-unwritten', incident, parameters: { error } })
  try {
    const outcome = guardOutcome(record)
    const directory = state.incidents
    await keepGuardRecord(record, outcome, { directory, clock, hangdogVersion: version, writer, failed })
    await removeSuperseded(directory, record)
    guard.freeRecord(slot)
    emit({ name: 'guard-record-kept', service, incident, parameters: { incident, outcome } })
  } catch (error) {
    // It stays in its slot, and is tried again at the next start.
    failed(incident, describeError(error))
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
