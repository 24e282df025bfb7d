import { createRequire } from 'node:module'
import nodeCron from 'node-cron'
import t from 'tap'
import {
  isWithin,
  nextStart,
  parseDrillSchedule,
  parseMaintenanceSchedule,
  refuseDrillSchedule,
  refuseMaintenanceSchedule,
} from '../../src/maintenance/schedule.js'
import { openTimeZone, refuseTimeZone } from '../../src/maintenance/time-zone.js'

const minute = 60_000
const hour = 60 * minute
const at = (text: string): Date => new Date(text)

/** The windows that start in a span, as two times in UTC. */
function windowsOf(text: string, zone: string, from: string, to: string): string[] {
  const schedule = parseMaintenanceSchedule(text)
  const found: string[] = []
  let start = nextStart(schedule, zone, new Date(at(from).getTime() - 1))
  while (start !== undefined && start < at(to)) {
    const window = isWithin(schedule, zone, start)
    found.push(`${window?.since.toISOString()} ${window?.until.toISOString()}`)
    start = nextStart(schedule, zone, start)
  }
  return found
}

t.test('a window holds from its start to its end, the end not included', (t) => {
  const schedule = parseMaintenanceSchedule('30 2 * * SUN for 90m')
  const zone = 'Europe/Berlin'
  const window = { since: at('2026-01-04T01:30:00Z'), until: at('2026-01-04T03:00:00Z') }
  t.equal(isWithin(schedule, zone, at('2026-01-04T01:29:59.999Z')), undefined)
  t.strictSame(isWithin(schedule, zone, at('2026-01-04T01:30:00Z')), window)
  t.strictSame(isWithin(schedule, zone, at('2026-01-04T02:59:59.999Z')), window)
  t.equal(isWithin(schedule, zone, at('2026-01-04T03:00:00Z')), undefined)
  t.equal(isWithin(schedule, zone, at('2026-01-05T02:00:00Z')), undefined, 'Monday')
  t.strictSame(nextStart(schedule, zone, at('2026-01-04T01:29:59.999Z')), window.since)
  t.strictSame(nextStart(schedule, zone, window.since), at('2026-01-11T01:30:00Z'))
  t.end()
})

t.test('a window goes on past midnight, the end of a month and of a year', (t) => {
  const schedule = parseMaintenanceSchedule('0 23 31 12 * for 30h')
  t.strictSame(isWithin(schedule, 'UTC', at('2027-01-02T04:59:59Z'))?.since, at('2026-12-31T23:00:00Z'))
  t.equal(isWithin(schedule, 'UTC', at('2027-01-02T05:00:00Z')), undefined)
  t.end()
})

t.test('where windows overlap, the later one extends the earlier one', (t) => {
  const schedule = parseMaintenanceSchedule('0 2,3 * * * for 90m')
  const until = (time: string): Date | undefined => isWithin(schedule, 'UTC', at(time))?.until
  t.strictSame(until('2026-01-04T02:59:00Z'), at('2026-01-04T03:30:00Z'))
  t.strictSame(until('2026-01-04T03:00:00Z'), at('2026-01-04T04:30:00Z'))
  t.equal(until('2026-01-04T04:30:00Z'), undefined)
  t.end()
})

t.test('six fields start at a second', (t) => {
  t.strictSame(windowsOf('15 30 2 4 JAN * for 1s', 'UTC', '2026-01-01T00:00Z', '2026-02-01T00:00Z'), [
    '2026-01-04T02:30:15.000Z 2026-01-04T02:30:16.000Z',
  ])
  t.end()
})

t.test('a day of the month and a day of the week must both be so', (t) => {
  t.strictSame(windowsOf('0 2 13 * FRI for 1h', 'UTC', '2026-01-01T00:00Z', '2026-12-31T00:00Z'), [
    '2026-02-13T02:00:00.000Z 2026-02-13T03:00:00.000Z',
    '2026-03-13T02:00:00.000Z 2026-03-13T03:00:00.000Z',
    '2026-11-13T02:00:00.000Z 2026-11-13T03:00:00.000Z',
  ])
  t.end()
})

t.test('a leap day that is a Monday is found, decades ahead', (t) => {
  const schedule = parseMaintenanceSchedule('0 2 29 2 MON for 1h')
  t.strictSame(nextStart(schedule, 'UTC', at('2044-03-01T00:00Z')), at('2072-02-29T02:00:00Z'))
  t.end()
})

