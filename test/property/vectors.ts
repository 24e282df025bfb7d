import type { PropertyEntry } from '../../src/property/property-list.js'
import type { PropertyValue } from '../../src/property/value.js'

/** A list and its bytes, made by hand. */
export interface Vector {
  readonly title: string
  readonly hex: string
  readonly entries: readonly PropertyEntry[]
  /** What another program may write and we do not; read alone. */
  readonly readOnly?: boolean
}

export const twoProperties: Vector = {
  title: 'HangRecoveryAction=1 and ClusSvcHeartbeatTimeout=720, 140 bytes',
  hex: `
    02 00 00 00 03 00 04 00 26 00 00 00 48 00 61 00  6E 00 67 00 52 00 65 00 63 00 6F 00 76 00 65 00
    72 00 79 00 41 00 63 00 74 00 69 00 6F 00 6E 00  00 00 00 00 02 00 01 00 04 00 00 00 01 00 00 00
    00 00 00 00 03 00 04 00 30 00 00 00 43 00 6C 00  75 00 73 00 53 00 76 00 63 00 48 00 65 00 61 00
    72 00 74 00 62 00 65 00 61 00 74 00 54 00 69 00  6D 00 65 00 6F 00 75 00 74 00 00 00 02 00 01 00
    04 00 00 00 D0 02 00 00 00 00 00 00`,
  entries: [
    { name: 'HangRecoveryAction', values: [{ format: 'DWORD', value: 1 }] },
    { name: 'ClusSvcHeartbeatTimeout', values: [{ format: 'DWORD', value: 720 }] },
  ],
}

export const emptyList: Vector = { title: 'a list of no properties', hex: '00000000', entries: [] }

/** The count 1 and the name A, which is 2 characters with its NUL, so 4 bytes. */
export const beginning = '01000000 03000400 04000000 41000000'

export const endmark = '00000000'

/** A value of each format: syntax, length, data, padding. */
const valueVectors: readonly (readonly [title: string, hex: string, value: PropertyValue])[] = [
  ['DWORD 1', '02000100 04000000 01000000', { format: 'DWORD', value: 1 }],
  ['the greatest DWORD', '02000100 04000000 FFFFFFFF', { format: 'DWORD', value: 0xffffffff }],
  ['an empty SZ, an entry of 12 bytes', '03000100 02000000 0000 0000', { format: 'SZ', value: '' }],
  ['SZ "ab", an entry of 16 bytes', '03000100 06000000 6100 6200 0000 0000', { format: 'SZ', value: 'ab' }],
  ['SZ "abc" without padding', '03000100 08000000 6100 6200 6300 0000', { format: 'SZ', value: 'abc' }],
  [
    'SZ of letters beyond ASCII and beyond 16 bits',
    '03000100 0A000000 E400 AC20 3DD8 00DE 0000 0000',
    { format: 'SZ', value: 'ä€😀' },
  ],
  ['SZ of a lone surrogate', '03000100 04000000 00D8 0000', { format: 'SZ', value: '\ud800' }],
  ['EXPAND_SZ', '04000100 08000000 2500 6100 2500 0000', { format: 'EXPAND_SZ', value: '%a%' }],
  [
    'MULTI_SZ of two, an entry of 20 bytes',
    '05000100 0A000000 6100 0000 6200 0000 0000 0000',
    { format: 'MULTI_SZ', value: ['a', 'b'] },
  ],
  ['MULTI_SZ of one', '05000100 06000000 6100 0000 0000 0000', { format: 'MULTI_SZ', value: ['a'] }],
  ['MULTI_SZ of none', '05000100 02000000 0000 0000', { format: 'MULTI_SZ', value: [] }],
  [
    'five bytes of BINARY, an entry of 16 bytes',
    '01000100 05000000 0102030405 000000',
    { format: 'BINARY', value: Uint8Array.of(1, 2, 3, 4, 5) },
  ],
  ['no bytes of BINARY', '01000100 00000000', { format: 'BINARY', value: new Uint8Array(0) }],
  ['one byte of BINARY', '01000100 01000000 FF 000000', { format: 'BINARY', value: Uint8Array.of(255) }],
  [
    'ULARGE_INTEGER, an entry of 16 bytes',
    '06000100 08000000 8877665544332211',
    { format: 'ULARGE_INTEGER', value: 0x1122334455667788n },
  ],
  [
    'the greatest ULARGE_INTEGER',
    '06000100 08000000 FFFFFFFFFFFFFFFF',
    { format: 'ULARGE_INTEGER', value: 2n ** 64n - 1n },
  ],
  ['LONG -2', '07000100 04000000 FEFFFFFF', { format: 'LONG', value: -2 }],
  [
    'SECURITY_DESCRIPTOR',
    '09000100 03000000 010203 00',
    { format: 'SECURITY_DESCRIPTOR', value: Uint8Array.of(1, 2, 3) },
  ],
  ['LARGE_INTEGER -2', '0A000100 08000000 FEFFFFFFFFFFFFFF', { format: 'LARGE_INTEGER', value: -2n }],
  ['WORD, an entry of 12 bytes', '0B000100 02000000 CDAB 0000', { format: 'WORD', value: 0xabcd }],
  ['FILETIME', '0C000100 08000000 0080D5DEB19DB101', { format: 'FILETIME', value: 0x01b19db1ded58000n }],
]

