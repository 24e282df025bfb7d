import fc from 'fast-check'
import t from 'tap'
import { HangdogError } from '../../src/errors.js'
import { isSameValue, type PropertyValue, type SettableFormat, settableFormats } from '../../src/property/value.js'
import { formatValue, formatWords, parseAssignment, parseFormat, parseValue } from '../../src/property/value-text.js'
import { settableValue, text } from './values.js'

const where = 'property "Sample"'

/** The message of the one error that comes with exit code 64. */
function refusalOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof HangdogError && error.code === 'usage') return error.message
    throw error
  }
  throw new Error('nothing was refused')
}

t.test('each format word stands for its format, in any case', async (t) => {
  const expected: readonly (readonly [string, SettableFormat])[] = [
    ['dword', 'DWORD'],
    ['DWORD', 'DWORD'],
    ['String', 'SZ'],
    ['expandstr', 'EXPAND_SZ'],
    ['multistr', 'MULTI_SZ'],
    ['MultiString', 'MULTI_SZ'],
    ['binary', 'BINARY'],
    ['ularge', 'ULARGE_INTEGER'],
    ['large', 'LARGE_INTEGER'],
    ['long', 'LONG'],
    ['word', 'WORD'],
  ]
  for (const [word, format] of expected) t.equal(parseFormat(word, where), format, word)
  t.same(new Set(formatWords.map((word) => parseFormat(word, where))), new Set(settableFormats))
})

t.test('any other format word is refused with the words that are known', async (t) => {
  for (const word of ['', 'dwrod', 'sz', 'security', 'constructor', '__proto__', 'dword ']) {
    t.match(
      refusalOf(() => parseFormat(word, where)),
      /cannot set property "Sample": expected .*dword, string/,
      word,
    )
  }
})

t.test('numbers are decimal or hexadecimal', async (t) => {
  const cases: readonly (readonly [string, SettableFormat, number | bigint])[] = [
    ['0', 'DWORD', 0],
    ['720', 'DWORD', 720],
    ['0x2D0', 'DWORD', 720],
    ['0X2d0', 'DWORD', 720],
    ['007', 'DWORD', 7],
    ['4294967295', 'DWORD', 0xffffffff],
    ['0xFFFFFFFF', 'DWORD', 0xffffffff],
    ['"5"', 'DWORD', 5],
    ['-2147483648', 'LONG', -2147483648],
    ['-0x80000000', 'LONG', -2147483648],
    ['-0', 'LONG', 0],
    ['65535', 'WORD', 65535],
    ['18446744073709551615', 'ULARGE_INTEGER', 2n ** 64n - 1n],
    ['0xFFFFFFFFFFFFFFFF', 'ULARGE_INTEGER', 2n ** 64n - 1n],
    ['-9223372036854775808', 'LARGE_INTEGER', -(2n ** 63n)],
    ['9223372036854775807', 'LARGE_INTEGER', 2n ** 63n - 1n],
  ]
  for (const [given, format, value] of cases) t.same(parseValue(given, format, where), { format, value }, given)
})

t.test('zero with a minus sign is plain zero', async (t) => {
  t.ok(Object.is(parseValue('-0', 'LONG', where).value, 0))
})

t.test('a number out of the range of its format is refused with the bounds', async (t) => {
  const cases: readonly (readonly [string, SettableFormat, string, string])[] = [
    ['-1', 'DWORD', '0', '4294967295'],
    ['4294967296', 'DWORD', '0', '4294967295'],
    ['0x100000000', 'DWORD', '0', '4294967295'],
    ['2147483648', 'LONG', '-2147483648', '2147483647'],
    ['-2147483649', 'LONG', '-2147483648', '2147483647'],
    ['0xFFFFFFFF', 'LONG', '-2147483648', '2147483647'],
    ['65536', 'WORD', '0', '65535'],
    ['-1', 'WORD', '0', '65535'],
    ['18446744073709551616', 'ULARGE_INTEGER', '0', '18446744073709551615'],
    ['-1', 'ULARGE_INTEGER', '0', '18446744073709551615'],
    ['9223372036854775808', 'LARGE_INTEGER', '-9223372036854775808', '9223372036854775807'],
    ['-9223372036854775809', 'LARGE_INTEGER', '-9223372036854775808', '9223372036854775807'],
  ]
  for (const [given, format, minimum, maximum] of cases) {
    const expected = `cannot set property "Sample": expected a ${format} from ${minimum} to ${maximum}, decimal or 0x, not "${given}"`
    t.equal(
      refusalOf(() => parseValue(given, format, where)),
      expected,
    )
  }
})

