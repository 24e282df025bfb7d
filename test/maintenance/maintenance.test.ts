import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { MaintenanceKeeper } from '../../src/maintenance/maintenance.js'
import { MaintenanceLedger } from '../../src/maintenance/maintenance-ledger.js'
import type { ScheduleText } from '../../src/maintenance/schedule-book.js'
import { eventually, temporaryDirectory } from '../control/support.js'
import { FakeClock } from '../support/fake-clock.js'
import { hour, minute, requestOf, storedServices } from './support.js'

/** A hangdog of web and db: what it was told, each with the wall time, and the schedules it is given. */
class Fixture {
  readonly root: string
  readonly clock: FakeClock
  readonly told: string[] = []
  readonly troubles: string[] = []
  readonly schedules = new Map<string, ScheduleText>()
  readonly ledger: MaintenanceLedger
  readonly keeper: MaintenanceKeeper

  constructor(t: Test, { root = temporaryDirectory(t), clock = new FakeClock(), services = ['web', 'db'] } = {}) {
    this.root = root
    this.clock = clock
    const tell = (what: string, service: string, reason: string): void => {
      this.told.push(`${clock.wallNow().toISOString().slice(5, 23)} ${service} ${what}: ${reason}`)
    }
    this.ledger = new MaintenanceLedger({ directory: { root }, clock, owns: (service) => services.includes(service) })
    this.keeper = new MaintenanceKeeper({
      clock,
      ledger: this.ledger,
      services,
      schedules: (service) => this.schedules.get(service),
      listener: {
        maintenanceStarted: (service, { reason }) => tell('started', service, reason),
        maintenanceChanged: (service, { reason }) => tell('changed', service, reason),
        maintenanceEnded: (service, { reason }, how) => tell(how, service, reason),
      },
      troubled: (problem) => this.troubles.push(problem),
    })
    t.teardown(() => this.keeper.close())
  }

  /** What was told since the last call. */
  heard(): string[] {
    return this.told.splice(0)
  }
}

/** A clock whose wall time is this. */
function clockAt(wall: string): FakeClock {
  const clock = new FakeClock()
  clock.stepWall(Date.parse(wall) - clock.wallNow().getTime())
  return clock
}

t.test('a maintenance by command is told when it starts and, to the millisecond, when it ends by itself', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  t.strictSame(fixture.heard(), [])
  const [web] = await fixture.keeper.start(requestOf({ for: 90 * minute }))
  t.match(web, { service: 'web', window: { source: 'command', everyService: false, remainingMs: 90 * minute } })
  t.strictSame(fixture.heard(), ['01-01T00:00:00.000 web started: database upgrade'])
  t.match(fixture.keeper.active('web'), { reason: 'database upgrade' })
  fixture.clock.advance(90 * minute - 1)
  t.strictSame(fixture.heard(), [])
  t.match(fixture.keeper.active('web'), { remaining: 1 })
  fixture.clock.advance(1)
  t.strictSame(fixture.heard(), ['01-01T01:30:00.000 web ended-by-itself: database upgrade'])
  t.equal(fixture.keeper.active('web'), undefined)
  await eventually(() => storedServices(fixture.root).length === 0, 'what has ended is taken out of the file')
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), [])
})

t.test('one that is stopped a moment before its end was stopped all the same', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf({ for: minute }))
  fixture.clock.advance(minute - 10)
  fixture.heard()
  t.equal((await fixture.keeper.stop('web')).stopped, true)
  t.strictSame(fixture.heard(), ['01-01T00:00:59.990 web stopped: database upgrade'])
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), [])
})

t.test('one that is stopped is told as stopped', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf())
  fixture.clock.advance(minute)
  fixture.heard()
  const stopped = await fixture.keeper.stop('web')
  t.strictSame(stopped, { stopped: true, services: [{ service: 'web', window: null, nextStart: null }] })
  t.strictSame(fixture.heard(), ['01-01T00:01:00.000 web stopped: database upgrade'])
  t.equal((await fixture.keeper.stop('web')).stopped, false)
  t.strictSame(fixture.heard(), [])
})

