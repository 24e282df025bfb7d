import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { milliseconds } from '../../src/time.js'
import { BeatGaps, type GapBin, upperEdge } from '../../src/watch/beat-gaps.js'

/** All edges, made another way: eight equal steps in each of twenty octaves from 1/1024 s, and nothing above the last. */
const edges = [0]
for (let octave = 0; octave < 20; octave++) {
  for (let step = 0; step < 8; step++) edges.push((1000 / 1024) * 2 ** octave * (1 + step / 8))
}
edges.push(1_024_000)

function reference(gaps: readonly number[]): GapBin[] {
  return edges.flatMap((from, at): GapBin[] => {
    const to = edges[at + 1] ?? Number.POSITIVE_INFINITY
    const count = gaps.filter((gap) => gap >= from && gap < to).length
    return count > 0 ? [[from, count]] : []
  })
}

function recorded(gaps: readonly number[]): BeatGaps {
  const histogram = new BeatGaps()
  for (const gap of gaps) histogram.record(milliseconds(gap))
  return histogram
}

/** Of all magnitudes, and often right on an edge or right beside one. */
const gap = fc.oneof(
  fc.double({ min: 0, max: 3e9, noNaN: true }),
  fc.double({ min: -3, max: 7, noNaN: true }).map((exponent) => 10 ** exponent),
  fc.constantFrom(...edges),
  fc.constantFrom(...edges).map((edge) => edge * (1 - 2 ** -50)),
)

t.test('each gap is counted in its bin, whatever came before', (t) => {
  fc.assert(
    fc.property(fc.array(gap, { maxLength: 60, size: 'max' }), (gaps) => {
      const { total, sumMs, maxMs, bins } = recorded(gaps).counts()
      assert.deepEqual(bins, reference(gaps))
      assert.equal(total, gaps.length)
      assert.equal(maxMs, Math.max(0, ...gaps))
      const sum = gaps.reduce((sum, each) => sum + each, 0)
      assert.ok(Math.abs(sumMs - sum) <= sum * 1e-12)
    }),
    { numRuns: 2000 },
  )
  t.end()
})

t.test('the upper edge of a bin is at most an eighth above what was counted there', (t) => {
  fc.assert(
    fc.property(fc.double({ min: 1000 / 1024, max: 1_023_999, noNaN: true }), (gap) => {
      const from = recorded([gap]).counts().bins[0]?.[0] ?? Number.NaN
      assert.ok(from <= gap && gap < upperEdge(from))
      assert.ok(upperEdge(from) <= gap * 1.125)
    }),
    { numRuns: 2000 },
  )
  t.equal(upperEdge(0), 1000 / 1024)
  t.equal(upperEdge(1_024_000), Number.POSITIVE_INFINITY)
  t.end()
})

t.test('the limits that matter are edges, so that what reached them is known exactly', (t) => {
  for (const seconds of [0.25, 0.5, 1, 2, 3, 5, 6, 10, 20, 30, 60, 120]) {
    const { bins } = recorded([seconds * 1000 - 0.001, seconds * 1000]).counts()
    t.equal(bins.length, 2, `${seconds} s`)
    t.equal(bins[1]?.[0], seconds * 1000)
  }
  t.end()
})

t.test('counting goes on from what was counted before', (t) => {
  fc.assert(
    fc.property(fc.array(gap, { maxLength: 40 }), fc.array(gap, { maxLength: 40 }), (before, after) => {
      const histogram = recorded(after)
      histogram.add(recorded(before).counts())
      const { sumMs, ...counts } = histogram.counts()
      const { sumMs: whole, ...expected } = recorded([...before, ...after]).counts()
      assert.deepEqual(counts, expected)
      assert.ok(Math.abs(sumMs - whole) <= whole * 1e-12)
    }),
  )
  t.end()
})

t.test('counts of years of beats are added without loss', (t) => {
  const histogram = recorded([1000])
  histogram.add({ total: 2 ** 40, sumMs: 0, maxMs: 0, bins: [[1000, 2 ** 40]] })
  histogram.record(milliseconds(1000))
  t.strictSame(histogram.counts().bins, [[1000, 2 ** 40 + 2]])
  t.end()
})
