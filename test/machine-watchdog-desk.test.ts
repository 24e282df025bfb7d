import t from 'tap'
import type { Emitted } from '../src/event/event.js'
import { MachineWatchdogDesk } from '../src/machine-watchdog-desk.js'
import type { MachineWatchdog, WatchdogRelease } from '../src/platform/machine-watchdog.js'
import { milliseconds, seconds } from '../src/time.js'

function sitAt(feed: () => string | undefined = () => undefined, release: WatchdogRelease = { kind: 'stopped' }) {
  const events: Emitted[] = []
  const kept: string[] = []
  const watchdog: Pick<MachineWatchdog, 'nature' | 'feed' | 'lengthenForDump' | 'release'> = {
    nature: {
      device: '/dev/watchdog0',
      identity: 'scripted',
      timeout: seconds(20),
      pretimeout: seconds(4),
      governor: 'panic',
      nowayout: false,
      stopsOnCrash: true,
      wasRunning: true,
      bootStatus: 0,
    },
    feed,
    lengthenForDump: () => 'EIO',
    release: () => release,
  }
  const desk = new MachineWatchdogDesk({
    watchdog,
    emit: (event) => void events.push(event),
    keep: async (phase, timeout) => void kept.push(`${phase} ${timeout}`),
  })
  return { desk, events, kept }
}

t.test('it is fed four times within the time before anything happens', async (t) => {
  const { desk, events } = sitAt()
  t.equal(desk.interval, 4000)
  desk.reportArmed()
  t.match(events[0]?.parameters, {
    timeout: '20s',
    interval: '4s',
    notes: /the kernel is told 4s before \(panic\); weaker: .*no magic close.*; it was running: taken over/,
  })
})

t.test('a watchdog that cannot be fed is said once, until it can again', async (t) => {
  let answer: string | undefined = 'EIO'
  const { desk, events } = sitAt(() => answer)
  desk.roundCompleted()
  desk.roundCompleted()
  t.equal(events.length, 1)
  t.match(events[0], { name: 'machine-watchdog-failed', parameters: { doing: 'fed', error: 'EIO' } })
  answer = undefined
  desk.roundCompleted()
  answer = 'EIO'
  desk.roundCompleted()
  t.equal(events.length, 2)
})

t.test('how it was left is said and kept', async (t) => {
  const stopped = sitAt()
  await stopped.desk.close()
  t.same(
    stopped.events.map(({ name }) => name),
    ['machine-watchdog-stopped'],
  )
  t.same(stopped.kept, ['idle 20000'])
  const left = sitAt(() => undefined, { kind: 'left-running', timeout: milliseconds(600_000), reason: 'nowayout' })
  await left.desk.close()
  t.match(left.events[0], { name: 'machine-watchdog-left', parameters: { timeout: '10m', reason: 'nowayout' } })
  t.same(left.kept, ['left-running 600000'])
})

t.test('a crash dump that may be cut off is said', async (t) => {
  const { desk, events } = sitAt()
  desk.lengthenForDump()
  t.match(events[0], { name: 'machine-watchdog-failed', parameters: { error: 'EIO' } })
})
