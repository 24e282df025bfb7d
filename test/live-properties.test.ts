import t, { type Test } from 'tap'
import type { Emitted } from '../src/event/event.js'
import { LiveProperties } from '../src/live-properties.js'
import { openFileStore } from '../src/property/file-store.js'
import type { PropertyChange, PropertyStore } from '../src/property/store.js'
import { bugCheckSettings, drillAppointments, maintenanceSchedule } from '../src/property-settings.js'
import type { PolicySettings, ServiceSettings } from '../src/service-settings.js'
import { systemClock } from '../src/system-clock.js'
import { seconds } from '../src/time.js'
import type { ServicePolicy } from '../src/watch/policy.js'
import { FakeClock } from './support/fake-clock.js'

const author = { uid: 7, pid: 4321 }
const dword = (name: string, value: number, service?: string): PropertyChange => ({
  name,
  value: { format: 'DWORD', value },
  ...(service !== undefined && { service }),
})

/** A real store, and what follows it; another object stands for the command that writes to it. */
class Setting {
  readonly events: Emitted[] = []
  readonly policies = new Map<string, ServicePolicy[]>()
  readonly command: PropertyStore
  readonly live: LiveProperties

  constructor(t: Test, options: Partial<ConstructorParameters<typeof LiveProperties>[0]> = {}) {
    const directory = t.testdir()
    const identity = { self: () => ({ pid: process.pid, startTime: '', bootId: '' }), isAlive: () => true }
    const open = () => openFileStore({ directory, clock: systemClock, identity })
    this.command = open()
    this.live = new LiveProperties({
      store: open(),
      emit: (event) => void this.events.push(event),
      clock: systemClock,
      profile: 'current',
      actionWithoutStore: undefined,
      ...options,
    })
    t.teardown(() => this.live.close())
  }

  /** @returns the policy that it begins with */
  follow(name: string, policy: PolicySettings = {}, source?: string): ServicePolicy {
    const settings = { name, policy, ...(source !== undefined && { source }) } as ServiceSettings
    const taken: ServicePolicy[] = []
    this.policies.set(name, taken)
    this.live.follow(settings, (changed) => taken.push(changed))
    return this.live.policyFor(settings)
  }

  taken(name: string): readonly ServicePolicy[] {
    return this.policies.get(name) ?? []
  }

  set(...changes: readonly PropertyChange[]) {
    return this.command.change(changes, author)
  }
}

t.test('a change takes effect with those that it concerns, and says who made it', async (t) => {
  const s = new Setting(t)
  await s.live.open()
  s.follow('web')
  s.follow('db', { heartbeatTimeout: seconds(20) })
  await s.set(dword('ClusSvcHeartbeatTimeout', 30), dword('HangRecoveryAction', 1, 'web'))
  await s.live.apply()
  t.match(s.taken('web'), [{ heartbeatTimeout: 30_000, action: 'log' }])
  t.same(s.taken('db'), [], 'its own limit stands above')
  t.match(s.events, [
    {
      name: 'property-changed',
      parameters: {
        property: 'ClusSvcHeartbeatTimeout',
        scope: 'common',
        from: 'its default',
        to: '30',
        by: 'user 7, pid 4321',
      },
    },
    { name: 'property-changed', service: 'web', parameters: { scope: 'private', to: '1' } },
  ])
  await s.live.apply()
  t.equal(s.events.length, 2, 'each change is told once')
  t.equal(s.taken('web').length, 1)
})

t.test('a change that nobody announces is noticed as well', { timeout: 60_000 }, async (t) => {
  const s = new Setting(t)
  await s.live.open()
  s.follow('web')
  const changed = new Promise<void>((resolve) => s.live.onChange(resolve))
  // The watching keeps no process alive.
  const awake = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(awake))
  await s.set(dword('HangWarningPercent', 80))
  await changed
  t.match(s.taken('web'), [{ warningPercent: 80 }])
})

