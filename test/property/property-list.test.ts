import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { HangdogError } from '../../src/errors.js'
import { encodePropertyList, longestList, type PropertyEntry } from '../../src/property/property-list.js'
import { decodePropertyList } from '../../src/property/property-list-reader.js'
import type { PropertyValue } from '../../src/property/value.js'
import { settableValue, text } from './values.js'
import { beginning, bytesOf, emptyList, endmark, twoProperties, vectors } from './vectors.js'

/** The message of the one error that comes with exit code 65. */
function refusalOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof HangdogError && error.code === 'data') return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

/** Decodes bytes that may be wrong: entries, or undefined when they were refused as they should be. */
function tryDecode(bytes: Uint8Array): readonly PropertyEntry[] | undefined {
  try {
    return decodePropertyList(bytes)
  } catch (error) {
    assert(error instanceof HangdogError && error.code === 'data', String(error))
    assert.match(error.message, /^cannot read property list at offset \d+ \(0x[0-9a-f]{8}\): expected .+, not .+/)
    return undefined
  }
}

/** A list that another program sent, without what only a server may add. */
function settable(entries: readonly PropertyEntry[]): readonly PropertyEntry[] {
  return entries
    .map(({ name, values }) => ({ name, values: values.filter(({ format }) => format !== 'EXPANDED_SZ') }))
    .filter(({ values }) => values.length === 1 || (values.length > 0 && !values.some(isExpandable)))
}

function isExpandable({ format }: PropertyValue): boolean {
  return format === 'EXPAND_SZ'
}

for (const { title, hex, entries, readOnly } of vectors) {
  t.test(`reads ${title}`, async (t) => {
    t.strictSame(decodePropertyList(bytesOf(hex)), entries)
  })
  if (readOnly === true) continue
  t.test(`writes ${title}`, async (t) => {
    t.equal(encodePropertyList(entries).toString('hex'), bytesOf(hex).toString('hex'))
  })
}

t.test('the example has 140 bytes and the empty list 4', async (t) => {
  t.equal(encodePropertyList(twoProperties.entries).length, 140)
  t.equal(encodePropertyList(emptyList.entries).length, 4)
})

t.test('a list is read wherever it begins in memory', async (t) => {
  const bytes = bytesOf(twoProperties.hex)
  for (let offset = 0; offset < 9; offset++) {
    const memory = new Uint8Array(bytes.length + 20).fill(0xff)
    memory.set(bytes, offset)
    t.strictSame(decodePropertyList(memory.subarray(offset, offset + bytes.length)), twoProperties.entries)
  }
})

t.test('what was read does not change with the bytes it was read from', async (t) => {
  const bytes = bytesOf(`${beginning} 01000100 02000000 0102 0000 ${endmark}`)
  const entries = decodePropertyList(bytes)
  bytes.fill(0xff)
  t.strictSame(entries, [{ name: 'A', values: [{ format: 'BINARY', value: Uint8Array.of(1, 2) }] }])
})

t.test('each truncation of each vector is refused, with an offset in what is left', async (t) => {
  for (const { title, hex } of vectors) {
    const bytes = bytesOf(hex)
    for (let length = 0; length < bytes.length; length++) {
      const message = refusalOf(() => decodePropertyList(bytes.subarray(0, length)))
      const offset = Number(/at offset (\d+) /.exec(message)?.[1])
      assert(offset <= length, `${title}, cut to ${length}: ${message}`)
    }
  }
  t.pass()
})

t.test('no change of a single byte brings anything but a list or a refusal', async (t) => {
  let read = 0
  let refused = 0
  for (const { hex } of vectors) {
    const bytes = bytesOf(hex)
    for (const [at, byte] of [...bytes].entries()) {
      for (let changed = 0; changed < 256; changed++) {
        bytes[at] = changed
        if (tryDecode(bytes) === undefined) refused++
        else read++
      }
      bytes[at] = byte
    }
  }
  t.ok(read > 0 && refused > 0)
})