t.test('one of every service is told for each', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  const started = await fixture.keeper.start(requestOf({ service: undefined, reason: 'kernel' }))
  t.match(started, [
    { service: 'web', window: { everyService: true } },
    { service: 'db', window: { everyService: true } },
  ])
  t.strictSame(fixture.heard(), ['01-01T00:00:00.000 web started: kernel', '01-01T00:00:00.000 db started: kernel'])
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), [
    '01-01T01:00:00.000 web ended-by-itself: kernel',
    '01-01T01:00:00.000 db ended-by-itself: kernel',
  ])
})

t.test('a service that is held twice is let go when the last one ends', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf({ service: undefined, for: hour, reason: 'kernel' }))
  await fixture.keeper.start(requestOf({ service: 'web', for: 2 * hour, reason: 'upgrade' }))
  t.strictSame(fixture.heard().slice(2), ['01-01T00:00:00.000 web changed: upgrade'])
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), ['01-01T01:00:00.000 db ended-by-itself: kernel'])
  await fixture.keeper.start(requestOf({ service: undefined, for: 30 * minute, reason: 'again' }))
  t.strictSame(fixture.heard(), ['01-01T01:00:00.000 db started: again'])
  await fixture.keeper.stop('web')
  t.strictSame(fixture.heard(), ['01-01T01:00:00.000 web changed: again'])
  await fixture.keeper.stop(undefined)
  t.strictSame(fixture.heard(), ['01-01T01:00:00.000 web stopped: again', '01-01T01:00:00.000 db stopped: again'])
})

t.test('a further start for longer or shorter is told as a change, and moves the end', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf({ for: hour }))
  await fixture.keeper.start(requestOf({ for: 2 * hour, reason: 'longer' }))
  fixture.heard()
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), [])
  await fixture.keeper.start(requestOf({ for: minute, reason: 'shorter' }))
  t.strictSame(fixture.heard(), ['01-01T01:00:00.000 web changed: shorter'])
  fixture.clock.advance(minute)
  t.strictSame(fixture.heard(), ['01-01T01:01:00.000 web ended-by-itself: shorter'])
})

t.test('an unknown service is refused and nothing is stored', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  const refusal = { code: 'usage', message: 'cannot find service "wbe": expected one of web, db' }
  await t.rejects(fixture.keeper.start(requestOf({ service: 'wbe' })), refusal)
  await t.rejects(fixture.keeper.stop('wbe'), refusal)
  await t.rejects(fixture.keeper.start(requestOf({ for: 0 })), { code: 'usage' })
  t.notOk(existsSync(join(fixture.root, 'maintenance.json')))
  t.strictSame(fixture.heard(), [])
})

t.test('after a restart in the middle it is told again, and ends when it should', async (t) => {
  const first = new Fixture(t)
  await first.keeper.open()
  await first.keeper.start(requestOf({ for: hour }))
  await first.keeper.close()
  const { root, clock } = first
  clock.advance(20 * minute)
  t.strictSame(first.heard(), ['01-01T00:00:00.000 web started: database upgrade'], 'a closed one tells nothing more')
  const second = new Fixture(t, { root, clock })
  await second.keeper.open()
  t.strictSame(second.heard(), ['01-01T00:20:00.000 web started: database upgrade'])
  clock.advance(40 * minute)
  t.strictSame(second.heard(), ['01-01T01:00:00.000 web ended-by-itself: database upgrade'])
})

t.test('one that ended while no hangdog ran is told when one starts, once', async (t) => {
  const { root, clock, ledger } = new Fixture(t)
  await ledger.start(requestOf({ for: hour }))
  await ledger.start(requestOf({ service: undefined, for: 2 * hour, reason: 'kernel' }))
  clock.advance(3 * hour)
  const second = new Fixture(t, { root, clock })
  await second.keeper.open()
  t.strictSame(second.heard(), [
    '01-01T03:00:00.000 web ended-by-itself: database upgrade',
    '01-01T03:00:00.000 web ended-by-itself: kernel',
    '01-01T03:00:00.000 db ended-by-itself: kernel',
  ])
  const third = new Fixture(t, { root, clock })
  await third.keeper.open()
  t.strictSame(third.heard(), [])
})

t.test('what another process stored is heeded within a minute, also when nothing was going on', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  const command = new MaintenanceLedger({ directory: fixture, clock: fixture.clock })
  await command.start(requestOf({ service: 'db' }))
  fixture.clock.advance(minute)
  await eventually(() => fixture.told.length > 0, 'the file is read again')
  t.strictSame(fixture.heard(), ['01-01T00:01:00.000 db started: database upgrade'])
  await command.stop('db')
  fixture.clock.advance(minute)
  await eventually(() => fixture.told.length > 0, 'the file is read again')
  t.strictSame(fixture.heard(), ['01-01T00:02:00.000 db stopped: database upgrade'])
})

