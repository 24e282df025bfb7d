import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Advice, adviseOn } from '../../src/advice/advice.js'
import { figuresOf } from '../../src/advice/figures.js'
import { percentilesOf } from '../../src/advice/percentiles.js'
import { roundUp } from '../../src/advice/proposal.js'
import { countsOf, recordOf } from './support.js'

function only(advice: readonly Advice[]): Advice {
  const [first, ...more] = advice
  if (first === undefined || more.length > 0) throw new Error(`one advice was expected, not ${advice.length}`)
  return first
}

const set = 'hangdog prop set --service web'

/** Gaps and the limit there is; what is found, the limit that is proposed, its first reason, the command. */
const cases: readonly (readonly [
  title: string,
  gaps: readonly (readonly [number, number])[],
  limitMs: number,
  finding: Advice['finding'],
  proposedMs: number | undefined,
  reason: RegExp,
  command: string | null,
])[] = [
  [
    'regular beats',
    [[1000, 3600]],
    60_000,
    'too-long',
    12_000,
    /12 times the mean gap/,
    `${set} ClusSvcHeartbeatTimeout=12`,
  ],
  ['beats a little late', [[1030, 3600]], 12_000, 'fits', 12_000, /12 times the mean gap/, null],
  [
    'one long gap',
    [
      [1000, 3600],
      [9000, 1],
    ],
    60_000,
    'fits',
    20_000,
    /2 times the longest gap on main \(9s\) asks for 18s/,
    null,
  ],
  [
    'gaps above half the limit',
    [
      [1000, 3600],
      [9000, 1],
    ],
    15_000,
    'too-tight',
    20_000,
    /2 times the longest/,
    `${set} ClusSvcHeartbeatTimeout=20`,
  ],
  [
    'gaps above the limit',
    [
      [500, 3600],
      [7200, 1],
    ],
    6000,
    'too-tight',
    15_000,
    /2 times the longest/,
    `${set} ClusSvcHeartbeatTimeout=15`,
  ],
  [
    'many long gaps',
    [
      [1000, 900],
      [9000, 100],
    ],
    60_000,
    'fits',
    30_000,
    /3 times the 99.9th percentile on main \(9s\) asks for 27s/,
    null,
  ],
  ['fast beats', [[100, 9000]], 60_000, 'too-long', 1500, /mean gap/, `${set} HeartbeatTimeoutMilliseconds=1500`],
  ['very fast beats', [[0.2, 3_100_000]], 6000, 'too-long', 500, /./, `${set} HeartbeatTimeoutMilliseconds=500`],
  [
    'a short limit that is too tight for the other property',
    [[700, 1000]],
    3000,
    'too-tight',
    8000,
    /mean gap/,
    `${set} ClusSvcHeartbeatTimeout=8 HeartbeatTimeoutMilliseconds=0`,
  ],
  ['a preload that beats twelve times in its limit', [[504, 2000]], 6000, 'fits', 6000, /mean gap/, null],
  ['slow beats', [[300_000, 1200]], 600_000, 'too-tight', 3_600_000, /mean gap/, `${set} ClusSvcHeartbeatTimeout=3600`],
  [
    'very slow beats',
    [[1_000_000, 1200]],
    600_000,
    'too-tight',
    14_400_000,
    /mean gap/,
    `${set} ClusSvcHeartbeatTimeout=14400`,
  ],
]

t.test('a limit is proposed by the rule that asks for most, and judged', (t) => {
  for (const [title, gaps, limitMs, finding, proposedMs, reason, command] of cases) {
    const advice = only(adviseOn([recordOf(gaps, { limitMs })]))
    t.equal(advice.finding, finding, title)
    t.equal(advice.proposal?.limitMs, proposedMs, title)
    t.match(advice.proposal?.reasons[0], reason, title)
    t.equal(advice.proposal?.reasons.length, 3, title)
    t.equal(advice.proposal?.command, command, title)
  }
  t.end()
})

t.test('the finding is said in a sentence', (t) => {
  const say = (gaps: readonly (readonly [number, number])[], limitMs: number): string =>
    only(adviseOn([recordOf(gaps, { limitMs })])).sentence
  t.equal(say([[1000, 3600]], 60_000), 'The limit of 1m is longer than needed: with 12s a hang is found 48s sooner.')
  t.equal(say([[1000, 3600]], 12_000), 'The limit of 12s fits.')
  t.equal(say([[1000, 3600]], 10_000), 'The limit of 10s is too tight by the rule.')
  t.match(
    say(
      [
        [1000, 3600],
        [4000, 1],
      ],
      6000,
    ),
    /too tight: the longest gap was 4s, more than half of it/,
  )
  t.match(
    say(
      [
        [1000, 3600],
        [8000, 1],
      ],
      6000,
    ),
    /too tight: there was a silence of 8s that ended by itself/,
  )
  t.end()
})

