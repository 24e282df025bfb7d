import fc from 'fast-check'
import type { PropertyValue } from '../../src/property/value.js'

/** Texts of any characters but NUL: long ones, lone surrogates, and those that our command lines give a meaning. */
export const text = fc.oneof(
  fc.string({ unit: 'binary' }).map(withoutNul),
  fc.array(fc.integer({ min: 1, max: 0xffff }), { maxLength: 20 }).map((codes) => String.fromCharCode(...codes)),
  fc.string({ unit: fc.constantFrom('"', ',', ':', '=', 'a', ' ', ':dword', ':STRING') }),
)

const number32 = (min: number, max: number) => fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))
const number64 = (min: bigint, max: bigint) => fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max))

/** Values of each format that can be set. */
export const settableValue: fc.Arbitrary<PropertyValue> = fc.oneof(
  record({ format: fc.constant('DWORD' as const), value: number32(0, 0xffffffff) }),
  record({ format: fc.constant('LONG' as const), value: number32(-0x80000000, 0x7fffffff) }),
  record({ format: fc.constant('WORD' as const), value: number32(0, 0xffff) }),
  record({ format: fc.constant('ULARGE_INTEGER' as const), value: number64(0n, 2n ** 64n - 1n) }),
  record({ format: fc.constant('LARGE_INTEGER' as const), value: number64(-(2n ** 63n), 2n ** 63n - 1n) }),
  record({ format: fc.constantFrom('SZ' as const, 'EXPAND_SZ' as const), value: text }),
  record({ format: fc.constant('MULTI_SZ' as const), value: fc.array(text.filter((each) => each !== '')) }),
  record({ format: fc.constant('BINARY' as const), value: fc.uint8Array({ maxLength: 50 }) }),
)

/** As `{}` makes them, so that they can be compared with what is read. */
function record<T>(fields: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(fields, { noNullPrototype: true })
}

function withoutNul(given: string): string {
  return given.replaceAll('\0', '')
}