t.test('two hangdogs that share one of every service both tell that it ended by itself', async (t) => {
  const first = new Fixture(t, { services: ['web'] })
  const second = new Fixture(t, { root: first.root, clock: first.clock, services: ['db'] })
  await first.keeper.open()
  await second.keeper.open()
  const request = requestOf({ service: undefined, reason: 'kernel' })
  await first.keeper.start(request)
  await second.keeper.start(request)
  t.equal(first.keeper.active('web')?.id, second.keeper.active('db')?.id)
  first.clock.advance(hour)
  t.strictSame(first.heard().at(-1), '01-01T01:00:00.000 web ended-by-itself: kernel')
  t.strictSame(second.heard().at(-1), '01-01T01:00:00.000 db ended-by-itself: kernel')
})

t.test('a scheduled window is told at its start and at its end', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-01-03T12:00:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  // Not in step with the minutes of the clock.
  fixture.clock.advance(12_345)
  await fixture.keeper.open()
  t.match(await fixture.keeper.status(), [
    { service: 'web', window: null, nextStart: '2026-01-04T02:30:00.000Z' },
    { service: 'db', window: null, nextStart: null },
  ])
  fixture.clock.advance(15 * hour - 12_345)
  t.strictSame(fixture.heard(), ['01-04T02:30:00.000 web started: 30 2 * * SUN for 90m'])
  t.match((await fixture.keeper.status())[0], {
    window: {
      source: 'schedule',
      since: '2026-01-04T02:30:00.000Z',
      until: '2026-01-04T04:00:00.000Z',
      remainingMs: hour,
      by: 'MaintenanceSchedule',
    },
    nextStart: '2026-01-11T02:30:00.000Z',
  })
  fixture.clock.advance(24 * hour)
  t.strictSame(fixture.heard(), ['01-04T04:00:00.000 web ended-by-itself: 30 2 * * SUN for 90m'])
})

t.test('a hangdog that starts in the middle of a window knows it', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-01-04T03:00:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  t.strictSame(fixture.heard(), ['01-04T03:00:00.000 web started: 30 2 * * SUN for 90m'])
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), ['01-04T04:00:00.000 web ended-by-itself: 30 2 * * SUN for 90m'])
})

t.test('over the change to summer time, a window in the skipped hour is held when that hour is over', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-03-28T12:00:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * * for 90m', zone: 'Europe/Berlin' })
  fixture.schedules.set('db', { text: '30 2 * * * for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  fixture.clock.advance(39 * hour)
  const ofWeb = fixture.heard().filter((line) => line.includes('web'))
  t.strictSame(ofWeb, [
    '03-29T01:00:00.000 web started: 30 2 * * * for 90m',
    '03-29T02:30:00.000 web ended-by-itself: 30 2 * * * for 90m',
    '03-30T00:30:00.000 web started: 30 2 * * * for 90m',
    '03-30T02:00:00.000 web ended-by-itself: 30 2 * * * for 90m',
  ])
})

t.test('over the change to winter time, a window in the doubled hour is held once', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-10-31T12:00:00Z') })
  fixture.schedules.set('web', { text: '30 1 * * * for 45m', zone: 'America/New_York' })
  await fixture.keeper.open()
  fixture.clock.advance(24 * hour)
  t.strictSame(fixture.heard(), [
    '11-01T05:30:00.000 web started: 30 1 * * * for 45m',
    '11-01T06:15:00.000 web ended-by-itself: 30 1 * * * for 45m',
  ])
})

