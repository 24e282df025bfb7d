import { HangdogError } from '../errors.js'
import type { PropertyFormat, PropertyValue } from './value.js'
import { type IntegerFormat, integerRanges } from './value-range.js'

/** A value as stores write it in JSON: integers of 64 bits as decimal text, bytes as hexadecimal text. */
export interface StoredValue {
  readonly format: PropertyFormat
  readonly value: number | string | readonly string[]
}

/** @throws HangdogError `internal` for a number that its format cannot hold: JSON would turn it into something else */
export function encodeValue(value: PropertyValue): StoredValue {
  switch (value.format) {
    case 'DWORD':
    case 'LONG':
    case 'WORD':
      if (isNumberOf(value.format, value.value)) return value
      throw new HangdogError('internal', `internal error: ${value.value} is no ${value.format}`)
    case 'ULARGE_INTEGER':
    case 'LARGE_INTEGER':
    case 'FILETIME':
      if (isWithin(value.format, value.value)) return { format: value.format, value: value.value.toString() }
      throw new HangdogError('internal', `internal error: ${value.value} is no ${value.format}`)
    case 'SZ':
    case 'EXPAND_SZ':
    case 'EXPANDED_SZ':
    case 'MULTI_SZ':
      return value
    case 'BINARY':
    case 'SECURITY_DESCRIPTOR':
      return { format: value.format, value: Buffer.from(value.value).toString('hex') }
  }
}

/**
 * Reads a value from parsed JSON.
 * @param what names it in the error
 * @throws HangdogError `data` when it is not what encodeValue makes
 */
export function decodeValue(stored: unknown, what: string): PropertyValue {
  if (typeof stored === 'object' && stored !== null && 'format' in stored && 'value' in stored) {
    const decoded = decode(stored.format, stored.value)
    if (decoded !== undefined) return decoded
  }
  throw new HangdogError('data', `${what}: expected a format and a value of it`)
}

function decode(format: unknown, value: unknown): PropertyValue | undefined {
  switch (format) {
    case 'DWORD':
    case 'LONG':
    case 'WORD':
      return typeof value === 'number' && isNumberOf(format, value) ? { format, value } : undefined
    case 'ULARGE_INTEGER':
    case 'LARGE_INTEGER':
    case 'FILETIME':
      return decodeLarge(format, value)
    case 'SZ':
    case 'EXPAND_SZ':
    case 'EXPANDED_SZ':
      return typeof value === 'string' ? { format, value } : undefined
    case 'MULTI_SZ':
      return isTexts(value) ? { format, value } : undefined
    case 'BINARY':
    case 'SECURITY_DESCRIPTOR':
      return isHex(value) ? { format, value: Uint8Array.from(Buffer.from(value, 'hex')) } : undefined
    default:
      return undefined
  }
}

function decodeLarge(
  format: 'ULARGE_INTEGER' | 'LARGE_INTEGER' | 'FILETIME',
  value: unknown,
): PropertyValue | undefined {
  // Twenty digits are enough for 64 bits; a bound keeps BigInt from working long on a hostile text.
  if (typeof value !== 'string' || !/^-?\d{1,20}$/.test(value)) return undefined
  const number = BigInt(value)
  return isWithin(format, number) ? { format, value: number } : undefined
}

function isNumberOf(format: IntegerFormat, value: number): boolean {
  return Number.isInteger(value) && isWithin(format, BigInt(value))
}

function isWithin(format: IntegerFormat, value: bigint): boolean {
  const { minimum, maximum } = integerRanges[format]
  return value >= minimum && value <= maximum
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && value.length % 2 === 0 && /^[0-9a-f]*$/.test(value)
}
