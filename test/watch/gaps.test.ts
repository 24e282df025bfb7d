import t from 'tap'
import { milliseconds as ms } from '../../src/time.js'
import type { BeatGapsRecord } from '../../src/watch/gap-book.js'
import { alive } from '../support/scripted-platform.js'
import { beatFor, testPolicy, type Watched, watched } from '../support/watched.js'

function recordOf(w: Watched, channel = 'main'): BeatGapsRecord {
  const found = w.supervisor.gaps().find((record) => record.channel === channel)
  if (found === undefined) throw new Error(`no record of ${channel}`)
  return found
}

/** Number, sum and maximum of the gaps; then of the silences that no beat ended. */
function figures(w: Watched, channel = 'main'): readonly number[] {
  const { total, sumMs, maxMs, hangs } = recordOf(w, channel)
  return [total, sumMs, maxMs, hangs.total, hangs.maxMs]
}

async function started(...args: Parameters<typeof watched>): Promise<Watched> {
  const w = watched(...args)
  await w.start()
  return w
}

t.test('a gap is counted from beat to beat; the time before the first beat is none', async (t) => {
  const w = await started()
  t.match(recordOf(w), { service: 'web', channel: 'main', total: 0, bins: [], since: '2026-01-01T00:00:00.000Z' })
  await w.clock.run(2000)
  w.service.beat()
  t.same(figures(w), [0, 0, 0, 0, 0])
  await w.clock.run(300)
  w.service.beat()
  t.same(figures(w), [1, 300, 300, 0, 0])
  w.service.beat()
  t.same(figures(w), [2, 300, 300, 0, 0])
  t.match(recordOf(w), {
    limitMs: 1000,
    ownLimit: false,
    bins: [
      [0, 1],
      [281.25, 1],
    ],
  })
})

t.test('a gap that was warned of is counted whole', async (t) => {
  const w = await started()
  w.service.beat()
  await w.clock.run(900)
  w.service.beat()
  t.ok(w.names().includes('silence-warning'))
  t.same(figures(w), [1, 900, 900, 0, 0])
})

t.test('gaps of beats that are not delivered are counted while a countdown runs from a beat', async (t) => {
  const w = await started()
  w.service.gapsSeen('main', ms(100), 3)
  w.service.gapsSeen('worker', ms(100), 3)
  t.same(figures(w), [0, 0, 0, 0, 0], 'not before the first')
  w.service.beat()
  w.service.gapsSeen('main', ms(100), 3)
  t.same(figures(w), [3, 300, 100, 0, 0])
  w.service.gapsSeen('main', ms(400), 1)
  t.same(figures(w), [4, 700, 400, 0, 0])
  t.same(w.service.channels.pace(), { seen: 400, unknown: false })
  await w.clock.run(300)
  w.service.beat()
  t.same(figures(w), [5, 1000, 400, 0, 0], 'one that is delivered counts as ever')
})

t.test('beats that a source counts itself are in the status', async (t) => {
  const w = watched()
  w.service.accompany({
    environment: () => ({}),
    serviceStarted() {},
    serviceEnded() {},
    counters: () => ({}),
    beatsBeside: (channel) => (channel === 'main' ? 40 : 42),
  })
  await w.start()
  w.service.beat()
  t.match(w.supervisor.status(), [{ beats: 43, channels: [{ channel: 'main', beats: 41 }] }])
})

t.test('READY is no beat, and a beat without progress ends no gap', async (t) => {
  const w = await started()
  w.service.signOfLife({ kind: 'ready' })
  await w.clock.run(200)
  w.service.beatChannel('main', 7)
  t.same(figures(w), [0, 0, 0, 0, 0])
  await w.clock.run(200)
  w.service.beatChannel('main', 7)
  await w.clock.run(200)
  w.service.beatChannel('main', 8)
  t.same(figures(w), [1, 400, 400, 0, 0])
})

t.test('what a service asked for with EXTEND_TIMEOUT is not missed', async (t) => {
  const w = await started()
  w.service.beat()
  w.service.signOfLife({ kind: 'extend', span: ms(3000) })
  await w.clock.run(2900)
  w.service.beat()
  t.same(figures(w), [1, 900, 900, 0, 0], 'beyond the 2 s by which the end was moved')
})

