import t from 'tap'
import type { DrillOrder, DrillOutcome } from '../../src/drill/drill-report.js'
import { DueDrills } from '../../src/drill/due-drills.js'
import { HangdogError } from '../../src/errors.js'
import type { Emitted } from '../../src/event/event.js'
import { settle } from '../support/fake-clock.js'

/** A desk whose drills end when they are told to. */
class FakeDesk {
  readonly held: string[] = []
  readonly ends: (() => void)[] = []
  refusal: HangdogError | undefined

  drill({ service }: DrillOrder): Promise<DrillOutcome> {
    this.held.push(service)
    if (this.refusal !== undefined) return Promise.reject(this.refusal)
    const canary = `${service}.drill`
    const facts = { service, canary, how: 'blocked', limitMs: 1000, incident: null } as const
    return new Promise((resolve) => {
      this.ends.push(() => resolve({ ...facts, kind: 'passed', detectionMs: 1, overshootMs: 2, reportedMs: 2 }))
    })
  }
}

function begin(): { desk: FakeDesk; drills: DueDrills; events: Emitted[] } {
  const desk = new FakeDesk()
  const events: Emitted[] = []
  return { desk, events, drills: new DueDrills(desk, (event) => void events.push(event)) }
}

t.test('drills that are due at once are held one after the other', async (t) => {
  const { desk, drills, events } = begin()
  for (const service of ['web', 'db', 'cache']) drills.due(service)
  await settle()
  t.strictSame(desk.held, ['web'])
  desk.ends[0]?.()
  await settle()
  t.strictSame(desk.held, ['web', 'db'])
  desk.ends[1]?.()
  await settle()
  t.strictSame(desk.held, ['web', 'db', 'cache'])
  t.strictSame(events, [])
})

t.test('one that is due while the one before it goes on, or waits, is left out and said', async (t) => {
  const { desk, drills, events } = begin()
  drills.due('web')
  drills.due('web')
  await settle()
  drills.due('web')
  t.match(events, [
    { name: 'drill-skipped', service: 'web', parameters: { reason: 'the one before it is not over yet' } },
    { name: 'drill-skipped', service: 'web' },
  ])
  desk.ends[0]?.()
  await settle()
  drills.due('web')
  await settle()
  t.strictSame(desk.held, ['web', 'web'])
})

t.test('a drill that is refused is an event, and the next one is held', async (t) => {
  const { desk, drills, events } = begin()
  desk.refusal = new HangdogError('unavailable', 'cannot drill service "web": it is in maintenance')
  drills.due('web')
  await settle()
  t.match(events, [{ name: 'drill-skipped', service: 'web', parameters: { reason: /in maintenance/ } }])
  desk.refusal = undefined
  drills.due('web')
  await settle()
  t.equal(desk.held.length, 2)
})

t.test('after the close no other begins, and nothing is said of those that waited', async (t) => {
  const { desk, drills, events } = begin()
  drills.due('web')
  drills.due('db')
  await settle()
  drills.close()
  desk.ends[0]?.()
  await settle()
  t.strictSame(desk.held, ['web'])
  t.strictSame(events, [])
})
