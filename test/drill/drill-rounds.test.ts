import t from 'tap'
import { type DrillAppointment, DrillRounds } from '../../src/drill/drill-rounds.js'
import { FakeClock } from '../support/fake-clock.js'

const minute = 60_000
const hour = 60 * minute

/** Rounds on a clock that starts at this wall time. */
function begin(at: string, ...appointments: readonly DrillAppointment[]) {
  const clock = new FakeClock()
  clock.stepWall(Date.parse(at) - clock.wallNow().getTime())
  const held: string[] = []
  const refused: string[] = []
  const stage = { clock, held, refused, appointments }
  const rounds = new DrillRounds({
    clock,
    schedules: () => stage.appointments,
    due: (service) => held.push(`${service} ${clock.wallNow().toISOString()}`),
    refused: (service, reason) => refused.push(`${service}: ${reason}`),
  })
  rounds.reconsider()
  return Object.assign(stage, { rounds })
}

const weekly: DrillAppointment = { service: 'web', cron: '30 3 * * SUN', zone: 'UTC' }
const hourly: DrillAppointment = { service: 'db', cron: '0 * * * *', zone: 'UTC' }

t.test('a drill is due at each time that its schedule says, and not before', async (t) => {
  const { clock, held, rounds } = begin('2026-03-06T12:00:00Z', weekly)
  t.strictSame(rounds.next('web'), new Date('2026-03-08T03:30:00Z'))
  clock.advance(Date.parse('2026-03-08T03:29:59.999Z') - clock.wallNow().getTime())
  t.strictSame(held, [])
  clock.advance(1)
  t.strictSame(held, ['web 2026-03-08T03:30:00.000Z'])
  clock.advance(7 * 24 * hour)
  t.strictSame(held.slice(1), ['web 2026-03-15T03:30:00.000Z'])
})

t.test('each service has a time of its own, with one timer for all', async (t) => {
  const { clock, held } = begin('2026-03-08T03:10:00Z', weekly, hourly)
  clock.advance(hour)
  t.strictSame(held, ['web 2026-03-08T03:30:00.000Z', 'db 2026-03-08T04:00:00.000Z'])
  t.equal(clock.pending, 1)
})

t.test('the times are those of the clocks of a zone, also when these are set forward and back', async (t) => {
  const berlin = { service: 'web', cron: '30 2 * * *', zone: 'Europe/Berlin' }
  const spring = begin('2026-03-27T12:00:00Z', berlin)
  spring.clock.advance(3 * 24 * hour)
  t.strictSame(spring.held, [
    'web 2026-03-28T01:30:00.000Z',
    // 02:30 is skipped on the 29th: the clocks go from 02:00 to 03:00.
    'web 2026-03-29T01:00:00.000Z',
    'web 2026-03-30T00:30:00.000Z',
  ])
  const autumn = begin('2026-10-24T12:00:00Z', berlin)
  autumn.clock.advance(2 * 24 * hour)
  t.strictSame(autumn.held, [
    // 02:30 comes twice on the 25th.
    'web 2026-10-25T00:30:00.000Z',
    'web 2026-10-26T01:30:00.000Z',
  ])
})

t.test('a schedule that is changed takes effect at once; one that is not keeps its time', async (t) => {
  const stage = begin('2026-03-08T03:10:00Z', weekly, hourly)
  const { clock, held, rounds } = stage
  stage.appointments = [{ ...weekly, cron: '15 3 * * SUN' }, hourly]
  rounds.reconsider()
  clock.advance(50 * minute)
  t.strictSame(held, ['web 2026-03-08T03:15:00.000Z', 'db 2026-03-08T04:00:00.000Z'])
  stage.appointments = [{ ...weekly, cron: '' }]
  rounds.reconsider()
  t.equal(rounds.next('web'), undefined)
  t.equal(clock.pending, 0, 'nothing is waited for')
})

t.test('reading the schedules again at the very time of a drill neither loses nor repeats it', async (t) => {
  const { clock, held, rounds } = begin('2026-03-08T03:29:30Z', weekly)
  clock.jump(30_000)
  rounds.reconsider()
  clock.advance(0)
  rounds.reconsider()
  clock.advance(hour)
  t.strictSame(held, ['web 2026-03-08T03:30:00.000Z'])
})

t.test('times that passed while the machine slept, or that the clock was set over, are made up for once', async (t) => {
  const slept = begin('2026-03-08T03:10:00Z', hourly)
  slept.clock.jump(5 * hour)
  slept.clock.advance(0)
  t.strictSame(slept.held, ['db 2026-03-08T08:10:00.000Z'])
  slept.clock.advance(50 * minute)
  t.strictSame(slept.held.slice(1), ['db 2026-03-08T09:00:00.000Z'])
  const stepped = begin('2026-03-08T03:10:00Z', hourly)
  stepped.clock.stepWall(5 * hour)
  stepped.clock.advance(minute)
  t.equal(stepped.held.length, 1)
})

t.test('a clock that is set back makes no drill come twice', async (t) => {
  const { clock, held } = begin('2026-03-08T03:10:00Z', hourly)
  clock.advance(51 * minute)
  t.equal(held.length, 1)
  clock.stepWall(-30 * minute)
  clock.advance(40 * minute)
  t.equal(held.length, 1)
})

t.test('a schedule or a zone that cannot be used is said once, and the others are kept', async (t) => {
  const { clock, held, refused, rounds } = begin(
    '2026-03-08T03:10:00Z',
    { ...weekly, cron: 'every day' },
    { ...weekly, service: 'cache', zone: 'Mars/Olympus' },
    hourly,
  )
  rounds.reconsider()
  clock.advance(hour)
  t.strictSame(held, ['db 2026-03-08T04:00:00.000Z'])
  t.match(refused, [
    /^web: cannot read the drill schedule "every day"/,
    /^cache: cannot use the time zone "Mars\/Olympus"/,
  ])
  t.equal(refused.length, 2)
})

t.test('closed, it waits for nothing', async (t) => {
  const { clock, held, rounds } = begin('2026-03-08T03:10:00Z', hourly)
  rounds.close()
  t.equal(clock.pending, 0)
  clock.advance(2 * hour)
  t.strictSame(held, [])
})
