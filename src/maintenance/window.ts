import { HangdogError } from '../errors.js'
import type { Author } from '../property/store.js'
import { instancePattern } from '../state-directory.js'
import { formatDuration, type Milliseconds, seconds } from '../time.js'

/** A time in which the silence of a service is not judged: it has no countdown, and beats are counted only. */
export interface MaintenanceWindow {
  /** Tells it from every other one. */
  readonly id: string
  readonly source: 'command' | 'schedule'
  /** It holds for every service; else for the one it was started for. Schedules are of one service each. */
  readonly everyService: boolean
  readonly since: Date
  /** Wall time, for people; what ends it is `remaining`. */
  readonly until: Date
  /** From the moment it was asked for. */
  readonly remaining: Milliseconds
  /** Why; the text of the schedule when that is the source. */
  readonly reason: string
  /** Who; the name of the property when a schedule is the source. */
  readonly by: string
}

/** What `hangdog maintenance start` asks for. */
export interface MaintenanceRequest {
  /** Undefined: every service. */
  readonly service: string | undefined
  readonly for: Milliseconds
  readonly reason: string
  readonly author: Author
}

/** A pause that lasts longer is better made by leaving the service out. */
export const longestMaintenance = seconds(30 * 86_400)

/** Characters of a reason. */
export const longestReason = 200

/** @throws HangdogError `usage` when it cannot be granted, whatever the services are */
export function checkRequest({ service, for: span, reason }: MaintenanceRequest): void {
  const refuse = (expected: string): HangdogError =>
    new HangdogError('usage', `cannot start the maintenance of ${nameOf(service)}: expected ${expected}`)
  if (service !== undefined && !instancePattern.test(service)) {
    throw refuse('the name of a service: 1 to 64 letters, digits, ".", "_" or "-", not starting with "."')
  }
  if (!(span > 0 && span <= longestMaintenance)) {
    throw refuse(`--for of more than 0 and at most ${longestMaintenance / 3_600_000}h, not ${formatDuration(span)}`)
  }
  if (reason.trim() === '' || reason.length > longestReason) {
    throw refuse(`a --reason of 1 to ${longestReason} characters, not ${reason.trim() === '' ? 0 : reason.length}`)
  }
}

/** What a maintenance is of, in a sentence. */
export function nameOf(service: string | undefined): string {
  return service === undefined ? 'every service' : `"${service}"`
}

/** A window as it is told to other programs. Field names are stable; times are ISO 8601 in UTC. */
export interface WindowRecord {
  readonly source: MaintenanceWindow['source']
  readonly everyService: boolean
  readonly since: string
  readonly until: string
  readonly remainingMs: number
  readonly reason: string
  readonly by: string
}

/** Whether a service is in maintenance, as it is told to other programs. */
export interface ServiceMaintenance {
  readonly service: string
  /** Null: it is watched. */
  readonly window: WindowRecord | null
  /** When its schedule starts a window next. Null: it has no schedule. */
  readonly nextStart: string | null
}

/** What came of `hangdog maintenance stop`. */
export interface MaintenanceStopped {
  /** False: none had been started for it. */
  readonly stopped: boolean
  /** Those that it was for, as they are now: another maintenance may still hold them. */
  readonly services: readonly ServiceMaintenance[]
}

export function toWindowRecord(window: MaintenanceWindow): WindowRecord {
  const { source, everyService, since, until, remaining, reason, by } = window
  return {
    source,
    everyService,
    since: since.toISOString(),
    until: until.toISOString(),
    remainingMs: Math.round(remaining),
    reason,
    by,
  }
}

export function describeAuthor({ uid, pid }: Author): string {
  return uid === undefined ? `pid ${pid}` : `user ${uid} (pid ${pid})`
}
