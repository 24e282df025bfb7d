import type { PropertyFormat, PropertyValue } from '../property/value.js'
import { escapeText, type Output } from './output.js'
import type { PropertyRow } from './property-row.js'
import { layOutTable } from './table.js'

/** A property of one object, such as a service. */
export interface ClusterLine {
  readonly object: string
  readonly row: PropertyRow
}

/**
 * The table of cluster.exe: a heading, then type, object, name and value. Its widths are not known for sure; these are what is needed.
 * @param kind of the objects, which heads their column
 */
export function layOutCluster(heading: string, kind: string, lines: readonly ClusterLine[], output: Output): string {
  const rows = lines.flatMap(({ object, row: { name, value, definition } }) => {
    const type = `${letters[value.format]}${definition?.access === 'read-only' ? 'R' : ''}`
    return valueLines(value).map((text) => [type, object, name, text])
  })
  const [header = '', ...body] = layOutTable(['T', kind, 'Name', 'Value'], rows, output)
  return [escapeText(heading), '', header, ...body].map((line) => `${line}\n`).join('')
}

/** D, S, M and B are those of cluster.exe; which it has for the others is not known, so they get that of the nearest. */
const letters: Readonly<Record<PropertyFormat, string>> = {
  DWORD: 'D',
  LONG: 'D',
  WORD: 'D',
  ULARGE_INTEGER: 'D',
  LARGE_INTEGER: 'D',
  FILETIME: 'D',
  SZ: 'S',
  EXPAND_SZ: 'S',
  EXPANDED_SZ: 'S',
  MULTI_SZ: 'M',
  BINARY: 'B',
  SECURITY_DESCRIPTOR: 'B',
}

/** Bytes of a binary value that are shown. */
const shownBytes = 16

/** One text of a MULTI_SZ a line, anything else on one. */
function valueLines(value: PropertyValue): readonly string[] {
  switch (value.format) {
    case 'DWORD':
    case 'WORD':
    case 'LONG':
      return [`${value.value} (0x${(value.value >>> 0).toString(16)})`]
    case 'ULARGE_INTEGER':
    case 'LARGE_INTEGER':
    case 'FILETIME':
      return [`${value.value} (0x${BigInt.asUintN(64, value.value).toString(16)})`]
    case 'SZ':
    case 'EXPAND_SZ':
    case 'EXPANDED_SZ':
      return [value.value]
    case 'MULTI_SZ':
      return value.value.length === 0 ? [''] : value.value
    case 'BINARY':
    case 'SECURITY_DESCRIPTOR':
      return [describeBytes(value.value)]
  }
}

function describeBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, shownBytes), (byte) => byte.toString(16).padStart(2, '0'))
  const cut = bytes.length > shownBytes ? ['...'] : []
  return [...shown, ...cut, `(${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'})`].join(' ')
}
