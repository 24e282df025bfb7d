import fc from 'fast-check'
import t from 'tap'
import { isSameValue, type PropertyValue, settableFormats } from '../../src/property/value.js'
import { refuseValue } from '../../src/property/value-range.js'
import { settableValue } from './values.js'

t.test('a value is the same as a copy of it', async (t) => {
  fc.assert(fc.property(settableValue, (value) => isSameValue(value, structuredClone(value))))
  t.pass()
})

t.test('values of different formats are not the same, whatever they hold', async (t) => {
  t.equal(isSameValue({ format: 'DWORD', value: 1 }, { format: 'LONG', value: 1 }), false)
  t.equal(isSameValue({ format: 'SZ', value: 'a' }, { format: 'EXPAND_SZ', value: 'a' }), false)
  t.equal(isSameValue({ format: 'ULARGE_INTEGER', value: 1n }, { format: 'LARGE_INTEGER', value: 1n }), false)
})

t.test('values of one format with different content are not the same', async (t) => {
  const pairs: readonly (readonly [PropertyValue, PropertyValue])[] = [
    [
      { format: 'DWORD', value: 1 },
      { format: 'DWORD', value: 2 },
    ],
    [
      { format: 'SZ', value: 'a' },
      { format: 'SZ', value: 'A' },
    ],
    [
      { format: 'MULTI_SZ', value: ['a'] },
      { format: 'MULTI_SZ', value: ['a', 'b'] },
    ],
    [
      { format: 'MULTI_SZ', value: ['a', 'b'] },
      { format: 'MULTI_SZ', value: ['b', 'a'] },
    ],
    [
      { format: 'BINARY', value: Uint8Array.of(1, 2) },
      { format: 'BINARY', value: Uint8Array.of(1) },
    ],
    [
      { format: 'BINARY', value: Uint8Array.of(1, 2) },
      { format: 'BINARY', value: Uint8Array.of(1, 3) },
    ],
  ]
  for (const [a, b] of pairs) {
    t.equal(isSameValue(a, b), false)
    t.equal(isSameValue(b, a), false)
  }
})

t.test('no value is the same as no value, and as nothing else', async (t) => {
  t.equal(isSameValue(undefined, undefined), true)
  t.equal(isSameValue(undefined, { format: 'SZ', value: '' }), false)
  t.equal(isSameValue({ format: 'SZ', value: '' }, undefined), false)
})

t.test('bytes are compared as bytes, whatever kind of array they are in', async (t) => {
  t.equal(
    isSameValue({ format: 'BINARY', value: Buffer.from([1]) }, { format: 'BINARY', value: Uint8Array.of(1) }),
    true,
  )
})

t.test('a value that its format can hold is not refused', async (t) => {
  fc.assert(fc.property(settableValue, (value) => refuseValue(value) === undefined))
  t.equal(settableFormats.length, 9)
})

t.test('a value that its format cannot hold is refused with what it can hold', async (t) => {
  const wrong: readonly (readonly [PropertyValue, RegExp])[] = [
    [{ format: 'DWORD', value: -1 }, /DWORD from 0 to 4294967295/],
    [{ format: 'DWORD', value: 2 ** 32 }, /4294967295/],
    [{ format: 'DWORD', value: 1.5 }, /DWORD/],
    [{ format: 'DWORD', value: Number.NaN }, /DWORD/],
    [{ format: 'DWORD', value: Number.POSITIVE_INFINITY }, /DWORD/],
    [{ format: 'LONG', value: 2 ** 31 }, /LONG from -2147483648 to 2147483647/],
    [{ format: 'LONG', value: -(2 ** 31) - 1 }, /-2147483648/],
    [{ format: 'WORD', value: 65536 }, /WORD from 0 to 65535/],
    [{ format: 'ULARGE_INTEGER', value: -1n }, /from 0 to 18446744073709551615/],
    [{ format: 'ULARGE_INTEGER', value: 2n ** 64n }, /18446744073709551615/],
    [{ format: 'LARGE_INTEGER', value: 2n ** 63n }, /from -9223372036854775808 to 9223372036854775807/],
    [{ format: 'FILETIME', value: 2n ** 64n }, /FILETIME/],
    [{ format: 'SZ', value: 'a\0b' }, /NUL/],
    [{ format: 'EXPANDED_SZ', value: '\0' }, /NUL/],
    [{ format: 'MULTI_SZ', value: ['a', ''] }, /not empty/],
    [{ format: 'MULTI_SZ', value: ['a\0'] }, /NUL/],
  ]
  for (const [value, expected] of wrong) t.match(refuseValue(value) ?? '', expected, value.format)
})