// In spring the clocks go from 2:00 to 3:00, in autumn from 3:00 (Berlin) or 2:00 (New York) one hour back.
const changes = {
  'Europe/Berlin': {
    spring: ['2026-03-28T12:00Z', '2026-03-29T12:00Z'],
    autumn: ['2026-10-24T12:00Z', '2026-10-25T12:00Z'],
  },
  'America/New_York': {
    spring: ['2026-03-08T00:00Z', '2026-03-09T00:00Z'],
    autumn: ['2026-11-01T00:00Z', '2026-11-02T00:00Z'],
  },
} as const

t.test('a window that starts in the hour that spring skips starts when that hour is over, and lasts as long', (t) => {
  const berlin = windowsOf('30 2 * * * for 90m', 'Europe/Berlin', ...changes['Europe/Berlin'].spring)
  t.strictSame(berlin, ['2026-03-29T01:00:00.000Z 2026-03-29T02:30:00.000Z'], '3:00 to 4:30 on the clocks')
  const newYork = windowsOf('30 2 * * * for 90m', 'America/New_York', ...changes['America/New_York'].spring)
  t.strictSame(newYork, ['2026-03-08T07:00:00.000Z 2026-03-08T08:30:00.000Z'], '3:00 to 4:30 on the clocks')
  t.end()
})

t.test('several starts in the hour that spring skips are one', (t) => {
  const windows = windowsOf('*/15 2 * * * for 10m', 'Europe/Berlin', ...changes['Europe/Berlin'].spring)
  t.strictSame(windows, ['2026-03-29T01:00:00.000Z 2026-03-29T01:10:00.000Z'])
  t.end()
})

t.test('a window over the spring change lasts as long as it says, not as the clocks show', (t) => {
  const windows = windowsOf('30 1 * * * for 2h', 'Europe/Berlin', ...changes['Europe/Berlin'].spring)
  t.strictSame(windows, ['2026-03-29T00:30:00.000Z 2026-03-29T02:30:00.000Z'], '1:30 to 4:30 on the clocks')
  t.end()
})

t.test('a window that starts in the hour that autumn shows twice is one, at its first time', (t) => {
  const berlin = windowsOf('30 2 * * * for 45m', 'Europe/Berlin', ...changes['Europe/Berlin'].autumn)
  t.strictSame(berlin, ['2026-10-25T00:30:00.000Z 2026-10-25T01:15:00.000Z'], '2:30 to 2:15 on the clocks')
  const newYork = windowsOf('30 1 * * * for 45m', 'America/New_York', ...changes['America/New_York'].autumn)
  t.strictSame(newYork, ['2026-11-01T05:30:00.000Z 2026-11-01T06:15:00.000Z'], '1:30 to 1:15 on the clocks')
  const schedule = parseMaintenanceSchedule('30 2 * * * for 45m')
  t.equal(isWithin(schedule, 'Europe/Berlin', at('2026-10-25T01:30:00Z')), undefined, '2:30 for the second time')
  t.strictSame(nextStart(schedule, 'Europe/Berlin', at('2026-10-25T01:30:00Z')), at('2026-10-26T01:30:00Z'))
  t.end()
})

t.test('in the middle of the second hour, the window of the first is still known', (t) => {
  const schedule = parseMaintenanceSchedule('59 2 * * * for 30m')
  const window = isWithin(schedule, 'Europe/Berlin', at('2026-10-25T01:10:00Z'))
  t.strictSame(window, { since: at('2026-10-25T00:59:00Z'), until: at('2026-10-25T01:29:00Z') })
  t.end()
})

t.test('a zone that skips a whole day has the start of that day when it is over', (t) => {
  const windows = windowsOf('0 9 30 12 * for 1h', 'Pacific/Apia', '2011-12-29T00:00Z', '2012-01-02T00:00Z')
  t.strictSame(windows, ['2011-12-30T10:00:00.000Z 2011-12-30T11:00:00.000Z'])
  t.end()
})

/**
 * All starts in a span, found by walking through it minute by minute: a start is when the clocks show a matching reading, or have passed
 * one, for the first time. Shares no code with what is tested but node-cron.
 */