t.test('command line before private, private before common, common before default', async (t) => {
  const s = new Setting(t)
  await s.set(dword('ClusSvcHeartbeatTimeout', 30), dword('ClusSvcHeartbeatTimeout', 40, 'b'))
  await s.set(dword('ClusSvcHeartbeatTimeout', 40, 'c'), dword('HeartbeatTimeoutMilliseconds', 500, 'd'))
  await s.live.open()
  t.equal(s.follow('a').heartbeatTimeout, 30_000)
  t.equal(s.follow('b').heartbeatTimeout, 40_000)
  t.equal(s.follow('c', { heartbeatTimeout: seconds(9) }).heartbeatTimeout, 9000)
  t.equal(s.follow('d').heartbeatTimeout, 500, 'the one in milliseconds wins')
  t.equal(s.follow('e').startTimeout, 180_000)
  const origin = (service: string, name: string) => s.live.effective(service).find((each) => each.name === name)
  t.match(origin('a', 'ClusSvcHeartbeatTimeout'), { value: '30', origin: 'common', by: 'common property' })
  t.match(origin('b', 'ClusSvcHeartbeatTimeout'), { value: '40', origin: 'private' })
  t.match(origin('c', 'ClusSvcHeartbeatTimeout'), { value: '9', origin: 'flag', by: 'command line' })
  t.match(origin('d', 'HeartbeatTimeoutMilliseconds'), { value: '500', origin: 'private' })
  t.match(origin('e', 'ServiceStartTimeout'), { value: '180000', origin: 'default' })
})

t.test('HangRecoveryAction is what the command says until it is set, whatever else is', async (t) => {
  const s = new Setting(t, { actionWithoutStore: 'terminate' })
  await s.live.open()
  t.equal(s.follow('web').action, 'terminate')
  t.match(
    s.live.explanationOf('web').find(({ name }) => name === 'HangRecoveryAction'),
    { value: '2', origin: 'default' },
  )
  await s.set(dword('HangWarningPercent', 10))
  await s.live.apply()
  t.match(s.taken('web'), [{ action: 'terminate', warningPercent: 10 }])
  await s.set(dword('HangRecoveryAction', 3))
  await s.live.apply()
  t.match(s.taken('web').at(-1), { action: 'bugcheck' })
})

t.test('the profile of Windows 2003 has its own defaults', async (t) => {
  const s = new Setting(t, { profile: 'windows2003' })
  await s.live.open()
  t.equal(s.follow('web').action, 'terminate')
})

t.test('what a file says stands above what is stored, and that is told', async (t) => {
  const s = new Setting(t)
  await s.live.open()
  s.follow('web', { action: 'log' }, 'the file "h.yaml"')
  await s.set(dword('HangRecoveryAction', 2, 'web'))
  t.match((await s.live.apply()).overridden, [{ service: 'web', name: 'HangRecoveryAction', by: 'the file "h.yaml"' }])
  t.same(s.taken('web'), [])
})

t.test('a store that cannot be read leaves the last policy in force, and is an event once', async (t) => {
  const s = new Setting(t)
  const failing: PropertyStore = {
    description: 'failing',
    read: () => (broken ? Promise.reject(new Error('no such luck')) : s.command.read()),
    change: () => Promise.reject(new Error('not here')),
    watch: () => () => {},
  }
  let broken = false
  const clock = new FakeClock()
  const live = new LiveProperties({
    store: failing,
    clock,
    emit: (event) => void s.events.push(event),
    profile: 'current',
    actionWithoutStore: undefined,
  })
  await s.set(dword('HangWarningPercent', 10))
  await live.open()
  broken = true
  await s.set(dword('HangWarningPercent', 20))
  t.match(await live.apply(), { problem: 'no such luck' })
  await live.apply()
  t.match(s.events, [{ name: 'properties-unreadable', parameters: { reason: 'no such luck' } }])
  t.equal(s.events.length, 1)
  t.equal(live.valueOf('HangWarningPercent').value, 10)
  broken = false
  await clock.run(5000)
  await live.apply()
  t.equal(live.valueOf('HangWarningPercent').value, 20, 'it is tried again')
  t.equal(s.events.filter(({ name }) => name === 'property-changed').length, 1)
  live.close()
})

