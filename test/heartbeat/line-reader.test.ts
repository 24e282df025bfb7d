import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { LineReader } from '../../src/heartbeat/line-reader.js'
import { longestLine } from '../../src/heartbeat/protocol.js'

const beat = 'WATCHDOG=1'

/** Lines as services write them, those that resemble a beat among them, and text of any kind; some as long as a line may be. */
const line = fc.oneof(
  { weight: 4, arbitrary: fc.constant(beat) },
  { weight: 2, arbitrary: fc.constantFrom('WATCHDOG=10', 'WATCHDOG=', 'WATCHDOG', ' WATCHDOG=1', 'READY=1', '') },
  { weight: 2, arbitrary: fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\n', ' ')) },
  { weight: 1, arbitrary: fc.constantFrom(longestLine - 1, longestLine).map((length) => 'x'.repeat(length)) },
)

/** Cuts bytes at the given places, in any order and however often each is named. */
function cut(bytes: Buffer, places: readonly number[]): readonly Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

function readAll(chunks: readonly Buffer[]): readonly string[] {
  const lines: string[] = []
  const reader = new LineReader({
    beatsRead: (count) => void lines.push(...Array.from({ length: count }, () => beat)),
    lineRead: (text) => {
      lines.push(text)
      return true
    },
  })
  for (const chunk of chunks) {
    // The real buffer is written over by the next read; a reader that kept a view of it would be found out here.
    const shared = Buffer.from(chunk)
    const taken = reader.read(shared)
    shared.fill(0)
    if (taken !== chunk.length) return [...lines, `stopped with ${taken}`]
  }
  return lines
}

t.test('lines are the same wherever the stream is cut, and none is lost or doubled', (t) => {
  const places = fc.array(fc.nat(), { maxLength: 40 })
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), places, (lines, at) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      // A text of several bytes a character may be too long for a line; then it is refused wherever it is cut.
      fc.pre(lines.every((text) => Buffer.byteLength(text) <= longestLine))
      assert.deepEqual(readAll(cut(bytes, at)), lines.map(throughUtf8))
    }),
  )
  t.pass('no counterexample was found')
  t.end()
})

t.test('a line one byte too long is refused wherever it is cut, after all lines before it', (t) => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 10 }), (before, at) => {
      fc.pre(before.every((text) => Buffer.byteLength(text) <= longestLine))
      const bytes = Buffer.from([...before, 'x'.repeat(longestLine + 1), ''].join('\n'))
      assert.deepEqual(readAll(cut(bytes, at)), [...before.map(throughUtf8), 'stopped with -1'])
    }),
  )
  t.pass('no counterexample was found')
  t.end()
})

/** A lone surrogate has no UTF-8 and arrives as the replacement character. */
function throughUtf8(text: string): string {
  return Buffer.from(text).toString()
}