t.test('an integer at the edge of 32 bits in any place brings a list or a refusal', async (t) => {
  const extremes = [0, 1, 2, 0x7fffffff, 0x80000000, 0xfffffff8, 0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff]
  for (const { hex } of vectors) {
    const bytes = bytesOf(hex)
    for (let at = 0; at + 4 <= bytes.length; at++) {
      for (const extreme of extremes) {
        const changed = Buffer.from(bytes)
        changed.writeUInt32LE(extreme, at)
        tryDecode(changed)
      }
    }
  }
  t.pass()
})

t.test('bytes that are wrong are refused with the offset, what was expected and what was found', async (t) => {
  const dword = '02000100 04000000 01000000'
  const cases: readonly (readonly [title: string, hex: string, offset: number, expected: RegExp])[] = [
    ['no bytes', '', 0, /4 bytes with the count of properties, not 0/],
    ['half a count', '0100', 0, /4 bytes with the count of properties, not 2/],
    ['a count without properties', '01000000', 4, /property 1 of 1, not the end/],
    ['the greatest count', `FFFFFFFF ${beginning.slice(8)} ${dword} ${endmark}`, 32, /property 2 of 4294967295/],
    ['a count that is too great', `02000000 ${beginning.slice(8)} ${dword} ${endmark}`, 32, /property 2 of 2/],
    [
      'a count that is too small',
      `00000000 ${beginning.slice(8)} ${dword} ${endmark}`,
      4,
      /the end after property 0, not 28 more/,
    ],
    ['a byte after the list', `${beginning} ${dword} ${endmark} 00`, 32, /the end after property 1, not 1 more bytes/],
    ['a second endmark', `${beginning} ${dword} ${endmark} ${endmark}`, 32, /not 4 more bytes/],
    ['a value in place of a name', `01000000 ${dword}`, 4, /a name, 0x00040003, not 0x00010002/],
    ['an endmark in place of a name', '01000000 00000000', 4, /a name, 0x00040003, not 0x00000000/],
    ['a name of the wrong format', '01000000 04000400 04000000 41000000', 4, /not 0x00040004/],
    [
      'a name in place of a value',
      `${beginning} 03000400 04000000 42000000`,
      16,
      /the syntax of a value.*not 0x00040003/,
    ],
    ['no value', `${beginning} ${endmark}`, 16, /at least one value/],
    ['no endmark', `${beginning} ${dword}`, 28, /the syntax of a value or an endmark, not 0/],
    ['half an endmark', `${beginning} ${dword} 0000`, 28, /not 2/],
    ['an unknown format', `${beginning} 10000100 04000000 01000000 ${endmark}`, 16, /not 0x00010010/],
    ['a nested list', `${beginning} 0E000100 04000000 00000000 ${endmark}`, 16, /not 0x0001000e/],
    ['an unknown type', `${beginning} 02000200 04000000 01000000 ${endmark}`, 16, /not 0x00020002/],
    ['a type beyond 31 bits', `${beginning} 0200FFFF 04000000 01000000 ${endmark}`, 16, /not 0xffff0002/],
    ['a name of no length', '01000000 03000400 00000000', 8, /an even length of 2 or more for a text, not 0/],
    ['a name of odd length', '01000000 03000400 03000000 41000000', 8, /even length .* not 3/],
    ['an empty name', `01000000 03000400 02000000 00000000 ${dword} ${endmark}`, 12, /a name, not an empty text/],
    ['a name without NUL', '01000000 03000400 04000000 41004200', 14, /a NUL at the end/],
    ['a NUL in a name', '01000000 03000400 08000000 4100 0000 4200 0000', 14, /no NUL before the end/],
    ['a NUL in a text', `${beginning} 03000100 06000000 6100 0000 0000 0000 ${endmark}`, 26, /no NUL before the end/],
    ['a text of no length', `${beginning} 03000100 00000000 ${endmark}`, 20, /even length .* not 0/],
    ['a text of odd length', `${beginning} 03000100 05000000 6100620000 000000 ${endmark}`, 20, /even length .* not 5/],
    ['a length beyond the bytes', `${beginning} 01000100 05000000 01020304`, 20, /fits in the 4 bytes .* not 5/],
    ['a length near 2^32', `${beginning} 01000100 FFFFFFFF 01020304`, 20, /not 4294967295/],
    ['a length that pads to 2^32', `${beginning} 01000100 FDFFFFFF 01020304`, 20, /not 4294967293/],
    ['the greatest length of a name', '01000000 03000400 FEFFFFFF 41000000', 8, /not 4294967294/],
    ['data without its padding', `${beginning} 01000100 01000000 01`, 20, /fits in the 1 bytes .* padding, not 1/],
    ['MULTI_SZ of no length', `${beginning} 05000100 00000000 ${endmark}`, 20, /even length/],
    ['MULTI_SZ of odd length', `${beginning} 05000100 03000000 00000000 ${endmark}`, 20, /even length/],
    ['MULTI_SZ without a NUL', `${beginning} 05000100 04000000 6100 6200 ${endmark}`, 26, /a NUL at the end/],
    ['MULTI_SZ with one NUL', `${beginning} 05000100 04000000 6100 0000 ${endmark}`, 24, /and one more, not one alone/],
    [
      'an empty text in a MULTI_SZ',
      `${beginning} 05000100 0C000000 6100 0000 0000 6200 0000 0000 ${endmark}`,
      28,
      /a text, not a NUL/,
    ],
    [
      'only NULs in a MULTI_SZ',
      `${beginning} 05000100 06000000 0000 0000 0000 0000 ${endmark}`,
      24,
      /a text, not a NUL/,
    ],
  ]
  for (const [title, hex, offset, expected] of cases) {
    const message = refusalOf(() => decodePropertyList(bytesOf(hex)))
    t.match(message, expected, title)
    t.match(message, `cannot read property list at offset ${offset} (`, title)
  }
})

