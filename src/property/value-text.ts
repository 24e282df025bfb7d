import { HangdogError, unreachable } from '../errors.js'
import { quote, splitAtCommas, unquote } from './quoted-text.js'
import { shownText } from './shown-text.js'
import type { PropertyValue, SettableFormat } from './value.js'
import { describeRange, type IntegerFormat, integerRanges, refuseValue } from './value-range.js'

/** The words for formats on a command line: those of cluster.exe, and large, long and word for the formats that it has none for. */
const formatsByWord: Readonly<Record<string, SettableFormat>> = {
  dword: 'DWORD',
  string: 'SZ',
  expandstr: 'EXPAND_SZ',
  multistr: 'MULTI_SZ',
  // One published example of cluster.exe writes it so.
  multistring: 'MULTI_SZ',
  binary: 'BINARY',
  ularge: 'ULARGE_INTEGER',
  large: 'LARGE_INTEGER',
  long: 'LONG',
  word: 'WORD',
}

/** For help texts and completion. */
export const formatWords: readonly string[] = Object.keys(formatsByWord)

/** Digits that any number of 64 bits fits in, with leading zeros to spare; what is longer is refused before it is converted. */
const longestNumber = 64

/** What NAME=VALUE[:FORMAT] says; the text is still as it was written, with its quotes. */
export interface PropertyAssignment {
  readonly name: string
  /** For parseValue, with the format given here or else that of the property. */
  readonly text: string
  readonly format?: SettableFormat
}

/**
 * Takes an assignment of a command line apart. What follows the last colon is a format only when it is a format word, so `http://x:80` and
 * `10:30` stay whole. A misspelt format stays in the text, because only the property tells whether it can be part of the value: as a
 * number, parseValue refuses it. A value that ends like a format (`note:string`) must stand in double quotes; nothing in them is
 * a format.
 * @throws HangdogError `usage` when there is no `=` or no name, or when a quote that the value begins with is not closed
 */
export function parseAssignment(assignment: string): PropertyAssignment {
  const equals = assignment.indexOf('=')
  if (equals < 1) throw refused(`property "${shownText(assignment)}"`, 'NAME=VALUE[:FORMAT]', assignment)
  const name = assignment.slice(0, equals)
  const whole = assignment.slice(equals + 1)
  const format = formatAtEnd(whole)
  const text = format === undefined ? whole : whole.slice(0, whole.lastIndexOf(':'))
  if (text.startsWith('"') && splitAtCommas(text) === undefined) {
    throw refused(`property "${shownText(name)}"`, 'a closing double quote at the end', whole)
  }
  return format === undefined ? { name, text } : { name, text, format }
}

/**
 * The format that a word stands for, in any case.
 * @param where what it was given for, such as `property "HangRecoveryAction"`; named in the error
 * @throws HangdogError `usage` for any other word
 */
export function parseFormat(word: string, where: string): SettableFormat {
  const format = findFormat(word)
  if (format === undefined) throw refused(where, `one of the formats ${formatWords.join(', ')}`, word)
  return format
}

/**
 * Reads a value as it is written on a command line.
 *
 * A number is decimal or 0x, of at most 64 characters; leading zeros mean nothing; only LONG and LARGE_INTEGER may be negative. BINARY is
 * bytes with commas between them, 0 to 255 or 0x00 to 0xff; nothing at all is no bytes. A text is taken as it is. MULTI_SZ is texts with
 * commas between them, none of them empty; nothing at all is no texts. Any value may stand in double quotes, and so may each text of
 * a MULTI_SZ; a quote within quotes is written twice.
 * @param where what it was given for, such as `property "HangRecoveryAction"`; named in the error
 * @throws HangdogError `usage` with the expected form, its bounds, and what was given
 */
export function parseValue(text: string, format: SettableFormat, where: string): PropertyValue {
  if (format === 'MULTI_SZ') return checked({ format, value: parseTexts(text, where) }, text, where)
  const plain = unquote(text)
  if (plain === undefined) throw refused(where, 'a closing double quote at the end', text)
  switch (format) {
    case 'SZ':
    case 'EXPAND_SZ':
      return checked({ format, value: plain }, text, where)
    case 'DWORD':
    case 'LONG':
    case 'WORD':
      return { format, value: Number(parseInteger(plain, format, text, where)) }
    case 'ULARGE_INTEGER':
    case 'LARGE_INTEGER':
      return { format, value: parseInteger(plain, format, text, where) }
    case 'BINARY':
      return { format, value: parseBytes(plain, where) }
    default:
      return unreachable(format)
  }
}

/** The plain text of a value, without its format: parseValue takes it back, and so does parseAssignment after `NAME=`. */
export function formatValue(value: PropertyValue): string {
  if (typeof value.value === 'number' || typeof value.value === 'bigint') return String(value.value)
  if (typeof value.value === 'string') return needsQuotes(value.value) ? quote(value.value) : value.value
  if (value.format === 'MULTI_SZ') {
    return value.value.map((text) => (/[",]/.test(text) || needsQuotes(text) ? quote(text) : text)).join(',')
  }
  return Array.from(value.value, (byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(',')
}

function needsQuotes(text: string): boolean {
  return text.startsWith('"') || formatAtEnd(text) !== undefined
}

function formatAtEnd(text: string): SettableFormat | undefined {
  const colon = text.lastIndexOf(':')
  return colon < 0 ? undefined : findFormat(text.slice(colon + 1))
}

function findFormat(word: string): SettableFormat | undefined {
  const lower = word.toLowerCase()
  return Object.hasOwn(formatsByWord, lower) ? formatsByWord[lower] : undefined
}

/** Negative numbers come as far as the range check, so that its error tells the bounds. */
function parseInteger(plain: string, format: IntegerFormat, text: string, where: string): bigint {
  const match = plain.length <= longestNumber ? /^(-?)(\d+|0x[\da-f]+)$/i.exec(plain) : null
  const size = match?.[2] === undefined ? undefined : BigInt(match[2])
  const number = match?.[1] === '-' && size !== undefined ? -size : size
  const { minimum, maximum } = integerRanges[format]
  if (number !== undefined && number >= minimum && number <= maximum) return number
  const hint = plain.includes(':') ? `, and after a colon one of the formats ${formatWords.join(', ')}` : ''
  throw refused(where, `a ${describeRange(format)}, decimal or 0x${hint}`, text)
}

function parseBytes(plain: string, where: string): Uint8Array {
  if (plain === '') return new Uint8Array(0)
  const bytes = plain.split(',').map((part) => (/^(\d{1,3}|0x[\da-f]{1,2})$/i.test(part) ? Number(part) : Number.NaN))
  const wrong = bytes.findIndex((byte) => !(byte <= 255))
  if (wrong >= 0) {
    throw refused(where, 'BINARY as bytes from 0 to 255, decimal or 0x, with commas between them', plain)
  }
  return Uint8Array.from(bytes)
}

function parseTexts(text: string, where: string): readonly string[] {
  if (text === '') return []
  const parts = splitAtCommas(text)
  if (parts === undefined) {
    throw refused(where, 'MULTI_SZ as texts with commas between them, double quotes only around a whole text', text)
  }
  return parts
}

function checked(value: PropertyValue, text: string, where: string): PropertyValue {
  const expected = refuseValue(value)
  if (expected !== undefined) throw refused(where, `${value.format} as ${expected}`, text)
  return value
}

function refused(where: string, expected: string, given: string): HangdogError {
  return new HangdogError('usage', `cannot set ${where}: expected ${expected}, not "${shownText(given)}"`)
}
