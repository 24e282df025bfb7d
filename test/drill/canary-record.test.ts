import t from 'tap'
import { formatNote, machineTime, parseRecord } from '../../src/drill/canary-record.js'

t.test('what a canary writes is read back, one run for each process', async (t) => {
  const text = [
    formatNote('beat', 10, 1_000_000_000n),
    formatNote('beat', 10, 1_080_500_000n),
    formatNote('hung', 10, 1_080_600_000n),
    formatNote('beat', 11, 3_000_000_000n),
  ].join('')
  t.strictSame(parseRecord(text), [
    { pid: 10, beats: 2, lastBeat: 1080.5, hung: true },
    { pid: 11, beats: 1, lastBeat: 3000, hung: false },
  ])
})

t.test('a line that is not whole yet, or is something else, is left out', async (t) => {
  t.strictSame(parseRecord(''), [])
  t.strictSame(parseRecord('beat 10 1000'), [])
  t.strictSame(parseRecord('beat ten 1000\nBEAT 10 1000\nbeat 10 5000000\nhung 10 60'), [
    { pid: 10, beats: 1, lastBeat: 5, hung: false },
  ])
})

t.test('the clock of the machine goes forward, in milliseconds', async (t) => {
  const before = machineTime()
  const at = parseRecord(formatNote('beat', 1, process.hrtime.bigint()))[0]?.lastBeat
  const after = machineTime()
  t.ok(at !== undefined && before <= at && at <= after)
})