t.test('a number of another length than its format has is refused', async (t) => {
  const formats = { '02': 4, '07': 4, '0B': 2, '06': 8, '0A': 8, '0C': 8 }
  for (const [code, right] of Object.entries(formats)) {
    for (const length of [0, 1, 2, 3, 4, 5, 7, 8, 9, 12]) {
      if (length === right) continue
      const data = '00'.repeat(length + (-length & 3))
      const hex = `${beginning} ${code}000100 0${length.toString(16)}000000 ${data} ${endmark}`
      const message = refusalOf(() => decodePropertyList(bytesOf(hex)))
      t.match(
        message,
        `at offset 20 (0x00000014): expected the length ${right} for a value of this format, not ${length}`,
      )
    }
  }
})

t.test('a second property of a name is refused, in upper or lower case', async (t) => {
  for (const [first, second] of [
    ['41', '41'],
    ['41', '61'],
    ['E4', 'C4'],
  ]) {
    const property = (code: string | undefined) =>
      `03000400 04000000 ${code}000000 02000100 04000000 01000000 ${endmark}`
    const message = refusalOf(() => decodePropertyList(bytesOf(`02000000 ${property(first)} ${property(second)}`)))
    t.match(message, /at offset 40 .* a name that no property before it has/)
  }
})

t.test('a list of more than the longest is refused unread, and one of that length is read', async (t) => {
  const list = (length: number) => encodePropertyList([{ name: 'A', values: [binary(length - 28)] }])
  t.match(
    refusalOf(() => list(longestList + 4)),
    new RegExp(`at most ${longestList} bytes, not ${longestList + 4}`),
  )
  const bytes = list(longestList)
  t.equal(bytes.length, longestList)
  t.equal(decodePropertyList(bytes).length, 1)
  t.match(
    refusalOf(() => decodePropertyList(Buffer.concat([bytes, Buffer.alloc(4)]))),
    new RegExp(`at offset 0 .*at most ${longestList} bytes in all, not ${longestList + 4}`),
  )
})