function walk(expression: string, zone: string, from: Date, to: Date): string[] {
  const cron = nodeCron.createTask(expression, () => {}, { timezone: 'UTC' })
  void cron.destroy()
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  const shown = (ms: number): number => Date.parse(`${format.format(ms).replace(' ', 'T')}Z`)
  const starts: string[] = []
  // From long enough before, so that what was shown already is known.
  let passed = shown(from.getTime() - 30 * hour)
  for (let ms = from.getTime() - 30 * hour; ms < to.getTime(); ms += minute) {
    const now = shown(ms)
    let isStart = false
    for (; passed <= now; passed += minute) isStart ||= cron.match(new Date(passed))
    if (isStart && ms >= from.getTime()) starts.push(new Date(ms).toISOString())
  }
  return starts
}

t.test('whatever the zone does to its clocks, starts are those of a walk through every minute', (t) => {
  const expressions = [
    '30 2 * * *',
    '*/20 * * * *',
    '0 1-3 * * SUN',
    '15,45 1,2 * * *',
    '59 23 * * *',
    '0 0 1,25,29 * *',
  ]
  const spans = [
    ['Europe/Berlin', ...changes['Europe/Berlin'].spring],
    ['Europe/Berlin', ...changes['Europe/Berlin'].autumn],
    ['America/New_York', ...changes['America/New_York'].spring],
    ['America/New_York', ...changes['America/New_York'].autumn],
    ['Australia/Lord_Howe', '2026-10-03T00:00Z', '2026-10-05T00:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T00:00Z', '2026-04-06T00:00Z'],
    ['America/Havana', '2026-03-07T00:00Z', '2026-03-09T00:00Z'],
    ['Pacific/Apia', '2011-12-29T00:00Z', '2012-01-01T00:00Z'],
    ['Asia/Kathmandu', '2026-01-01T00:00Z', '2026-01-02T00:00Z'],
  ] as const
  for (const [zone, from, to] of spans) {
    for (const expression of expressions) {
      const starts = windowsOf(`${expression} for 1s`, zone, from, to).map((window) => window.split(' ')[0])
      t.strictSame(starts, walk(expression, zone, at(from), at(to)), `${expression} in ${zone} from ${from}`)
    }
  }
  t.end()
})

t.test('an instant is within a window exactly when a start was not longer ago than it lasts', (t) => {
  const schedule = parseMaintenanceSchedule('*/50 1,2 * * * for 25m')
  for (const [from, to] of [changes['Europe/Berlin'].spring, changes['Europe/Berlin'].autumn]) {
    const starts = walk('*/50 1,2 * * *', 'Europe/Berlin', new Date(at(from).getTime() - hour), at(to))
    for (let ms = at(from).getTime(); ms < at(to).getTime(); ms += 5 * minute) {
      const since = starts.filter((start) => Date.parse(start) <= ms && ms < Date.parse(start) + 25 * minute).at(-1)
      const found = isWithin(schedule, 'Europe/Berlin', new Date(ms))?.since.toISOString()
      if (found !== since) t.equal(found, since, new Date(ms).toISOString())
    }
  }
  t.pass('all looked at')
  t.end()
})

t.test('the empty zone is that of the machine; an unknown one is refused', (t) => {
  const schedule = parseMaintenanceSchedule('30 2 * * * for 90m')
  const local = new Intl.DateTimeFormat().resolvedOptions().timeZone
  t.equal(openTimeZone('').name, local)
  t.strictSame(nextStart(schedule, '', at('2026-01-01T00:00Z')), nextStart(schedule, local, at('2026-01-01T00:00Z')))
  for (const name of ['Europe/Atlantis', '+02:00', '1', ' ', '../etc/passwd', 'x'.repeat(10_000)]) {
    t.match(refuseTimeZone(name), /^the name of a time zone such as Europe\/Berlin/)
    t.throws(() => nextStart(schedule, name, new Date()), { code: 'usage', message: /^cannot use the time zone/ })
  }
  for (const name of ['', 'UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'])
    t.equal(refuseTimeZone(name), undefined)
  t.end()
})

