import t from 'tap'
import { findRepeatedKey } from '../../src/property/repeated-key.js'

const found: readonly (readonly [string, ReturnType<typeof findRepeatedKey>])[] = [
  ['{}', undefined],
  ['"a"', undefined],
  ['{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]}', undefined],
  ['{"a": "a", "b": "a"}', undefined],
  ['{"a": "\\"a\\": 1, ", "b": "}{\\\\"}', undefined],
  ['{"a": 1, "A": 2}', undefined],
  ['{"a": 1, "b": {"c": 1}, "a": 2}', { key: 'a', within: undefined }],
  ['{"a": {"b": 1, "c": {}, "b": 1}}', { key: 'b', within: 'a' }],
  ['{"a": [1, {"b": 1, "b": 2}]}', { key: 'b', within: 'a' }],
  ['{"a\\"": 1 , "a\\u0022" : 2}', { key: 'a"', within: undefined }],
  ['{"\\\\": 1, "\\\\": 2}', { key: '\\', within: undefined }],
  ['{"": 1, "": 2}', { key: '', within: undefined }],
  ['{"__proto__": 1, "__proto__": 2}', { key: '__proto__', within: undefined }],
]

for (const [json, expected] of found) {
  t.test(`${expected === undefined ? 'no key is' : 'a key is'} repeated in ${json}`, async (t) => {
    t.doesNotThrow(() => JSON.parse(json))
    t.strictSame(findRepeatedKey(json), expected)
  })
}

t.test('the work grows with the length of the text, and not faster', async (t) => {
  const keys = Array.from({ length: 300_000 }, (_, number) => `"key ${number}": "${'\\\\\\"'.repeat(10)}"`)
  const long = `{"text": "${'\\"'.repeat(2_000_000)}", "other": "${'\\\\'.repeat(2_000_000)}"}`
  t.equal(findRepeatedKey(`{${keys.join()}}`), undefined)
  t.equal(findRepeatedKey(long), undefined)
  t.equal(findRepeatedKey('['.repeat(1_000_000) + ']'.repeat(1_000_000)), undefined)
})