t.test('a long name is not repeated whole in an error', async (t) => {
  const name = 'n'.repeat(100_000)
  t.ok(refusalOf(() => encodePropertyList([{ name, values: [] }])).length < 300)
  const { length } = encodePropertyList([{ name, values: [binary(0)] }])
  const once = encodePropertyList([{ name, values: [binary(0)] }]).subarray(4, length)
  t.ok(refusalOf(() => decodePropertyList(Buffer.concat([Buffer.of(2, 0, 0, 0), once, once]))).length < 300)
})

t.test('what cannot be written is refused by the name of the property', async (t) => {
  const cases: readonly (readonly [readonly PropertyEntry[], RegExp])[] = [
    [[{ name: '', values: [binary(1)] }], /property "" .*expected a name$/],
    [[{ name: 'a\0', values: [binary(1)] }], /expected a name without a NUL/],
    [[{ name: 'A', values: [] }], /property "A" .*at least one value/],
    [
      [
        { name: 'Name', values: [binary(1)] },
        { name: 'nAME', values: [binary(1)] },
      ],
      /property "nAME" .*this name only once/,
    ],
    [[{ name: 'A', values: [{ format: 'DWORD', value: -1 }] }], /DWORD from 0 to 4294967295/],
    [[{ name: 'A', values: [{ format: 'LARGE_INTEGER', value: 2n ** 63n }] }], /LARGE_INTEGER from/],
    [[{ name: 'A', values: [{ format: 'SZ', value: 'a\0b' }] }], /without a NUL/],
    [[{ name: 'A', values: [{ format: 'MULTI_SZ', value: [''] }] }], /not empty/],
    [[{ name: 'A', values: [{ format: 'EXPANDED_SZ', value: 'a' }] }], /without EXPANDED_SZ/],
    [[{ name: 'A', values: [{ format: 'EXPAND_SZ', value: 'a' }, binary(1)] }], /no other value beside EXPAND_SZ/],
  ]
  for (const [entries, expected] of cases)
    t.match(
      refusalOf(() => encodePropertyList(entries)),
      expected,
    )
})

t.test('what was written is read back, and written again it is the same', async (t) => {
  fc.assert(
    fc.property(lists, (entries) => {
      const bytes = encodePropertyList(entries)
      const decoded = decodePropertyList(bytes)
      assert.deepEqual(decoded, entries)
      assert.deepEqual(encodePropertyList(decoded), bytes)
      assert.equal(bytes.length % 4, 0)
    }),
    { numRuns: 1000 },
  )
  t.pass()
})

t.test('whatever can be read can be written, and read back the same', async (t) => {
  const anyPlace = fc.record({ at: fc.nat(), byte: fc.nat(255) })
  fc.assert(
    fc.property(lists, fc.array(anyPlace, { maxLength: 4 }), fc.nat(), (entries, changes, cutAt) => {
      const bytes = encodePropertyList(entries)
      for (const { at, byte } of changes) bytes[at % bytes.length] = byte
      tryDecode(bytes.subarray(0, cutAt % bytes.length))
      const decoded = tryDecode(bytes)
      if (decoded === undefined) return
      const kept = settable(decoded)
      assert.deepEqual(decodePropertyList(encodePropertyList(kept)), kept)
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('bytes of any kind bring a list or a refusal', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void tryDecode(bytes)))
  t.pass()
})

function binary(length: number): PropertyValue {
  return { format: 'BINARY', value: new Uint8Array(length) }
}

const values = fc.oneof(
  fc.array(
    settableValue.filter((value) => !isExpandable(value)),
    { minLength: 1, maxLength: 4 },
  ),
  settableValue.map((value) => [value]),
)

const lists = fc.uniqueArray(
  fc.record({ name: text.filter((name) => name !== ''), values }, { noNullPrototype: true }),
  {
    selector: ({ name }) => name.toLowerCase(),
    maxLength: 8,
  },
)
