import { HangdogError, unreachable } from '../errors.js'
import { shownText } from './shown-text.js'
import type { PropertyFormat, PropertyValue } from './value.js'
import { refuseValue } from './value-range.js'

/** A property of a binary property list. MSCS allows several values; almost every property has one. */
export interface PropertyEntry {
  /** Not empty. Two names of a list differ in more than case. */
  readonly name: string
  /** At least one. */
  readonly values: readonly PropertyValue[]
}

/** The longest list that is written or read: 16 MB. MSCS sets no limit and advises against texts of more than 2 MB. */
export const longestList = 16 * 1024 * 1024

/** The syntax of a property's name: type CLUSPROP_TYPE_NAME in the high word, format SZ in the low one. */
export const nameSyntax = 0x00040003

/** Ends the values of a property: a syntax alone, without length and data. */
export const endmark = 0

/** The syntax of a value: type CLUSPROP_TYPE_LIST_VALUE in the high word, its CLUSPROP_FORMAT_ in the low one. */
export const valueSyntax = {
  BINARY: 0x00010001,
  DWORD: 0x00010002,
  SZ: 0x00010003,
  EXPAND_SZ: 0x00010004,
  MULTI_SZ: 0x00010005,
  ULARGE_INTEGER: 0x00010006,
  LONG: 0x00010007,
  EXPANDED_SZ: 0x00010008,
  SECURITY_DESCRIPTOR: 0x00010009,
  LARGE_INTEGER: 0x0001000a,
  WORD: 0x0001000b,
  FILETIME: 0x0001000c,
} as const satisfies Record<PropertyFormat, number>

/** A name without its case: two names are of the same property when these are equal. */
export function foldName(name: string): string {
  return name.toLowerCase()
}

/**
 * Writes a binary property list (CLUSPROP_LIST): a count, then for each property its name, its values and an endmark. All is
 * little-endian, each entry begins at a multiple of 4 bytes, and the bytes between them are zero.
 *
 * A text may hold a lone surrogate; it is written as it is. An EXPAND_SZ is the only value of its property, and EXPANDED_SZ is refused:
 * the server that keeps the property adds what it expands to.
 * @throws HangdogError `data` for a value that its format cannot hold, a property without a name or a value, two properties of one
 * name, or a list of more than `longestList` bytes
 */
export function encodePropertyList(entries: readonly PropertyEntry[]): Buffer {
  checkNames(entries)
  const chunks: Uint8Array[] = [unsigned(entries.length)]
  for (const entry of entries) {
    chunks.push(...item(nameSyntax, terminated(entry.name)))
    for (const value of entry.values) {
      checkSettable(value, entry)
      chunks.push(...item(valueSyntax[value.format], encodeValue(value)))
    }
    chunks.push(unsigned(endmark))
  }
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  if (length > longestList) {
    throw new HangdogError('data', `cannot write property list: expected at most ${longestList} bytes, not ${length}`)
  }
  return Buffer.concat(chunks, length)
}

function checkNames(entries: readonly PropertyEntry[]): void {
  const names = new Set<string>()
  for (const entry of entries) {
    if (entry.name === '') throw refused(entry, 'a name')
    if (entry.name.includes('\0')) throw refused(entry, 'a name without a NUL character')
    if (entry.values.length === 0) throw refused(entry, 'at least one value')
    const folded = foldName(entry.name)
    if (names.has(folded)) throw refused(entry, 'this name only once')
    names.add(folded)
  }
}

function checkSettable(value: PropertyValue, entry: PropertyEntry): void {
  const expected = refuseValue(value)
  if (expected !== undefined) throw refused(entry, expected)
  if (value.format === 'EXPANDED_SZ') throw refused(entry, 'EXPAND_SZ alone, without EXPANDED_SZ')
  if (value.format === 'EXPAND_SZ' && entry.values.length > 1) throw refused(entry, 'no other value beside EXPAND_SZ')
}

/** Syntax, length and data of a name or a value, and zeros up to a multiple of 4 bytes. */
function item(syntax: number, data: Uint8Array): readonly Uint8Array[] {
  return [unsigned(syntax), unsigned(data.length), data, new Uint8Array(-data.length & 3)]
}

function encodeValue(value: PropertyValue): Uint8Array {
  switch (value.format) {
    case 'DWORD':
      return unsigned(value.value)
    case 'LONG':
      return fixed(4, (data) => data.writeInt32LE(value.value))
    case 'WORD':
      return fixed(2, (data) => data.writeUInt16LE(value.value))
    case 'ULARGE_INTEGER':
    case 'FILETIME':
      return fixed(8, (data) => data.writeBigUInt64LE(value.value))
    case 'LARGE_INTEGER':
      return fixed(8, (data) => data.writeBigInt64LE(value.value))
    case 'SZ':
    case 'EXPAND_SZ':
    case 'EXPANDED_SZ':
      return terminated(value.value)
    case 'MULTI_SZ':
      return terminated(value.value.map((text) => `${text}\0`).join(''))
    case 'BINARY':
    case 'SECURITY_DESCRIPTOR':
      return value.value
    default:
      return unreachable(value)
  }
}

function unsigned(number: number): Buffer {
  return fixed(4, (data) => data.writeUInt32LE(number))
}

function fixed(length: number, write: (data: Buffer) => void): Buffer {
  const data = Buffer.alloc(length)
  write(data)
  return data
}

function terminated(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf16le')
}

function refused({ name }: PropertyEntry, expected: string): HangdogError {
  return new HangdogError('data', `cannot write property "${shownText(name)}" to a property list: expected ${expected}`)
}
