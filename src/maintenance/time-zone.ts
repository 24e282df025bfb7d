import { HangdogError } from '../errors.js'
import { smallestWhere } from './bisection.js'

declare const unit: unique symbol

/**
 * What the clocks of a zone show, as the milliseconds since 1970 that the same digits would have in UTC. Good for reckoning with the
 * calendar; it is no point in time, because the clocks of a zone skip some readings and show others twice.
 */
export type Reading = number & { readonly [unit]: 'reading' }

export function reading(value: number): Reading {
  return value as Reading
}

/** A zone of the IANA database, as the runtime knows it. */
export interface TimeZone {
  readonly name: string
  /** What its clocks show at an instant. */
  read(at: Date): Reading
  /**
   * The first instant at which its clocks show this or more. A reading that they show twice is found at its first time; one that they
   * skip, at the end of what they skip. So a later reading is never located earlier.
   */
  locate(wanted: Reading): Date
  /** The largest reading that is located at this instant or earlier. While the clocks show readings again, that is not what they show. */
  reached(at: Date): Reading
}

/**
 * @param name an IANA name such as Europe/Berlin; empty for the zone of the machine
 * @throws HangdogError `usage` for an unknown name
 */
export function openTimeZone(name: string): TimeZone {
  const known = opened.get(name)
  if (known !== undefined) return known
  const expected = refuseTimeZone(name)
  if (expected !== undefined) {
    throw new HangdogError('usage', `cannot use the time zone "${name}": expected ${expected}`)
  }
  const zone = new IntlZone(name)
  if (opened.size >= mostOpened) opened.clear()
  opened.set(name, zone)
  return zone
}

/** For a property definition. @returns what was expected, when it names no time zone; the empty name stands for that of the machine */
export function refuseTimeZone(name: string): string | undefined {
  // Newer runtimes take offsets such as +02:00 as well; a property must mean the same everywhere.
  if (name === '' || (/^[A-Za-z]/.test(name) && isKnown(name))) return undefined
  return 'the name of a time zone such as Europe/Berlin, or nothing for that of the machine'
}

/** A zone costs much more to open than to use. */
const opened = new Map<string, TimeZone>()
const mostOpened = 64

function isKnown(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** No zone is further from UTC than 14 hours, and none changes its offset twice in two days. */
const dayMs = 86_400_000
/** More than the clocks of any zone were ever set back. */
const longestRepeat = dayMs

class IntlZone implements TimeZone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat

  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...(name !== '' && { timeZone: name }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    this.name = this.#format.resolvedOptions().timeZone
  }

  read(at: Date): Reading {
    const parts: Partial<Record<string, number>> = {}
    for (const { type, value } of this.#format.formatToParts(at)) parts[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts
    const milliseconds = ((at.getTime() % 1000) + 1000) % 1000
    return reading(Date.UTC(year, month - 1, day, hour, minute, second, milliseconds))
  }

  locate(wanted: Reading): Date {
    const first = wanted - this.#offsetAt(wanted - dayMs)
    if (this.#readMs(first) === wanted) return new Date(first)
    const second = wanted - this.#offsetAt(wanted + dayMs)
    if (this.#readMs(second) === wanted) return new Date(second)
    // Neither offset gives it: the clocks skip it, somewhere between the two.
    const [low, high] = first < second ? [first, second] : [second, first]
    return new Date(smallestWhere(low, high, (ms) => this.#readMs(ms) >= wanted))
  }

  reached(at: Date): Reading {
    const shown = this.read(at)
    if (this.locate(shown).getTime() === at.getTime()) return shown
    const beyond = smallestWhere(shown, shown + longestRepeat, (ms) => this.locate(reading(ms)) > at)
    return reading(beyond - 1)
  }

  #offsetAt(ms: number): number {
    return this.#readMs(ms) - ms
  }

  #readMs(ms: number): number {
    return this.read(new Date(ms))
  }
}