t.test('windows that overlap are one maintenance that is extended', async (t) => {
  const fixture = new Fixture(t)
  fixture.schedules.set('web', { text: '0 1,2 * * * for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  fixture.clock.advance(5 * hour)
  t.strictSame(fixture.heard(), [
    '01-01T01:00:00.000 web started: 0 1,2 * * * for 90m',
    '01-01T02:00:00.000 web changed: 0 1,2 * * * for 90m',
    '01-01T03:30:00.000 web ended-by-itself: 0 1,2 * * * for 90m',
  ])
})

t.test('beside a window that ends at the same time, give or take a second, nothing changes', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-01-04T03:30:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf({ for: 30 * minute + 900 }))
  fixture.clock.advance(20 * minute)
  t.strictSame(fixture.heard(), ['01-04T03:30:00.000 web started: 30 2 * * SUN for 90m'])
  fixture.clock.advance(20 * minute)
  t.match(fixture.heard(), [
    '01-04T04:00:00.000 web changed: database upgrade',
    '01-04T04:00:00.900 web ended-by-itself: database upgrade',
  ])
})

t.test('status looks at the file: what another hangdog stopped a moment ago is over', async (t) => {
  const root = temporaryDirectory(t)
  const first = new Fixture(t, { root })
  const second = new Fixture(t, { root })
  await first.keeper.open()
  await first.keeper.start(requestOf())
  await second.keeper.open()
  t.match(await second.keeper.status(), [{ service: 'web', window: { reason: 'database upgrade' } }, {}])
  await first.keeper.stop('web')
  t.match(await second.keeper.status(), [{ service: 'web', window: null }, {}])
  t.equal(second.heard().at(-1), '01-01T00:00:00.000 web stopped: database upgrade')
})

t.test('status looks at the clock, and tells what it finds', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf())
  fixture.clock.jump(hour)
  t.match(await fixture.keeper.status(), [{ service: 'web', window: null }, {}])
  t.equal(fixture.heard().at(-1), '01-01T01:00:00.000 web ended-by-itself: database upgrade')
})

t.test('a change of the property counts at once', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-01-04T03:00:00Z') })
  await fixture.keeper.open()
  fixture.schedules.set('db', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  fixture.keeper.reconsider()
  t.strictSame(fixture.heard(), ['01-04T03:00:00.000 db started: 30 2 * * SUN for 90m'])
  fixture.schedules.set('db', { text: '30 2 * * SUN for 60m', zone: 'UTC' })
  fixture.keeper.reconsider()
  t.strictSame(fixture.heard(), ['01-04T03:00:00.000 db changed: 30 2 * * SUN for 60m'])
  fixture.schedules.set('db', { text: '', zone: 'UTC' })
  fixture.keeper.reconsider()
  t.strictSame(fixture.heard(), ['01-04T03:00:00.000 db stopped: 30 2 * * SUN for 60m'])
})

t.test('a schedule or a zone that cannot be used holds nothing and is told once', async (t) => {
  const fixture = new Fixture(t)
  fixture.schedules.set('web', { text: 'now and then', zone: 'UTC' })
  fixture.schedules.set('db', { text: '* 0-22 * * * for 1m', zone: 'Europe/Atlantis' })
  await fixture.keeper.open()
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), [])
  t.match(fixture.troubles, [
    /^cannot read the maintenance schedule "now and then": expected a cron expression and a duration/,
    /^cannot use the time zone "Europe\/Atlantis"/,
  ])
  t.equal(fixture.troubles.length, 2)
})

t.test('a wall clock that is set forward into a window is noticed within a minute', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-01-04T01:00:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  fixture.clock.stepWall(100 * minute)
  fixture.clock.advance(minute)
  t.strictSame(fixture.heard(), ['01-04T02:41:00.000 web started: 30 2 * * SUN for 90m'])
  fixture.clock.stepWall(3 * hour)
  fixture.clock.advance(minute)
  t.strictSame(fixture.heard(), ['01-04T05:42:00.000 web ended-by-itself: 30 2 * * SUN for 90m'])
})

t.test('a wall clock that is set back neither makes a window longer nor repeats it', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-01-04T02:30:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  fixture.clock.advance(80 * minute)
  fixture.clock.stepWall(-60 * minute)
  fixture.heard()
  fixture.clock.advance(10 * minute - 1)
  t.strictSame(fixture.heard(), [])
  fixture.clock.advance(1)
  t.strictSame(fixture.heard(), ['01-04T03:00:00.000 web ended-by-itself: 30 2 * * SUN for 90m'])
  fixture.clock.advance(59 * minute)
  fixture.clock.stepWall(-30 * minute)
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), [])
  fixture.clock.advance(7 * 24 * hour)
  t.equal(fixture.heard().length, 2, 'the one of the next week is held')
})