export const vectors: readonly Vector[] = [
  twoProperties,
  emptyList,
  ...valueVectors.map(([title, hex, value]) => ({
    title,
    hex: `${beginning} ${hex} ${endmark}`,
    entries: [{ name: 'A', values: [value] }],
  })),
  {
    title: 'several values of one property, of different formats and odd sizes',
    hex: `${beginning} 0B000100 02000000 0100 0000  01000100 03000000 AABBCC 00  03000100 02000000 0000 0000
      02000100 04000000 07000000 ${endmark}`,
    entries: [
      {
        name: 'A',
        values: [
          { format: 'WORD', value: 1 },
          { format: 'BINARY', value: Uint8Array.of(0xaa, 0xbb, 0xcc) },
          { format: 'SZ', value: '' },
          { format: 'DWORD', value: 7 },
        ],
      },
    ],
  },
  {
    title: 'a name with padding after a name without, and 64 bits that begin at no multiple of 8',
    hex: `02000000 03000400 04000000 41000000 06000100 08000000 0100000000000000 00000000
      03000400 06000000 4100 4200 0000 0000 06000100 08000000 0200000000000000 00000000`,
    entries: [
      { name: 'A', values: [{ format: 'ULARGE_INTEGER', value: 1n }] },
      { name: 'AB', values: [{ format: 'ULARGE_INTEGER', value: 2n }] },
    ],
  },
  {
    title: 'EXPAND_SZ with what it expands to, as the server sends it',
    hex: `${beginning} 04000100 08000000 2500 6100 2500 0000  08000100 04000000 6200 0000 ${endmark}`,
    entries: [
      {
        name: 'A',
        values: [
          { format: 'EXPAND_SZ', value: '%a%' },
          { format: 'EXPANDED_SZ', value: 'b' },
        ],
      },
    ],
    readOnly: true,
  },
  {
    title: 'MULTI_SZ of none, with two NULs',
    hex: `${beginning} 05000100 04000000 0000 0000 ${endmark}`,
    entries: [{ name: 'A', values: [{ format: 'MULTI_SZ', value: [] }] }],
    readOnly: true,
  },
  {
    title: 'padding that is not zero',
    hex: `${beginning} 03000100 06000000 6100 6200 0000 DEAD  01000100 01000000 01 BEEFED ${endmark}`,
    entries: [
      {
        name: 'A',
        values: [
          { format: 'SZ', value: 'ab' },
          { format: 'BINARY', value: Uint8Array.of(1) },
        ],
      },
    ],
    readOnly: true,
  },
]

export function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
}
