import { describeError, HangdogError } from '../errors.js'
import type { GapBin, GapCounts } from '../watch/beat-gaps.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'

/** `gaps/<service>.json`. Field names are stable. */
interface GapFile {
  readonly version: typeof version
  readonly records: readonly BeatGapsRecord[]
}

const version = 1

/** The text of the file that keeps what was counted of one service. */
export function formatGapFile(records: readonly BeatGapsRecord[]): string {
  const file: GapFile = { version, records }
  return `${JSON.stringify(file)}\n`
}

/**
 * Reads the file of a service.
 * @throws HangdogError `data` when it is torn, or has not been written by this version of hangdog; the message says what is wrong
 */
export function parseGapFile(text: string, service: string): readonly BeatGapsRecord[] {
  const file = asRecord(parseJson(text), 'the file')
  if (file.version !== version) throw wrong('version', `${version}`, file.version)
  const records = asList(file.records, 'records').map((value, at) => parseRecord(value, `records[${at}]`))
  const stranger = records.find((record) => record.service !== service)
  if (stranger !== undefined) throw wrong('service', service, stranger.service)
  return records
}

function parseRecord(value: unknown, place: string): BeatGapsRecord {
  const record = asRecord(value, place)
  const { service, channel, since, ownLimit } = record
  if (typeof service !== 'string') throw wrong(`${place}.service`, 'a text', service)
  if (typeof channel !== 'string') throw wrong(`${place}.channel`, 'a text', channel)
  if (typeof since !== 'string' || Number.isNaN(Date.parse(since))) throw wrong(`${place}.since`, 'a time', since)
  if (typeof ownLimit !== 'boolean') throw wrong(`${place}.ownLimit`, 'true or false', ownLimit)
  const limitMs = asNumber(record.limitMs, `${place}.limitMs`)
  const hangs = parseCounts(record.hangs, `${place}.hangs`)
  return { service, channel, since, limitMs, ownLimit, ...parseCounts(value, place), hangs }
}

function parseCounts(value: unknown, place: string): GapCounts {
  const { total, sumMs, maxMs, bins } = asRecord(value, place)
  const counts = {
    total: asNumber(total, `${place}.total`),
    sumMs: asNumber(sumMs, `${place}.sumMs`),
    maxMs: asNumber(maxMs, `${place}.maxMs`),
    bins: asList(bins, `${place}.bins`).map((bin, at) => parseBin(bin, `${place}.bins[${at}]`)),
  }
  const sum = counts.bins.reduce((sum, [, count]) => sum + count, 0)
  if (sum !== counts.total) throw wrong(`${place}.total`, `${sum}, as in the bins`, total)
  return counts
}

function parseBin(value: unknown, place: string): GapBin {
  const [fromMs, count, ...more] = asList(value, place)
  if (!Number.isSafeInteger(count) || more.length > 0) throw wrong(place, 'a span in ms and a whole number', value)
  return [asNumber(fromMs, place), asNumber(count, place)]
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new HangdogError('data', `it is not whole: ${describeError(error)}`, error)
  }
}

function asRecord(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(place, 'an object', value)
  return { ...value }
}

function asList(value: unknown, place: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(place, 'a list', value)
  return value
}

function asNumber(value: unknown, place: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw wrong(place, 'a number from 0', value)
  return value
}

function wrong(place: string, expected: string, found: unknown): HangdogError {
  return new HangdogError('data', `${place}: expected ${expected}, not ${JSON.stringify(found)?.slice(0, 60)}`)
}