t.test('what is no whole number is refused for each numeric format', async (t) => {
  const wrong = ['', ' ', '1.5', '1e3', '5s', '5 ', ' 5', '+5', '--5', '0x', '0xg', '1_000', '5,6', 'five', '""', '٣']
  for (const format of ['DWORD', 'LONG', 'WORD', 'ULARGE_INTEGER', 'LARGE_INTEGER'] as const) {
    for (const given of wrong) {
      const message = refusalOf(() => parseValue(given, format, where))
      t.match(message, `expected a ${format} from`)
      t.match(message, `not "${given}"`)
    }
  }
})

t.test('a number of very many digits is refused at once, and the error does not repeat them all', async (t) => {
  const message = refusalOf(() => parseValue('9'.repeat(5_000_000), 'ULARGE_INTEGER', where))
  t.ok(message.length < 300)
})

t.test('leading zeros mean nothing, in up to 64 characters', async (t) => {
  t.equal(parseValue('5'.padStart(64, '0'), 'WORD', where).value, 5)
  t.match(
    refusalOf(() => parseValue('5'.padStart(65, '0'), 'WORD', where)),
    /WORD from 0 to 65535/,
  )
})

t.test('BINARY is bytes with commas between them', async (t) => {
  t.same(parseValue('1,0x02,255,0xFF,0', 'BINARY', where).value, Uint8Array.of(1, 2, 255, 255, 0))
  t.same(parseValue('', 'BINARY', where).value, new Uint8Array(0))
  for (const given of ['256', '0x100', '-1', '1,', ',1', '1,,2', '1 ,2', '1.5', 'ff', '1;2']) {
    t.match(
      refusalOf(() => parseValue(given, 'BINARY', where)),
      /property "Sample": expected BINARY as bytes from 0 to 255/,
      given,
    )
  }
})

t.test('a text is taken as it is', async (t) => {
  for (const given of ['', ' a b ', 'http://x:80', 'a,b', 'say "hi"', '%PATH%', '5" disk', "it's"]) {
    t.equal(parseValue(given, 'SZ', where).value, given)
    t.equal(parseValue(given, 'EXPAND_SZ', where).value, given)
  }
})

t.test('double quotes around a text are not part of it', async (t) => {
  t.equal(parseValue('"a, b:dword"', 'SZ', where).value, 'a, b:dword')
  t.equal(parseValue('"say ""hi"""', 'SZ', where).value, 'say "hi"')
  t.equal(parseValue('""', 'SZ', where).value, '')
})

t.test('a quote that is not closed, or closed too early, is refused', async (t) => {
  for (const given of ['"', '"abc', '"abc""', '"a" b', '"a"b"', '"a","b"']) {
    for (const format of ['SZ', 'EXPAND_SZ', 'DWORD', 'BINARY'] as const) {
      t.match(
        refusalOf(() => parseValue(given, format, where)),
        /expected a closing double quote at the end/,
        given,
      )
    }
  }
  for (const given of ['"', '"a', 'a,"b', '"a"b', 'a"b', 'a,b"', '"a" ,b']) {
    t.match(
      refusalOf(() => parseValue(given, 'MULTI_SZ', where)),
      /expected MULTI_SZ as texts/,
      given,
    )
  }
})

t.test('MULTI_SZ is texts with commas between them; double quotes are for those with a comma', async (t) => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ['c,"a,b"', ['c', 'a,b']],
    ['"a""b"', ['a"b']],
    ['a, b', ['a', ' b']],
  ]
  for (const [given, value] of cases) t.same(parseValue(given, 'MULTI_SZ', where).value, value, given)
})

t.test('an empty text in a MULTI_SZ is refused, because it would end the list', async (t) => {
  for (const given of ['a,', ',a', 'a,,b', ',', '""', 'a,"",b']) {
    t.match(
      refusalOf(() => parseValue(given, 'MULTI_SZ', where)),
      /not empty/,
      given,
    )
  }
})

t.test('a NUL is refused in every text', async (t) => {
  for (const format of ['SZ', 'EXPAND_SZ', 'MULTI_SZ'] as const) {
    t.match(
      refusalOf(() => parseValue('a\0b', format, where)),
      /NUL/,
    )
  }
})