t.test('a new limit begins a silence anew, which is then no whole gap', async (t) => {
  const w = await started()
  w.service.beat()
  await w.clock.run(500)
  w.service.changePolicy({ ...w.service.policy, heartbeatTimeout: ms(5000) })
  await w.clock.run(500)
  w.service.beat()
  t.same(figures(w), [0, 0, 0, 0, 0])
  await w.clock.run(500)
  w.service.beat()
  t.same(figures(w), [1, 500, 500, 0, 0])
  t.equal(recordOf(w).limitMs, 5000)
})

t.test('time in which hangdog did not run counts for no gap', async (t) => {
  const w = await started({ heartbeatTimeout: ms(60_000) })
  await beatFor(w, 3000, 500)
  await w.clock.run(250)
  w.clock.jump(10_000)
  await w.clock.run(250)
  w.service.beat()
  const { total, maxMs } = recordOf(w)
  t.equal(total, 6)
  t.ok(maxMs <= 500 + 2000, 'but two ticks of the engine')
})

t.test('a gap in which the countdown was restarted for a stall is not counted', async (t) => {
  const w = await started()
  await beatFor(w, 1000, 500)
  await w.clock.run(250)
  w.clock.jump(10_000)
  await w.clock.run(250)
  t.equal(w.service.state.kind, 'held')
  w.service.beat()
  t.same(figures(w), [1, 500, 500, 0, 0])
  await w.clock.run(300)
  w.service.beat()
  t.same(figures(w), [2, 800, 500, 0, 0])
})

t.test('a beat that waited while the countdown ended ends a gap as long as the limit', async (t) => {
  const w = await started()
  w.service.beat()
  w.onDrain = () => w.service.beat()
  await w.clock.run(1000)
  t.same(figures(w), [1, 1000, 1000, 0, 0])
})

t.test('a beat that calls a recovery off ends a gap, and the next begins there', async (t) => {
  const w = await started({ evidenceTimeout: ms(1000) })
  w.captured = () => new Promise(() => {})
  w.service.beat()
  await w.clock.run(1400)
  t.equal(w.service.state.kind, 'recovering')
  w.service.beat()
  w.service.beat()
  t.same(figures(w), [1, 1400, 1400, 0, 0])
  await w.clock.run(700)
  t.equal(w.service.state.kind, 'armed')
  w.service.beat()
  await w.clock.run(100)
  w.service.beat()
  t.same(figures(w), [2, 1500, 1400, 0, 0])
})

t.test('a silence that ends with the service is a hang, not a gap', async (t) => {
  const w = await started()
  await beatFor(w, 1000, 500)
  await w.clock.run(1500)
  t.same(w.platform.calls.slice(0, 2), ['spawn', 'SIGTERM'])
  t.same(figures(w), [1, 500, 500, 1, 1000])
  await w.clock.run(1000)
  w.service.beat()
  await w.clock.run(200)
  w.service.beat()
  t.same(figures(w), [2, 700, 500, 1, 1000], 'the next run is counted with it')
})

t.test('a silence that is only reported and then ends by itself is a gap of its whole length', async (t) => {
  const w = await started({ action: 'log' })
  w.service.beat()
  await w.clock.run(3700)
  t.equal(w.service.state.kind, 'reported')
  w.service.beat()
  t.same(figures(w), [1, 3700, 3700, 0, 0])
})

t.test('a reported service that ends without another beat hung for as long as was counted', async (t) => {
  const w = await started({ action: 'log' })
  w.service.beat()
  await w.clock.run(2700)
  w.platform.current.exit()
  await w.clock.run(10)
  t.same(figures(w), [0, 0, 0, 1, 2700])
})

t.test('an exit that was noticed with the silence is no hang', async (t) => {
  const w = await started()
  w.service.beat()
  w.onDrain = () => w.platform.current.exit({ kind: 'code', code: 1 })
  await w.clock.run(1100)
  t.same(figures(w), [0, 0, 0, 0, 0])
  await w.clock.run(1000)
  w.service.beat()
  t.equal(w.service.state.kind, 'armed')
  t.same(figures(w), [0, 0, 0, 0, 0], 'and the first beat of the next run ends no gap')
})

t.test('a silence that was held is neither', async (t) => {
  const w = await started()
  w.service.beat()
  w.platform.reading = alive('stopped')
  await w.clock.run(5000)
  t.equal(w.service.state.kind, 'held')
  w.platform.reading = alive('sleeping')
  await w.clock.run(500)
  w.service.beat()
  t.same(figures(w), [0, 0, 0, 0, 0])
  await w.clock.run(400)
  w.service.beat()
  t.same(figures(w), [1, 400, 400, 0, 0])
})

