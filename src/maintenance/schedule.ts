import { HangdogError } from '../errors.js'
import { type Milliseconds, milliseconds, parseDuration, seconds } from '../time.js'
import { type Cron, parseCron } from './cron.js'
import { openTimeZone, type Reading, reading } from './time-zone.js'

/**
 * When monitoring is held, again and again. Written `CRON for DURATION`, such as `30 2 * * SUN for 90m`.
 *
 * - The cron expression is about what the clocks of a zone show. Where it names both a day of the month and a day of the week, both must
 *   be so.
 * - A start that the clocks skip when they are set forward happens at the end of what they skip; with others that are skipped it is
 *   one start. A start that they show twice when they are set back happens the first time.
 * - The duration is time that passes, whatever the clocks show meanwhile.
 * - Where windows overlap or touch, the later one extends the earlier one.
 */
export interface MaintenanceSchedule {
  readonly text: string
  readonly cron: Cron
  readonly duration: Milliseconds
}

/** When fire drills are held: a cron expression alone, as above. */
export interface DrillSchedule {
  readonly text: string
  readonly cron: Cron
}

/** One time that a schedule says. The end does not belong to it. */
export interface ScheduledWindow {
  readonly since: Date
  readonly until: Date
}

export const longestWindow = seconds(7 * 86_400)

/** @throws HangdogError `usage` naming what was expected */
export function parseMaintenanceSchedule(text: string): MaintenanceSchedule {
  return accept('the maintenance schedule', text, readMaintenanceSchedule(text))
}

/** For a property definition. @returns what was expected, when it is wrong; the empty text stands for no schedule */
export function refuseMaintenanceSchedule(text: string): string | undefined {
  return text === '' ? undefined : refusalOf(readMaintenanceSchedule(text))
}

/** @throws HangdogError `usage` naming what was expected */
export function parseDrillSchedule(text: string): DrillSchedule {
  return accept('the drill schedule', text, readDrillSchedule(text))
}

/** For a property definition. @returns what was expected, when it is wrong; the empty text stands for no schedule */
export function refuseDrillSchedule(text: string): string | undefined {
  return text === '' ? undefined : refusalOf(readDrillSchedule(text))
}

/**
 * The window an instant lies in; of several, the one that started last and so ends last.
 * @param zone a name as `openTimeZone` takes it
 * @throws HangdogError `usage` for an unknown zone
 */
export function isWithin(schedule: MaintenanceSchedule, zone: string, at: Date): ScheduledWindow | undefined {
  const clocks = openTimeZone(zone)
  const { cron, duration } = schedule
  const earliest = reading(clocks.reached(new Date(at.getTime() - duration)) + 1)
  const found = cron.last(earliest, clocks.reached(at))
  if (found === undefined) return undefined
  const since = clocks.locate(found)
  return { since, until: new Date(since.getTime() + duration) }
}

/** The first start after an instant; undefined when there is none within 40 years. @throws HangdogError `usage` for an unknown zone */
export function nextStart(schedule: MaintenanceSchedule | DrillSchedule, zone: string, after: Date): Date | undefined {
  const clocks = openTimeZone(zone)
  const next = schedule.cron.next(clocks.reached(after))
  return next === undefined ? undefined : clocks.locate(next)
}

type Read<T> =
  | { readonly kind: 'schedule'; readonly schedule: T }
  | { readonly kind: 'refused'; readonly expected: string }

function accept<T>(thing: string, text: string, result: Read<T>): T {
  if (result.kind === 'schedule') return result.schedule
  throw new HangdogError('usage', `cannot read ${thing} "${text}": expected ${result.expected}`)
}

function refusalOf(result: Read<unknown>): string | undefined {
  return result.kind === 'refused' ? result.expected : undefined
}

function readDrillSchedule(text: string): Read<DrillSchedule> {
  const parsed = parseCron(text.trim())
  return parsed.kind === 'refused' ? parsed : { kind: 'schedule', schedule: { text, cron: parsed.cron } }
}

/** Characters. A cron expression is shorter than this by itself. */
const longestText = 250

function readMaintenanceSchedule(text: string): Read<MaintenanceSchedule> {
  const [, expression, length] = text.length > longestText ? [] : (/^(.+?) +for +(\S+)$/i.exec(text.trim()) ?? [])
  if (expression === undefined || length === undefined) {
    return refused('a cron expression and a duration, such as "30 2 * * SUN for 90m"')
  }
  const duration = readDuration(length)
  if (duration === undefined) {
    return refused(`a duration of more than 0 and at most ${longestWindow / 3_600_000}h, not "${length}"`)
  }
  const parsed = parseCron(expression)
  if (parsed.kind === 'refused') return parsed
  const schedule = { text, cron: parsed.cron, duration }
  return hasPauses(schedule)
    ? { kind: 'schedule', schedule }
    : refused(`windows with time between them; those of "${text}" join to one that hardly ends`)
}

function refused(expected: string): { readonly kind: 'refused'; readonly expected: string } {
  return { kind: 'refused', expected }
}

function readDuration(text: string): Milliseconds | undefined {
  try {
    const duration = parseDuration(text, 'the duration')
    // Wall times have whole milliseconds.
    return duration > 0 && duration <= longestWindow ? milliseconds(Math.ceil(duration)) : undefined
  } catch {
    return undefined
  }
}

/** How long windows may join to one. Longer than a month, a service is better left out of hangdog's file. */
const longestJoined = 31 * 86_400_000
/** Windows that may join to one; more of them, as by one for each second, cost too much to look through. */
const mostJoined = 10_000

/** A schedule must not switch monitoring off for good. Looked for from the start of each month of one year. */
function hasPauses({ cron, duration }: MaintenanceSchedule): boolean {
  for (let month = 0; month < 12; month += 1) {
    const first = cron.next(reading(Date.UTC(2024, month, 1) - 1))
    if (first !== undefined && !endsInTime(cron, first, duration)) return false
  }
  return true
}

function endsInTime(cron: Cron, first: Reading, duration: Milliseconds): boolean {
  let start = first
  for (let joined = 0; joined < mostJoined; joined += 1) {
    const later = cron.last(reading(start + 1), reading(start + duration))
    if (later === undefined) return true
    if (later + duration - first > longestJoined) return false
    start = later
  }
  return false
}