t.test('parseValue takes back what formatValue writes', async (t) => {
  fc.assert(
    fc.property(settableValue, (value) => {
      const format = settableFormats.find((each) => each === value.format)
      return format !== undefined && isSameValue(parseValue(formatValue(value), format, where), value)
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('an assignment of what formatValue writes gives the value, with or without a format', async (t) => {
  fc.assert(
    fc.property(settableValue, fc.constantFrom(...formatWords), (value, word) => {
      const plain = parseAssignment(`Name=${formatValue(value)}`)
      const format = settableFormats.find((each) => each === value.format)
      if (plain.format !== undefined || format === undefined) return false
      const typed = parseAssignment(`Name=${formatValue(value)}:${word}`)
      return (
        isSameValue(parseValue(plain.text, format, where), value) &&
        typed.format === parseFormat(word, where) &&
        typed.text === plain.text
      )
    }),
    { numRuns: 3000 },
  )
  t.pass()
})

t.test('formatValue writes plain text, with quotes only where they are needed', async (t) => {
  const cases: readonly (readonly [PropertyValue, string])[] = [
    [{ format: 'DWORD', value: 720 }, '720'],
    [{ format: 'LONG', value: -5 }, '-5'],
    [{ format: 'LARGE_INTEGER', value: -5n }, '-5'],
    [{ format: 'FILETIME', value: 5n }, '5'],
    [{ format: 'SZ', value: 'http://x:80' }, 'http://x:80'],
    [{ format: 'SZ', value: 'note:string' }, '"note:string"'],
    [{ format: 'EXPANDED_SZ', value: 'a,b' }, 'a,b'],
    [{ format: 'MULTI_SZ', value: ['a', 'b,c', 'd"e'] }, 'a,"b,c","d""e"'],
    [{ format: 'BINARY', value: Uint8Array.of(0, 255) }, '0x00,0xff'],
    [{ format: 'SECURITY_DESCRIPTOR', value: Uint8Array.of(1) }, '0x01'],
  ]
  for (const [value, expected] of cases) t.equal(formatValue(value), expected)
})

t.test('an assignment has a name, a text and perhaps a format', async (t) => {
  t.same(parseAssignment('HangRecoveryAction=2'), { name: 'HangRecoveryAction', text: '2' })
  t.same(parseAssignment('SameSubnetDelay=2000:DWORD'), { name: 'SameSubnetDelay', text: '2000', format: 'DWORD' })
  t.same(parseAssignment('A=x,y:multistring'), { name: 'A', text: 'x,y', format: 'MULTI_SZ' })
  t.same(parseAssignment('A='), { name: 'A', text: '' })
  t.same(parseAssignment('A=:binary'), { name: 'A', text: '', format: 'BINARY' })
  t.same(parseAssignment('A=b=c'), { name: 'A', text: 'b=c' })
})

t.test('a colon in a value is part of it unless a format word follows', async (t) => {
  for (const given of ['http://x:80', '10:30', 'C:\\dir', '0 3 * * * 1:00', 'a:', ':', '5:dwrod', 'x:constructor']) {
    t.same(parseAssignment(`A=${given}`), { name: 'A', text: given })
  }
  t.same(parseAssignment('A=http://x:80:string'), { name: 'A', text: 'http://x:80', format: 'SZ' })
})

t.test('a misspelt format is refused where a number is expected, with the words that are known', async (t) => {
  const { text: given } = parseAssignment('A=5:dwrod')
  const message = refusalOf(() => parseValue(given, 'DWORD', 'property "A"'))
  t.match(message, /after a colon one of the formats dword, string/)
  t.match(message, 'not "5:dwrod"')
})

t.test('quotes keep a format word in the value', async (t) => {
  const cases: readonly (readonly [string, string, SettableFormat | undefined])[] = [
    ['"x:dword"', 'x:dword', undefined],
    ['"x:dword":string', 'x:dword', 'SZ'],
    ['"a=b"', 'a=b', undefined],
  ]
  for (const [given, value, format] of cases) {
    const assignment = parseAssignment(`A=${given}`)
    t.equal(assignment.format, format)
    t.equal(parseValue(assignment.text, 'SZ', where).value, value)
  }
  t.same(parseValue(parseAssignment('A="x,y","z:word":multistr').text, 'MULTI_SZ', where).value, ['x,y', 'z:word'])
})

t.test('an assignment with a quote that is not closed is refused by name', async (t) => {
  for (const given of ['A="', 'A="abc', 'A="abc:dword', 'A="a","b']) {
    t.match(
      refusalOf(() => parseAssignment(given)),
      /cannot set property "A": expected a closing double quote/,
      given,
    )
  }
})

t.test('what is no assignment is refused', async (t) => {
  for (const given of ['', 'A', '=5', 'A:dword']) {
    t.match(
      refusalOf(() => parseAssignment(given)),
      /expected NAME=VALUE\[:FORMAT\]/,
      given,
    )
  }
})

t.test('no text at all brings anything but a value or a refusal', async (t) => {
  fc.assert(
    fc.property(text, fc.constantFrom(...settableFormats), (given, format) => {
      try {
        const assignment = parseAssignment(given)
        parseValue(assignment.text, assignment.format ?? format, where)
      } catch (error) {
        return error instanceof HangdogError && error.code === 'usage'
      }
      return true
    }),
    { numRuns: 3000 },
  )
  t.pass()
})