t.test('neither is one that ends with a beat while it is held, or that is held too long', async (t) => {
  const w = await started({ holds: { ...testPolicy.holds, stopped: ms(3000) } })
  w.service.beat()
  w.platform.reading = alive('stopped')
  await w.clock.run(2000)
  t.equal(w.service.state.kind, 'held')
  w.service.beat()
  t.equal(w.service.state.kind, 'armed')
  t.same(figures(w), [0, 0, 0, 0, 0])
  await w.clock.run(6000)
  t.equal(w.service.hangs.count, 1)
  t.same(figures(w), [0, 0, 0, 0, 0])
})

t.test('a service that hangs in its start, or says that it hangs, has left no gap', async (t) => {
  const w = await started()
  await w.clock.run(3500)
  t.ok(w.platform.calls.includes('SIGTERM'))
  w.service.beat()
  w.service.signOfLife({ kind: 'trigger' })
  await w.clock.run(500)
  t.same(figures(w), [0, 0, 0, 0, 0])
})

t.test('each channel has its own gaps, which outlive it and the run', async (t) => {
  const w = await started()
  w.service.beat()
  w.service.signOfLife({ kind: 'channel-opened', channel: 'worker', limit: ms(800) })
  for (const wait of [100, 200, 400]) {
    await w.clock.run(wait)
    w.service.beatChannel('worker')
  }
  t.same(figures(w, 'worker'), [2, 600, 400, 0, 0])
  t.match(recordOf(w, 'worker'), { limitMs: 800, ownLimit: true })
  w.service.beat()
  t.same(figures(w), [1, 700, 700, 0, 0])
  w.service.signOfLife({ kind: 'channel-closed', channel: 'worker' })
  t.match(recordOf(w, 'worker'), { total: 2, limitMs: 800, ownLimit: true }, 'what limit it had is remembered')
  w.platform.current.exit({ kind: 'code', code: 1 })
  await w.clock.run(1000)
  w.service.beat()
  for (let beat = 0; beat < 3; beat++) {
    w.service.beatChannel('worker')
    await w.clock.run(100)
  }
  t.same(figures(w, 'worker'), [4, 800, 400, 0, 0])
  t.match(recordOf(w, 'worker'), { limitMs: 1000, ownLimit: false }, 'it does not set one any more')
})

t.test('an idle channel leaves no gap', async (t) => {
  const w = await started()
  w.service.beatChannel('worker')
  await w.clock.run(100)
  w.service.signOfLife({ kind: 'channel-idle', channel: 'worker' })
  await w.clock.run(5000)
  w.service.beatChannel('worker')
  await w.clock.run(50)
  w.service.beatChannel('worker')
  t.same(figures(w, 'worker'), [2, 150, 100, 0, 0])
})

t.test('all child processes share one record, and channels without end share another', async (t) => {
  const w = await started()
  for (let child = 0; child < 400; child++) {
    for (const channel of [`pid-${child}`, `request-${child}`]) {
      w.service.beatChannel(channel)
      w.service.beatChannel(channel)
      w.service.signOfLife({ kind: 'channel-closed', channel })
    }
  }
  const records = w.supervisor.gaps()
  t.equal(recordOf(w, 'pid-*').total, 400)
  t.equal(records.length, 257)
  t.equal(recordOf(w, '*').total, 400 - 255)
})

t.test('counting goes on from the records of an earlier hangdog', async (t) => {
  const first = await started()
  first.service.beatChannel('worker')
  first.service.signOfLife({ kind: 'channel-opened', channel: 'worker', limit: ms(700) })
  await beatFor(first, 500, 100)
  await first.clock.run(1500)
  const kept = first.supervisor.gaps()
  t.same(
    kept.map(({ channel, total, hangs }) => [channel, total, hangs.total]),
    [
      ['main', 4, 0],
      ['worker', 0, 1],
    ],
  )

  const second = watched()
  second.clock.jump(3_600_000)
  second.supervisor.restoreGaps([...kept, { ...recordOf(first), service: 'other' }])
  t.strictSame(second.supervisor.gaps(), kept)
  await second.start()
  await beatFor(second, 300, 100)
  t.same(figures(second), [6, 600, 100, 0, 0])
  t.equal(recordOf(second).since, '2026-01-01T00:00:00.000Z')
})
