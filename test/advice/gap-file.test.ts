import fc from 'fast-check'
import t from 'tap'
import { formatGapFile, parseGapFile } from '../../src/advice/gap-file.js'
import { countsOf, recordOf } from './support.js'

const records = [
  recordOf(
    [
      [0.25, 7],
      [1000, 3600],
      [2_000_000, 1],
    ],
    { hangs: countsOf([[60_000, 2]]) },
  ),
  recordOf([], { channel: 'worker', limitMs: 500, ownLimit: true }),
]

t.test('what is written is read again as it was', (t) => {
  t.strictSame(parseGapFile(formatGapFile(records), 'web'), records)
  t.strictSame(parseGapFile(formatGapFile([]), 'web'), [])
  t.end()
})

t.test('a file that is cut off anywhere is refused, never half used', (t) => {
  const text = formatGapFile(records)
  for (let end = 0; end < text.length - 1; end++) {
    t.throws(() => parseGapFile(text.slice(0, end), 'web'), { code: 'data', message: /it is not whole/ })
  }
  t.end()
})

t.test('whatever stands in a file, it is records or an error that says what is wrong', (t) => {
  const change = fc.tuple(fc.nat(), fc.constantFrom('x', '-1', '"', '[]', '{}', 'null', '1e999', '0.5', '999999', ' '))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
      let text = formatGapFile(records)
      for (const [at, what] of changes) {
        const place = at % text.length
        text = text.slice(0, place) + what + text.slice(place + what.length)
      }
      try {
        const read = parseGapFile(text, 'web')
        return read.every(({ total, bins }) => total === bins.reduce((sum, [, count]) => sum + count, 0))
      } catch (error) {
        return error instanceof Error && 'code' in error && error.code === 'data'
      }
    }),
    { numRuns: 2000 },
  )
  t.end()
})

t.test('each field is checked', (t) => {
  const [first] = JSON.parse(formatGapFile(records)).records
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [[], /the file: expected an object/],
    [{ version: 2, records: [] }, /version: expected 1, not 2/],
    [{ version: 1 }, /records: expected a list, not undefined/],
    [{ version: 1, records: [7] }, /records\[0\]: expected an object, not 7/],
    [{ ...first, service: 'db' }, /service: expected web, not "db"/],
    [{ ...first, channel: null }, /records\[0\].channel: expected a text/],
    [{ ...first, since: 'yesterday' }, /records\[0\].since: expected a time, not "yesterday"/],
    [{ ...first, limitMs: -1 }, /records\[0\].limitMs: expected a number from 0, not -1/],
    [{ ...first, ownLimit: 1 }, /records\[0\].ownLimit: expected true or false/],
    [{ ...first, total: 1 }, /records\[0\].total: expected 3608, as in the bins, not 1/],
    [{ ...first, bins: [[1000, 1.5]] }, /records\[0\].bins\[0\]: expected a span in ms and a whole number/],
    [{ ...first, bins: [[-1, 3608]] }, /records\[0\].bins\[0\]: expected a number from 0/],
    [{ ...first, hangs: {} }, /records\[0\].hangs.bins: expected a list|records\[0\].hangs.total: expected a number/],
  ]
  for (const [value, message] of refused) {
    const file =
      typeof value === 'object' && value !== null && 'since' in value ? { version: 1, records: [value] } : value
    t.throws(() => parseGapFile(JSON.stringify(file), 'web'), { code: 'data', message })
  }
  t.end()
})
