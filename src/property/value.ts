/**
 * The formats of property values, by their CLUSPROP_FORMAT_ names. The first nine can be set; the rest is only ever read from a
 * property list that another program made.
 */
export const settableFormats = [
  'DWORD',
  'SZ',
  'EXPAND_SZ',
  'MULTI_SZ',
  'BINARY',
  'ULARGE_INTEGER',
  'LARGE_INTEGER',
  'LONG',
  'WORD',
] as const

export type SettableFormat = (typeof settableFormats)[number]
export type PropertyFormat = SettableFormat | 'EXPANDED_SZ' | 'SECURITY_DESCRIPTOR' | 'FILETIME'

/** A typed value. Integers of 64 bits are bigint; those of up to 32 bits are numbers. Never out of the range of its format. */
export type PropertyValue =
  | { readonly format: 'DWORD' | 'LONG' | 'WORD'; readonly value: number }
  | { readonly format: 'ULARGE_INTEGER' | 'LARGE_INTEGER' | 'FILETIME'; readonly value: bigint }
  | { readonly format: 'SZ' | 'EXPAND_SZ' | 'EXPANDED_SZ'; readonly value: string }
  | { readonly format: 'MULTI_SZ'; readonly value: readonly string[] }
  | { readonly format: 'BINARY' | 'SECURITY_DESCRIPTOR'; readonly value: Uint8Array }

/** Whether two values have the same format and content. */
export function isSameValue(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  if (a.format !== b.format) return false
  if (a.value instanceof Uint8Array && b.value instanceof Uint8Array) {
    const other = b.value
    return a.value.length === other.length && a.value.every((byte, at) => byte === other[at])
  }
  if (Array.isArray(a.value) && Array.isArray(b.value)) {
    const other: readonly unknown[] = b.value
    return a.value.length === other.length && a.value.every((text, at) => text === other[at])
  }
  return a.value === b.value
}
