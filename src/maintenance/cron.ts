import { createRequire } from 'node:module'
import type { CronFieldError, ScheduledTask } from 'node-cron'
import { smallestWhere } from './bisection.js'
import { type Reading, reading } from './time-zone.js'

/**
 * A cron expression: a set of readings of a clock, whole seconds. It knows nothing of zones. This is the only file that knows
 * node-cron, which decides what an expression means; its own search for the next time is not used, because that skips a reading which
 * the clocks skip, and starts from the clock of the machine.
 */
export interface Cron {
  readonly text: string
  /** The first reading after this one; undefined when there is none within 40 years. */
  next(after: Reading): Reading | undefined
  /** The last reading in a span, both ends included. */
  last(notBefore: Reading, notAfter: Reading): Reading | undefined
}

/** What reading an expression gives: the expression, or what was expected instead. */
export type ParsedCron =
  | { readonly kind: 'cron'; readonly cron: Cron }
  | { readonly kind: 'refused'; readonly expected: string }

/** Characters; far more than any expression needs. */
const longestText = 200

/** Reads 5 fields (minute, hour, day of month, month, day of week) or 6 (with the second before them), or a name such as `@daily`. */
export function parseCron(text: string): ParsedCron {
  // node-cron makes a list of each range before it looks at the bounds; a long number would cost all the memory there is.
  if (text.length > longestText || /\d{3}/.test(text)) return { kind: 'refused', expected: describeExpected('', text) }
  const { createTask, validateDetailed } = loadNodeCron()
  const { fields, errors } = validateDetailed(text)
  if (fields === undefined) return { kind: 'refused', expected: describeError(errors[0], text) }
  const task = createTask(text, () => {}, { timezone: 'UTC' })
  // It is only asked what it matches. Destroyed, it is no longer kept by the library.
  void task.destroy()
  const cron = new TaskCron(text, task, fields)
  return cron.next(reading(0)) === undefined
    ? { kind: 'refused', expected: `a time that comes, not "${text}", which never does` }
    : { kind: 'cron', cron }
}

/**
 * Loaded with the first schedule that is read: most commands know of schedules and never read one. It has to be in the same call, as
 * properties are checked in one.
 */
function loadNodeCron(): typeof import('node-cron') {
  return load('node-cron')
}

const load = createRequire(import.meta.url)

const expectations: Readonly<Record<string, string>> = {
  second: 'a second (0-59)',
  minute: 'a minute (0-59)',
  hour: 'an hour (0-23)',
  dayOfMonth: 'a day of a month that has it (1-31, L, L-2, 15W)',
  month: 'a month (1-12, JAN-DEC)',
  dayOfWeek: 'a day of the week (0-7, SUN-SAT, 5L, MON#1)',
}

function describeError(error: CronFieldError | undefined, text: string): string {
  return describeExpected(error?.field ?? '', error?.value ?? text)
}

function describeExpected(field: string, found: string): string {
  const expected = expectations[field] ?? 'a cron expression of 5 or 6 fields'
  return `${expected}, not "${found.length > longestText ? `${found.slice(0, longestText)}…` : found}"`
}

const dayMs = 86_400_000
/** Leap days that fall on a given day of the week can be 40 years apart. */
const horizonDays = 40 * 366
const mostRemembered = 1000

class TaskCron implements Cron {
  readonly text: string
  readonly #task: ScheduledTask
  readonly #months: ReadonlySet<number>
  /** Of a day, in seconds from midnight, in order: every day that matches has the same ones. */
  readonly #times: Uint32Array
  readonly #days = new Map<number, boolean>()

  constructor(text: string, task: ScheduledTask, fields: Fields) {
    this.text = text
    this.#task = task
    this.#months = new Set(fields.month)
    this.#times = listTimes(fields)
  }

  next(after: Reading): Reading | undefined {
    const today = startOfDay(after)
    for (let day = today; day <= today + horizonDays * dayMs; day += dayMs) {
      const time = this.#times[day === today ? this.#indexAfter(after - day) : 0]
      if (time !== undefined && this.#matches(day)) return reading(day + time * 1000)
    }
    return undefined
  }

  last(notBefore: Reading, notAfter: Reading): Reading | undefined {
    const today = startOfDay(notAfter)
    for (let day = today; day >= startOfDay(notBefore); day -= dayMs) {
      const time = this.#times[day === today ? this.#indexAfter(notAfter - day) - 1 : this.#times.length - 1]
      if (time === undefined || !this.#matches(day)) continue
      const found = day + time * 1000
      return found >= notBefore ? reading(found) : undefined
    }
    return undefined
  }

  /** Of the first time of a day that is later than so many milliseconds. */
  #indexAfter(ms: number): number {
    const times = this.#times
    return smallestWhere(0, times.length - 1, (index) => (times[index] ?? 0) * 1000 > ms)
  }

  #matches(day: number): boolean {
    const date = new Date(day)
    if (!this.#months.has(date.getUTCMonth() + 1)) return false
    const known = this.#days.get(day)
    if (known !== undefined) return known
    const matches = this.#task.match(new Date(day + (this.#times[0] ?? 0) * 1000))
    if (this.#days.size >= mostRemembered) this.#days.clear()
    this.#days.set(day, matches)
    return matches
  }
}

interface Fields {
  readonly second: readonly number[]
  readonly minute: readonly number[]
  readonly hour: readonly number[]
  readonly month: readonly number[]
}

function listTimes({ second, minute, hour }: Fields): Uint32Array {
  const seconds = inOrder(second)
  const minutes = inOrder(minute)
  return Uint32Array.from(
    inOrder(hour).flatMap((h) => minutes.flatMap((m) => seconds.map((s) => h * 3600 + m * 60 + s))),
  )
}

function inOrder(values: readonly number[]): readonly number[] {
  return [...new Set(values)].sort((a, b) => a - b)
}

function startOfDay(at: number): number {
  return Math.floor(at / dayMs) * dayMs
}