t.test('a wall clock that is set back to before hangdog looked first does not make a window longer', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2026-01-04T03:00:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  fixture.clock.advance(50 * minute)
  fixture.clock.stepWall(-70 * minute)
  fixture.heard()
  fixture.clock.advance(10 * minute)
  t.strictSame(fixture.heard(), ['01-04T02:50:00.000 web ended-by-itself: 30 2 * * SUN for 90m'])
})

t.test('a wall clock that was years ahead and is put right has the windows of the right time', async (t) => {
  const fixture = new Fixture(t, { clock: clockAt('2031-01-01T12:00:00Z') })
  fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
  await fixture.keeper.open()
  fixture.clock.stepWall(Date.parse('2026-01-04T02:00:00Z') - fixture.clock.wallNow().getTime())
  fixture.clock.advance(hour)
  t.strictSame(fixture.heard(), ['01-04T02:30:00.000 web started: 30 2 * * SUN for 90m'])
})

t.test('a wall clock that is set back does not make one by command longer', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf({ for: hour }))
  fixture.clock.advance(30 * minute)
  fixture.clock.stepWall(-24 * hour)
  fixture.heard()
  fixture.clock.advance(30 * minute)
  t.strictSame(fixture.heard(), ['12-31T01:00:00.000 web ended-by-itself: database upgrade'])
  await eventually(() => storedServices(fixture.root).length === 0, 'what has ended is taken out of the file')
})

t.test(
  'time in which hangdog did not run counts: a window that passed meanwhile has ended, or never was',
  async (t) => {
    const fixture = new Fixture(t, { clock: clockAt('2026-01-04T02:00:00Z') })
    fixture.schedules.set('web', { text: '30 2 * * SUN for 90m', zone: 'UTC' })
    await fixture.keeper.open()
    await fixture.keeper.start(requestOf({ service: 'db', for: hour }))
    fixture.heard()
    fixture.clock.jump(12 * hour)
    fixture.clock.advance(0)
    t.strictSame(fixture.heard(), ['01-04T14:00:00.000 db ended-by-itself: database upgrade'])
  },
)

t.test('no wait is longer than a minute, and there is one timer', async (t) => {
  const fixture = new Fixture(t)
  fixture.schedules.set('web', { text: '0 0 29 2 * for 1h', zone: 'UTC' })
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf({ service: 'db', for: 30 * 24 * hour }))
  t.equal(fixture.clock.pending, 1)
  const before = fixture.clock.scheduledCount
  fixture.clock.advance(hour)
  t.equal(fixture.clock.scheduledCount - before, 60)
  t.equal(fixture.clock.pending, 1)
  await fixture.keeper.close()
  t.equal(fixture.clock.pending, 0)
  fixture.keeper.reconsider()
  t.equal(fixture.clock.pending, 0)
})

t.test('ten thousand services with schedules cost little to look at', async (t) => {
  const services = Array.from({ length: 10_000 }, (_, index) => `service-${index}`)
  const fixture = new Fixture(t, { services })
  for (const [index, service] of services.entries()) {
    fixture.schedules.set(service, { text: `${index % 60} 2 * * * for 90m`, zone: 'Europe/Berlin' })
  }
  await fixture.keeper.open()
  const start = performance.now()
  for (let count = 0; count < 10; count += 1) fixture.keeper.reconsider()
  const each = (performance.now() - start) / 10
  t.comment(`${each.toFixed(1)} ms a look`)
  t.ok(each < 1000)
})

t.test('a file that was lost ends what it held, and is no trouble', async (t) => {
  const fixture = new Fixture(t)
  await fixture.keeper.open()
  await fixture.keeper.start(requestOf())
  fixture.heard()
  rmSync(join(fixture.root, 'maintenance.json'))
  fixture.clock.advance(minute)
  await eventually(() => fixture.told.length > 0, 'the file is looked at')
  t.strictSame(fixture.heard(), ['01-01T00:01:00.000 web stopped: database upgrade'])
})

t.test('a damaged file does not keep it from opening', async (t) => {
  const root = temporaryDirectory(t)
  writeFileSync(join(root, 'maintenance.json'), '\u0000'.repeat(500))
  const fixture = new Fixture(t, { root })
  await fixture.keeper.open()
  t.strictSame(fixture.heard(), [])
  t.ok(existsSync(join(root, 'maintenance.json.damaged')))
})
