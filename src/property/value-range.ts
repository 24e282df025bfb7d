import type { PropertyValue } from './value.js'

/** The least and the greatest number of a format; both included. */
export interface IntegerRange {
  readonly minimum: bigint
  readonly maximum: bigint
}

export type IntegerFormat = 'DWORD' | 'LONG' | 'WORD' | 'ULARGE_INTEGER' | 'LARGE_INTEGER' | 'FILETIME'

export const integerRanges: Readonly<Record<IntegerFormat, IntegerRange>> = {
  WORD: { minimum: 0n, maximum: 0xffffn },
  DWORD: { minimum: 0n, maximum: 0xffffffffn },
  LONG: { minimum: -0x80000000n, maximum: 0x7fffffffn },
  ULARGE_INTEGER: { minimum: 0n, maximum: 0xffffffffffffffffn },
  LARGE_INTEGER: { minimum: -0x8000000000000000n, maximum: 0x7fffffffffffffffn },
  FILETIME: { minimum: 0n, maximum: 0xffffffffffffffffn },
}

/** For an error: what a number of this format looks like. */
export function describeRange(format: IntegerFormat): string {
  const { minimum, maximum } = integerRanges[format]
  return `${format} from ${minimum} to ${maximum}`
}

/**
 * Whether a value is one that its format can hold. A value that parseValue or a property list gave always is.
 * @returns what was expected, when it is not
 */
export function refuseValue(value: PropertyValue): string | undefined {
  switch (value.format) {
    case 'DWORD':
    case 'LONG':
    case 'WORD':
      return Number.isInteger(value.value) && isWithin(BigInt(value.value), value.format)
        ? undefined
        : describeRange(value.format)
    case 'ULARGE_INTEGER':
    case 'LARGE_INTEGER':
    case 'FILETIME':
      return isWithin(value.value, value.format) ? undefined : describeRange(value.format)
    case 'SZ':
    case 'EXPAND_SZ':
    case 'EXPANDED_SZ':
      return value.value.includes('\0') ? 'a text without a NUL character' : undefined
    case 'MULTI_SZ':
      // A NUL ends a text and an empty text ends the list, so neither can be told from the end.
      return value.value.some((text) => text === '' || text.includes('\0'))
        ? 'texts that are not empty and have no NUL character'
        : undefined
    case 'BINARY':
    case 'SECURITY_DESCRIPTOR':
      return undefined
  }
}

function isWithin(number: bigint, format: IntegerFormat): boolean {
  const { minimum, maximum } = integerRanges[format]
  return number >= minimum && number <= maximum
}
