import { Writable } from 'node:stream'
import t from 'tap'
import { escapeText, formatAgo, formatTime, openOutput, toJson } from '../../src/cli/output.js'
import { cut, layOutTable } from '../../src/cli/table.js'
import { openScreenshot, Screenshot } from './support.js'

t.test('control characters, and what turns text round, become visible', async (t) => {
  t.equal(escapeText('a\u001b[31mred\r\n\tb\u0000\u007f'), 'a\\x1b[31mred\\r\\n\\tb\\x00\\x7f')
  t.equal(escapeText('\u009b2J \u202egnp.exe \u2066x\u2069 \u2028'), '\\x9b2J \\u202egnp.exe \\u2066x\\u2069 \\u2028')
  t.equal(escapeText('Grüße 漢字 🐕'), 'Grüße 漢字 🐕')
})

t.test('JSON has none of them either, and still says the same', async (t) => {
  const value = { text: '\u001b\u009b\u202e\u2028\u007f ü', 'na\u009bme': 1 }
  const json = toJson(value)
  t.match(json, /^[\x20-\x7e\u00fc]*$/)
  t.strictSame(JSON.parse(json), value)
})

t.test('colours are used on a terminal only, and not against NO_COLOR', async (t) => {
  const paint = (tty: boolean, environment: Record<string, string>): string =>
    openScreenshot(new Screenshot(tty), environment).output.paint('red', 'x')
  t.equal(paint(true, {}), '\u001b[31mx\u001b[0m')
  t.equal(paint(true, { NO_COLOR: '' }), '\u001b[31mx\u001b[0m')
  t.equal(paint(true, { NO_COLOR: '0' }), 'x')
  t.equal(paint(true, { TERM: 'dumb' }), 'x')
  t.equal(paint(false, {}), 'x')
})

t.test('a reader that has gone ends the printing without an error', async (t) => {
  const gone = new Writable({
    write: (_, __, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  })
  const output = openOutput({ stdout: gone, stderr: new Screenshot() })
  await output.write('x')
  await new Promise((resolve) => setImmediate(resolve))
  t.ok(output.closed.aborted)
  await output.write('y')
})

t.test('an output that cannot be written is an error of ours', async (t) => {
  const full = new Writable({
    write: (_, __, done) => done(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' })),
  })
  const output = openOutput({ stdout: full, stderr: new Screenshot() })
  await t.rejects(output.write('x'), { code: 'create', message: 'cannot write the output: write ENOSPC' })
})

t.test('times are told as people tell them', async (t) => {
  const now = new Date('2026-01-01T12:00:00Z')
  t.equal(formatAgo('2026-01-01T11:59:56.800Z', now), '3.2s ago')
  t.equal(formatAgo('2026-01-01T10:00:00Z', now), '2h ago')
  t.equal(formatAgo('2026-01-01T12:00:01Z', now), '0ms ago', 'a stepped clock does not make it negative')
  t.equal(formatAgo(null, now), '-')
  t.match(formatTime('2026-01-01T12:00:00.007Z', 'ms'), /^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.007$/)
  t.equal(formatTime('n\u001bo time'), 'n\\x1bo time')
})

t.test('a table lines up, escapes its cells, and cuts only the last one', async (t) => {
  const wide = openScreenshot(new Screenshot(true, 24), { NO_COLOR: '1' }).output
  const rows = [
    ['web', 'all is well with this one'],
    ['漢字漢', 'a\nb'],
  ]
  t.strictSame(layOutTable(['NAME', 'DETAIL'], rows, wide), [
    'NAME    DETAIL',
    'web     all is well wit…',
    '漢字漢  a\\nb',
  ])
  t.equal(cut('漢字', 3), '漢…')
  t.equal(cut('abc', 3), 'abc')
})

t.test('without a terminal nothing is cut', async (t) => {
  const text = 'x'.repeat(500)
  t.equal(layOutTable(['A'], [[text]], openScreenshot().output)[1], text)
})