t.test('too little data gives no proposal, but what there is', (t) => {
  for (const gaps of [[], [[1000, 999]], [[100, 5999]], [[70_000, 100]]] as const) {
    const advice = only(adviseOn([recordOf(gaps, { limitMs: 600_000 })]))
    t.equal(advice.finding, 'too-little')
    t.equal(advice.proposal, null)
    t.match(advice.sentence, /^Too little was seen to propose a limit: \d+ gaps in .*, of at least 1000 in 10m\.$/)
    t.equal(advice.channels[0]?.gaps.count, gaps[0]?.[1] ?? 0)
  }
  t.equal(only(adviseOn([recordOf([[100, 6001]])])).finding, 'too-long', 'enough of both is enough')
  const near = only(adviseOn([recordOf([[4000, 3]], { limitMs: 6000 })]))
  t.match(near.sentence, /^Too little was seen .*\. The limit of 6s is too tight: the longest gap was 4s/)
  t.end()
})

t.test('channels that follow the limit of the service are advised on together, others each alone', (t) => {
  const advice = adviseOn([
    recordOf([[1000, 3600]]),
    recordOf([[2000, 50]], { channel: 'pid-*' }),
    recordOf([[100, 7000]], { channel: 'fast', limitMs: 500, ownLimit: true }),
    recordOf([[100, 3]], { channel: 'new', limitMs: 500, ownLimit: true }),
  ])
  t.match(advice, [
    {
      limitMs: 60_000,
      ownLimit: false,
      channels: [{ channel: 'main' }, { channel: 'pid-*' }],
      proposal: { limitMs: 25_000, reasons: [/mean gap on pid-\*/, /main/, /pid-\*/] },
    },
    { limitMs: 500, ownLimit: true, finding: 'too-tight', proposal: { limitMs: 1500, command: null } },
    { limitMs: 500, finding: 'too-little', proposal: null },
  ])
  t.strictSame(adviseOn([]), [])
  t.end()
})

t.test('silences that no beat ended are told and do not lengthen the limit', (t) => {
  const hangs = countsOf([
    [60_000, 2],
    [61_000, 1],
  ])
  const advice = only(adviseOn([recordOf([[1000, 3600]], { hangs })]))
  t.equal(advice.proposal?.limitMs, 12_000)
  t.same(advice.channels[0]?.hangs, { count: 3, longestMs: 61_000 })
  t.same(advice.channels[0]?.gaps.maxMs, 1000)
  t.end()
})

t.test('how often a limit would have fired is exact for 6, 30 and 60 s', (t) => {
  const gaps = [
    [5999.99, 4],
    [6000, 3],
    [29_999.99, 2],
    [30_000, 5],
    [59_999.99, 1],
    [60_000, 6],
    [90_000, 1],
  ] as const
  t.strictSame(figuresOf(recordOf(gaps)).fired, [
    { limitMs: 6000, times: 18, exact: true },
    { limitMs: 30_000, times: 13, exact: true },
    { limitMs: 60_000, times: 7, exact: true },
  ])
  t.strictSame(
    figuresOf(recordOf(gaps, { limitMs: 31_000 })).fired[2],
    { limitMs: 31_000, times: 13, exact: false },
    'within a bin it is at most that',
  )
  t.strictSame(figuresOf(recordOf(gaps, { limitMs: 90_001 })).fired[3], { limitMs: 90_001, times: 0, exact: true })
  t.end()
})

t.test('mean, maximum and observed time are exact, and nothing is figured from nothing', (t) => {
  t.match(
    figuresOf(
      recordOf([
        [100, 10],
        [2000, 1],
      ]),
    ).gaps,
    { count: 11, observedMs: 3000, maxMs: 2000, meanMs: 272.727 },
  )
  t.same(figuresOf(recordOf([])).gaps, { count: 0, observedMs: 0, meanMs: 0, p50Ms: 0, p99Ms: 0, p999Ms: 0, maxMs: 0 })
  t.end()
})

t.test('a percentile is never too little and at most an eighth too much', (t) => {
  const gap = fc.double({ min: -1, max: 6.5, noNaN: true }).map((exponent) => 10 ** exponent)
  const finest = 1000 / 1024
  fc.assert(
    fc.property(fc.array(gap, { minLength: 1, maxLength: 300, size: 'max' }), (gaps) => {
      const sorted = gaps.toSorted((a, b) => a - b)
      const found = percentilesOf(countsOf(gaps.map((each) => [each, 1])))
      for (const [share, value] of [
        [50, found.p50Ms],
        [99, found.p99Ms],
        [99.9, found.p999Ms],
      ] as const) {
        // So many at least are not longer.
        const rank = Math.ceil((share / 100) * gaps.length * (1 - 1e-12))
        const truth = sorted[rank - 1] ?? Number.NaN
        assert.ok(value >= truth * (1 - 1e-9), `${value} of ${truth}`)
        // Below the first bin, and in the open one, only the edge or the maximum is known.
        const bound = truth < finest ? finest : truth >= 1_024_000 ? (sorted.at(-1) ?? 0) : truth * 1.126
        assert.ok(value <= bound, `${value} of ${truth}`)
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('proposals are limits that people write, not below half a second and not below what is needed', (t) => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (needMs) => {
      const proposed = roundUp(needMs)
      assert.ok(proposed >= needMs && proposed >= 500)
      assert.ok(proposed <= Math.max(500, needMs * 1.51, needMs + 3_600_000 * Number(needMs > 3_000_000)))
    }),
  )
  t.same(
    [0, 501, 6000, 6001, 50_001, 3_600_000, 3_600_001].map(roundUp),
    [500, 600, 6000, 8000, 60_000, 3_600_000, 7_200_000],
  )
  t.end()
})
