import { mkdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { syncDirectory, writeDurably } from '../durable-file.js'
import { systemCode } from '../errors.js'
import type { ProcessIdentity } from '../process-identity.js'
import type { Clock } from '../time.js'
import type { IncidentOutcome } from '../watch/incident.js'
import { type RecoveryAction, recoveryActions } from '../watch/policy.js'
import type { Hang } from '../watch/verdict.js'
import { type ClosedFile, fileNames, idPattern, type OpenedFile, type Step } from './incident-file.js'
import { listIncidents } from './incident-reader.js'
import { DiskRecord } from './incident-record.js'

/** What the guard wrote about something it did alone. The text is made in native/guard/plan-record.c. */
export interface GuardRecord {
  readonly id: string
  /** ISO 8601 in UTC. */
  readonly at: string
  readonly service: string
  readonly command: string
  readonly pid: number
  readonly limitMs: number
  readonly silentMs: number
  readonly action: RecoveryAction
  /** Of the process, as in /proc/PID/stat; `?` when that could not be read. */
  readonly state: string
  readonly steps: readonly Step[]
  /** Undefined while the guard is at it, and when it never came to an end. */
  readonly outcome: string | undefined
}

/** Reads the text of a record: one fact a line. Unknown keys are skipped. @returns undefined when something is missing or wrong */
export function parseGuardRecord(text: string): GuardRecord | undefined {
  const facts = new Map<string, string>()
  const steps: Step[] = []
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    const [key, value] = [line.slice(0, equals), line.slice(equals + 1)]
    if (key !== 'step') facts.set(key, value)
    else steps.push({ at: value.slice(0, value.indexOf(' ')), text: value.slice(value.indexOf(' ') + 1) })
  }
  const number = (key: string): number => Number(facts.get(key) ?? Number.NaN)
  const id = facts.get('id') ?? ''
  const service = facts.get('service')
  const action = recoveryActions[number('action')]
  const numbers = { pid: number('pid'), limitMs: number('limit-ms'), silentMs: number('silent-ms') }
  const isSound = idPattern.test(id) && Object.values(numbers).every((value) => Number.isSafeInteger(value))
  const at = facts.get('at') ?? ''
  if (!isSound || service === undefined || action === undefined || Number.isNaN(Date.parse(at))) return undefined
  const command = facts.get('command') ?? service
  return {
    id,
    at,
    service,
    command,
    ...numbers,
    action,
    state: facts.get('state') ?? '?',
    steps,
    outcome: facts.get('outcome'),
  }
}

/** What kind of hang that was; the guard can tell no more than what the process was doing. */
export function guardHang({ state }: GuardRecord): Hang {
  if (state === 'D') return { kind: 'blocked-in-kernel', waitChannel: 'unknown' }
  return {
    kind: 'unknown',
    detail: `hangdog did not answer, and the guard only saw that the process was in state ${state}`,
  }
}

/** How an incident ended that nobody goes on with. */
export function guardOutcome({ outcome }: GuardRecord): ClosedFile['outcome'] {
  const known: Readonly<Record<string, IncidentOutcome>> = {
    terminated: 'terminated',
    'not-terminated': 'not-terminated',
    'called-off': 'recovered-by-itself',
    'ended-by-itself': 'ended-by-itself',
  }
  return known[outcome ?? ''] ?? 'interrupted'
}

export interface GuardRecordKeeping {
  /** The `incidents` part of the state directory. */
  readonly directory: string
  readonly clock: Clock
  readonly hangdogVersion: string
  /** Whose guard it was. */
  readonly writer: ProcessIdentity
  readonly failed: (incident: string, error: string) => void
}

/**
 * Makes an incident of a record, durably, under the name that the guard gave it. One that is kept already stays as it is.
 * @param outcome closes it; undefined leaves it open for whoever goes on with it
 * @throws the system error
 */
export async function keepGuardRecord(
  record: GuardRecord,
  outcome: ClosedFile['outcome'] | undefined,
  { directory, clock, hangdogVersion, writer, failed }: GuardRecordKeeping,
): Promise<DiskRecord> {
  const path = join(directory, record.id)
  const kept = new DiskRecord(record.id, path, clock, failed)
  if (!(await make(path))) return kept
  const { steps, state: _, outcome: __, at: openedAt, ...known } = record
  const origin = { hostname: hostname(), hangdogVersion, writer, by: 'guard' } as const
  const opened: OpenedFile = { openedAt, ...known, channel: 'main', hang: guardHang(record), ...origin }
  try {
    await writeDurably(join(path, fileNames.steps), steps.map((step) => `${JSON.stringify(step)}\n`).join(''))
    if (outcome !== undefined) {
      const closed: ClosedFile = { outcome, closedAt: steps.at(-1)?.at ?? openedAt }
      await writeDurably(join(path, fileNames.closed), `${JSON.stringify(closed, undefined, 2)}\n`)
    }
    // Last: an incident without it is none.
    await writeDurably(join(path, fileNames.opened), `${JSON.stringify(opened, undefined, 2)}\n`)
    await syncDirectory(directory)
    return kept
  } catch (error) {
    await rm(path, { recursive: true, force: true }).catch(() => undefined)
    throw error
  }
}

/** @returns false when it was there */
async function make(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

/** An incident that was written ahead of the same silence, by a hangdog that is gone, says less than the guard's record. */
export async function removeSuperseded(directory: string, { service, pid }: GuardRecord): Promise<void> {
  for (const incident of await listIncidents(directory)) {
    if (incident.kind !== 'whole' || incident.state !== 'interrupted' || incident.opened.pending !== true) continue
    if (incident.opened.service === service && incident.opened.pid === pid) await rm(incident.path, { recursive: true })
  }
}
