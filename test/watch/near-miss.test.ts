import t from 'tap'
import type { Emitted } from '../../src/event/event.js'
import { milliseconds as ms } from '../../src/time.js'
import { NearMissLedger } from '../../src/watch/near-miss-ledger.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { alive } from '../support/scripted-platform.js'
import { type Watched, watched } from '../support/watched.js'

const misses = (w: Watched): readonly Emitted[] => w.events.filter(({ name }) => name === 'near-miss')

/** A figure of one of them. */
function figure(w: Watched, at: number, name: string): number {
  const parameters: Readonly<Record<string, unknown>> = { ...misses(w)[at]?.parameters }
  return Number(parameters[name])
}

async function armed(...args: Parameters<typeof watched>): Promise<Watched> {
  const w = watched(...args)
  await w.start()
  w.service.beat()
  return w
}

/** Silent for so long, then a beat. */
async function missBy(w: Watched, span: number): Promise<void> {
  await w.clock.run(span)
  w.service.beat()
}

t.test(
  'a silence that is warned of and ends by itself is a near miss, with its share of the limit and what was seen',
  async (t) => {
    const w = await armed({ evidenceTimeout: ms(500) })
    w.platform.reading = alive('sleeping', { waitChannel: 'pipe_read' })
    w.light = async () => [{ kind: 'captured', name: 'beginning', tookMs: 1, content: 'main thread in read(3)' }]
    await missBy(w, 800)
    t.match(misses(w), [
      {
        service: 'web',
        parameters: {
          channel: 'main',
          silentMs: 800,
          percent: 80,
          limit: '1s',
          seen: 'main thread in read(3)',
          count: 1,
        },
      },
    ])
    t.match(w.service.misses.last, { channel: 'main', silentMs: 800, limitMs: 1000, percent: 80 })
    t.match(w.supervisor.status(), [{ warnings: 1, nearMisses: 1, hangs: 0 }])
  },
)

t.test('where nothing was captured, the reading of the warning says what was seen', async (t) => {
  const w = await armed()
  w.platform.reading = alive('sleeping', { waitChannel: 'pipe_read' })
  await missBy(w, 800)
  t.match(misses(w), [{ parameters: { seen: 'sleeping in pipe_read' } }])
})

t.test('a silence below the warning point is none, nor is any while warnings are off', async (t) => {
  const w = await armed()
  await missBy(w, 400)
  t.same(misses(w), [])
  const off = await armed({ warningPercent: 0 })
  await missBy(off, 900)
  t.same(misses(off), [])
})

t.test('a beat between the end of the countdown and the verdict is the nearest miss of all', async (t) => {
  const w = await armed()
  w.onDrain = () => w.service.beat()
  await w.clock.run(1100)
  t.equal(w.service.state.kind, 'armed')
  t.equal(misses(w).length, 1)
  t.ok(figure(w, 0, 'percent') >= 100)
})

t.test('a hang is no near miss, and neither is its end', async (t) => {
  const w = await armed({ action: 'log' })
  await w.clock.run(2500)
  w.service.beat()
  await settle()
  t.ok(w.names().includes('hang-over'))
  t.same(misses(w), [])
})

t.test('a service that always beats late does not flood the log', async (t) => {
  const w = await armed()
  for (let beat = 0; beat < 5900; beat++) await missBy(w, 600)
  const names = w.names()
  t.equal(misses(w).length, 1, 'the first')
  t.equal(names.filter((name) => name === 'silence-warning').length, 3)
  t.equal(names.filter((name) => name === 'silence-ended').length, 3)
  for (let beat = 0; beat < 200; beat++) await missBy(w, 600)
  t.match(misses(w)[1]?.parameters, { percent: 60 }, 'again after an hour')
  t.ok(figure(w, 1, 'count') > 5900, 'with the count')
  t.match(w.supervisor.status(), [{ nearMisses: 6100, warnings: 6100 }])
  await missBy(w, 900)
  t.match(misses(w)[2]?.parameters, { percent: 90 }, 'and a new maximum at once')
})

t.test('a maximum that creeps up is told a few times only', (t) => {
  const ledger = new NearMissLedger(new FakeClock())
  let told = 0
  for (let percent = 50; percent < 100; percent += 0.1) if (ledger.happened(percent) !== undefined) told++
  t.ok(told > 3 && told < 10, `${told}`)
  t.end()
})

t.test('the light capture of the warning is in the incident before the evidence of the hang is', async (t) => {
  const w = await armed({ evidenceTimeout: ms(500) })
  w.light = async () => [{ kind: 'captured', name: 'process', tookMs: 1, content: 'young' }]
  w.captured = async () => {
    t.match(w.incidents, [/opened/, /early after 500 ms: process/], 'while evidence is still being taken')
    return [{ kind: 'captured', name: 'process', tookMs: 1, content: 'old' }]
  }
  await w.clock.run(1600)
  t.match(w.incidents.slice(0, 3), [/opened/, /early after 500 ms: process/, /1 exhibits/])
})

t.test('a light capture that comes after its silence belongs to no other', async (t) => {
  const w = await armed({ evidenceTimeout: ms(500) })
  let arrive = (): void => {}
  w.light = () =>
    new Promise((resolve) => {
      arrive = () => resolve([{ kind: 'captured', name: 'beginning', tookMs: 1, content: 'of the first' }])
    })
  await missBy(w, 600)
  w.light = async () => []
  await w.clock.run(600)
  arrive()
  await settle()
  w.service.beat()
  t.notMatch(w.service.misses.last, { seen: 'of the first' })
})

t.test('what was captured of a silence that is over is in no later incident', async (t) => {
  const w = await armed({ evidenceTimeout: ms(500) })
  w.light = async () => [{ kind: 'captured', name: 'process', tookMs: 1, content: 'young' }]
  await missBy(w, 600)
  w.service.signOfLife({ kind: 'trigger' })
  await settle()
  t.match(w.incidents, [/opened triggered/])
  t.notMatch(w.incidents.join('\n'), /early/)
})