const refusals = [
  ['30 2 * * SUN', /^a cron expression and a duration, such as "30 2 \* \* SUN for 90m"$/],
  ['for 90m', /^a cron expression and a duration/],
  ['30 2 * * SUN for', /^a cron expression and a duration/],
  ['30 2 * * SUN for 90', /^a duration of more than 0 and at most 168h, not "90"$/],
  ['30 2 * * SUN for 0', /^a duration of more than 0/],
  ['30 2 * * SUN for 0s', /^a duration of more than 0/],
  ['30 2 * * SUN for 169h', /^a duration of more than 0 and at most 168h, not "169h"$/],
  ['30 2 * * SUN for -5m', /^a duration of more than 0/],
  ['2 * * SUN for 90m', /^a cron expression of 5 or 6 fields, not "2 \* \* SUN"$/],
  ['* 30 2 * * SUN * for 90m', /^a cron expression of 5 or 6 fields/],
  ['61 2 * * * for 90m', /^a minute \(0-59\), not "61"$/],
  ['0 24 * * * for 90m', /^an hour \(0-23\), not "24"$/],
  ['0 0 0 * * for 90m', /^a day of a month .* not "0"$/],
  ['0 0 1 13 * for 90m', /^a month \(1-12, JAN-DEC\), not "13"$/],
  ['0 0 * * FOO for 90m', /^a day of the week .* not "FOO"$/],
  ['60 0 0 * * * for 90m', /^a second \(0-59\), not "60"$/],
  ['0 0 31 2 * for 90m', /^a day of a month that has it .* not "31"$/],
  ['0 0 1 * MON#5 for 90m', /^a time that comes, not "0 0 1 \* MON#5", which never does$/],
  ['0-99999999999 * * * * for 1m', /^a cron expression/],
  ['* * * * * for 1m', /^windows with time between them; those of .* join to one that hardly ends$/],
  ['0 0 * * * for 24h', /^windows with time between them/],
  ['0 0 * 2-4 * for 24h', /^windows with time between them/],
  ['* * * * * * for 1s', /^windows with time between them/],
  [`${' '.repeat(100_000)}for`, /^a cron expression and a duration/],
  ['ä * * * * for 1m', /^a cron expression of 5 or 6 fields/],
] as const

for (const [text, expected] of refusals) {
  const shown = text.length > 60 ? `${text.slice(0, 5)}… (${text.length} characters)` : text
  t.test(`the maintenance schedule "${shown}" is refused with what was expected`, (t) => {
    t.match(refuseMaintenanceSchedule(text), expected)
    t.throws(() => parseMaintenanceSchedule(text), {
      name: 'HangdogError',
      code: 'usage',
      message: /^cannot read the maintenance schedule ".*": expected /,
    })
    t.end()
  })
}

t.test('what can be used is not refused; empty stands for none', (t) => {
  const usable = ['', '30 2 * * SUN for 90m', '  0 3 * * 1   FOR  48h ', '@weekly for 1.5h', '0 0 L * * for 500ms']
  for (const text of [...usable, '0 0 * 6 * for 24h']) t.equal(refuseMaintenanceSchedule(text), undefined, text)
  t.equal(parseMaintenanceSchedule('@weekly for 1.5h').duration, 1.5 * hour)
  t.equal(parseMaintenanceSchedule('@weekly for 0.2ms').duration, 1)
  t.end()
})

t.test('a drill schedule is a cron expression alone, under the same rules', (t) => {
  const schedule = parseDrillSchedule('30 2 * * *')
  t.strictSame(nextStart(schedule, 'Europe/Berlin', at('2026-03-29T00:00Z')), at('2026-03-29T01:00:00Z'))
  t.equal(refuseDrillSchedule(''), undefined)
  t.equal(refuseDrillSchedule('* * * * *'), undefined)
  t.match(refuseDrillSchedule('30 2 * * * for 1h'), /^a cron expression/)
  t.throws(() => parseDrillSchedule(''), {
    code: 'usage',
    message: /^cannot read the drill schedule "": expected a cron/,
  })
  t.end()
})

t.test('reading schedules leaves nothing behind in the library', (t) => {
  // The library has two builds; this is the one that hangdog loads.
  const { getTasks }: typeof nodeCron = createRequire(import.meta.url)('node-cron')
  const before = getTasks().size
  for (let count = 0; count < 20; count += 1) parseMaintenanceSchedule('30 2 * * SUN for 90m')
  t.equal(getTasks().size, before)
  t.end()
})
