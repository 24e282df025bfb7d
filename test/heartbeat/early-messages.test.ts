import t from 'tap'
import { EarlyMessages } from '../../src/heartbeat/early-messages.js'
import type { NotifyMessage } from '../../src/heartbeat/notify-server.js'
import { systemClock } from '../../src/system-clock.js'
import { type Instant, later, seconds } from '../../src/time.js'

function message(pid: number, text: string): NotifyMessage {
  return { process: undefined, pid, uid: 0, beatTaken: false, silent: undefined, text }
}

function setUp() {
  let now: Instant = systemClock.now()
  const refused: NotifyMessage[] = []
  const early = new EarlyMessages({ ...systemClock, now: () => now }, (message) => refused.push(message))
  const pass = (count: number): void => {
    now = later(now, seconds(count))
  }
  return { early, refused, pass }
}

t.test('a flood of one process does not crowd out what another said first', async (t) => {
  const { early, refused } = setUp()
  early.keep(message(1, 'READY=1'))
  for (let count = 0; count < 10_000; count++) early.keep(message(2, 'STATUS=x'))
  early.keep(message(3, 'READY=1'))
  for (const pid of [1, 3]) t.match(early.take(pid), [{ pid, text: 'READY=1' }])
  t.equal(refused.length, 10_000 - 16)
  t.same(early.take(1), [], 'it is told once')
})

t.test('when too many speak, those go that said the most', async (t) => {
  const { early, refused } = setUp()
  for (let pid = 1; pid <= 256; pid++) early.keep(message(pid, 'READY=1'))
  early.keep(message(7, 'STATUS=x'))
  early.keep(message(300, 'READY=1'))
  t.match(refused, [{ pid: 7 }, { pid: 7 }])
  for (const pid of [1, 256, 300]) t.equal(early.take(pid).length, 1)
})

t.test('what nobody asked for is refused in the end', async (t) => {
  const { early, refused, pass } = setUp()
  early.keep(message(1, 'READY=1'))
  pass(9)
  early.keep(message(2, 'READY=1'))
  t.same(refused, [])
  pass(2)
  t.same(early.take(1), [])
  t.match(refused, [{ pid: 1 }])
  t.equal(early.take(2).length, 1)
})
