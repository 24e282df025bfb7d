import t from 'tap'
import type { Emitted } from '../src/event/event.js'
import { ServiceManagerDesk } from '../src/service-manager-desk.js'
import { seconds } from '../src/time.js'
import { watched } from './support/watched.js'

function sitAt(limit = seconds(4)) {
  const w = watched()
  const sent: string[] = []
  const events: Emitted[] = []
  const answers: (string | undefined)[] = []
  const desk = new ServiceManagerDesk({
    send: (lines) => {
      sent.push(lines.join(' '))
      return answers.shift()
    },
    supervisor: w.supervisor,
    emit: (event) => void events.push(event),
    limit,
  })
  return { w, sent, events, answers, desk }
}

t.test('a round is a beat; the status goes along when it has changed', async (t) => {
  const { w, sent, desk } = sitAt()
  t.equal(desk.interval, 2000)
  desk.roundCompleted()
  desk.roundCompleted()
  await w.start()
  desk.servicesStarted()
  w.service.beat()
  desk.roundCompleted()
  t.same(sent, [
    'WATCHDOG=1 STATUS=1 service: 1 stopped',
    'WATCHDOG=1',
    'READY=1 STATUS=1 service: 1 starting',
    'WATCHDOG=1 STATUS=1 service: 1 armed',
  ])
})

t.test('from the stop on it is neither ready nor told of services, and still beats', async (t) => {
  const { sent, desk } = sitAt()
  desk.stopping()
  desk.servicesStarted()
  desk.roundCompleted()
  t.same(sent, ['STOPPING=1 STATUS=ending all services', 'WATCHDOG=1'])
})

t.test('without a limit there is no beat, and nothing is sent while nothing changes', async (t) => {
  const { w, sent, events } = sitAt()
  const send = (lines: readonly string[]): undefined => void sent.push(lines.join(' '))
  const emit = (event: Emitted): void => void events.push(event)
  const desk = new ServiceManagerDesk({ send, supervisor: w.supervisor, emit, limit: undefined })
  t.equal(desk.interval, 10_000)
  desk.roundCompleted()
  desk.roundCompleted()
  t.same(sent, ['STATUS=1 service: 1 stopped'])
})

t.test('a manager that does not hear is reported once, and told the status again when it does', async (t) => {
  const { sent, events, answers, desk } = sitAt()
  answers.push('EAGAIN', 'EAGAIN', undefined)
  for (let round = 0; round < 4; round++) desk.roundCompleted()
  t.equal(events.length, 1)
  t.match(events[0], { name: 'service-manager-unreached', parameters: { error: 'EAGAIN' } })
  const status = 'WATCHDOG=1 STATUS=1 service: 1 stopped'
  t.same(sent, [status, status, status, 'WATCHDOG=1'])
})