t.test('consent, schedules and their time zone follow the store', async (t) => {
  const s = new Setting(t)
  await s.live.open()
  t.match(bugCheckSettings(s.live), { consent: false, limit: 2, minimumUptime: 600_000, period: 86_400_000 })
  t.equal(maintenanceSchedule(s.live, 'web'), undefined)
  const text = (name: string, value: string, service?: string): PropertyChange => ({
    name,
    value: { format: 'SZ', value },
    ...(service !== undefined && { service }),
  })
  await s.set(
    dword('BugCheckConsent', 1),
    text('MaintenanceSchedule', '0 3 * * * for 1h', 'web'),
    text('DrillSchedule', '0 4 * * 0'),
    text('ScheduleTimeZone', 'Europe/Berlin'),
  )
  await s.live.apply()
  t.equal(bugCheckSettings(s.live).consent, true)
  t.same(maintenanceSchedule(s.live, 'web'), { text: '0 3 * * * for 1h', zone: 'Europe/Berlin' })
  t.equal(maintenanceSchedule(s.live, 'db'), undefined)
  t.same(drillAppointments(s.live, ['db']), [{ service: 'db', cron: '0 4 * * 0', zone: 'Europe/Berlin' }])
})

t.test('an unknown service is refused by name', async (t) => {
  const s = new Setting(t)
  await s.live.open()
  s.follow('web')
  t.throws(() => s.live.effective('wev'), { code: 'usage', message: 'cannot find service "wev": expected one of web' })
})

t.test('damage that is found before events can be written is told afterwards', async (t) => {
  const s = new Setting(t)
  s.live.damageFound('torn')
  t.same(s.events, [])
  s.live.logReady()
  t.match(s.events, [{ name: 'properties-damaged', parameters: { found: 'torn' } }])
})

t.test('a limit in milliseconds hides the one in seconds, and that is told', async (t) => {
  const s = new Setting(t)
  await s.live.open()
  s.follow('short', { heartbeatTimeout: seconds(2) })
  s.follow('stored')
  await s.set(dword('HeartbeatTimeoutMilliseconds', 500, 'stored'), dword('ClusSvcHeartbeatTimeout', 30))
  const { overridden } = await s.live.apply()
  t.match(
    overridden.filter(({ name }) => name === 'ClusSvcHeartbeatTimeout'),
    [
      { service: 'short', by: 'command line' },
      { service: 'stored', by: 'its private HeartbeatTimeoutMilliseconds' },
    ],
  )
})

t.test('a change between the first reading and the watching is not lost', { timeout: 60_000 }, async (t) => {
  const s = new Setting(t)
  let changed: () => void = () => {}
  const slow: PropertyStore = {
    description: 'slow',
    read: async () => {
      const snapshot = await s.command.read()
      // Somebody writes right after the reading.
      if (snapshot.generation === 0) await s.set(dword('HangWarningPercent', 33))
      changed()
      return snapshot
    },
    change: () => Promise.reject(new Error('not here')),
    watch: (listener) => {
      changed = listener
      return () => {}
    },
  }
  const live = new LiveProperties({
    store: slow,
    clock: systemClock,
    emit: () => {},
    profile: 'current',
    actionWithoutStore: undefined,
  })
  await live.open()
  changed = () => {}
  await live.apply()
  t.equal(live.valueOf('HangWarningPercent').value, 33)
  live.close()
})

t.test('a stored value that its property does not take is an event, at the start and later', async (t) => {
  const s = new Setting(t)
  await s.set(dword('HangRecoveryAction', 9))
  await s.live.open()
  s.live.logReady()
  t.match(s.events, [
    { name: 'properties-ignored', parameters: { property: 'HangRecoveryAction', reason: /0 to 3 .*, not 9/ } },
  ])
  t.equal(s.follow('web').action, 'bugcheck', 'it counts as not set')
  await s.set(dword('HangWarningPercent', 200, 'web'))
  await s.live.apply()
  t.match(s.events.at(-1), { name: 'properties-ignored', service: 'web' })
})
