import t from 'tap'
import { milliseconds as ms } from '../../src/time.js'
import { settle } from '../support/fake-clock.js'
import { alive } from '../support/scripted-platform.js'
import { beatFor, type Watched, watched } from '../support/watched.js'

/** Seconds from the first beat to the last, as the status has it. */
const lastBeatOf = (w: Watched, from: number): number | null => {
  const [status] = w.supervisor.status()
  const at = status?.lastBeatAt ?? null
  return at === null ? null : (Date.parse(at) - from) / 1000
}

async function beaten(...args: Parameters<typeof watched>): Promise<{ readonly w: Watched; readonly from: number }> {
  const w = watched(...args)
  t.equal(lastBeatOf(w, 0), null, 'there was none')
  await w.start()
  w.service.beat()
  const from = w.clock.wallNow().getTime()
  await beatFor(w, 10_000, 400)
  return { w, from }
}

t.test('the last beat is right while the service is held, and when it runs again', async (t) => {
  const { w, from } = await beaten()
  const last = lastBeatOf(w, from)
  t.ok(last !== null && last > 9)
  w.platform.reading = alive('stopped')
  await w.clock.run(1500)
  t.equal(w.service.state.kind, 'held')
  t.equal(lastBeatOf(w, from), last)
  await w.clock.run(20_000)
  t.equal(lastBeatOf(w, from), last, 'however long that lasts')
  w.platform.reading = alive('running')
  w.service.beat()
  await settle()
  t.equal(w.service.state.kind, 'armed')
  t.ok((lastBeatOf(w, from) ?? 0) > 31)
})

t.test('it is right while a hang is only reported, again and again', async (t) => {
  const { w, from } = await beaten({ action: 'log' })
  const last = lastBeatOf(w, from)
  await w.clock.run(3700)
  t.equal(w.service.state.kind, 'reported')
  t.equal(lastBeatOf(w, from), last)
})

t.test('neither the start of the next run nor the stop is one', async (t) => {
  const { w, from } = await beaten()
  const last = lastBeatOf(w, from)
  await w.clock.run(1500)
  t.ok(['starting', 'waiting'].includes(w.service.state.kind))
  t.equal(lastBeatOf(w, from), last)
  const { w: other, from: since } = await beaten({ stopTimeout: ms(5000) })
  const before = lastBeatOf(other, since)
  await other.clock.run(300)
  other.service.signOfLife({ kind: 'stopping' })
  await other.clock.run(500)
  t.equal(lastBeatOf(other, since), before)
})
