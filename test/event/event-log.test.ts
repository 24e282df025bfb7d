import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { EventSink, RecordedEvent } from '../../src/event/event.js'
import { createEventLog } from '../../src/event/event-log.js'
import { openHistory } from '../../src/event/history.js'
import { systemClock } from '../../src/system-clock.js'
import { milliseconds } from '../../src/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { temporaryDirectory } from './events.js'

function memorySink(): EventSink & { readonly events: RecordedEvent[] } {
  const events: RecordedEvent[] = []
  return { events, record: (event) => events.push(event), flush: () => Promise.resolve() }
}

t.test('every sink gets every event, complete', (t) => {
  const sinks = [memorySink(), memorySink()]
  const clock = new FakeClock()
  const log = createEventLog({ sinks, clock })
  log.emit({ name: 'start-failed', service: 'web', parameters: { error: 'ENOENT' } })
  for (const { events } of sinks) {
    t.strictSame(events, [
      {
        time: clock.wallNow().toISOString(),
        id: 7000,
        name: 'start-failed',
        level: 'error',
        service: 'web',
        message: 'The service could not be started: ENOENT',
        parameters: { error: 'ENOENT' },
      },
    ])
  }
  t.end()
})

t.test('a sink that throws disturbs nobody, and is told of once a minute', (t) => {
  const broken: EventSink = {
    record: () => {
      throw new Error('broken')
    },
    flush: () => Promise.reject(new Error('broken')),
  }
  const good = memorySink()
  const clock = new FakeClock()
  const log = createEventLog({ sinks: [broken, good], clock })
  const emit = (): void => log.emit({ name: 'supervisor-stopped', parameters: { reason: 'test' } })
  for (let number = 0; number < 10; number += 1) emit()
  const failures = (): unknown[] =>
    good.events.filter(({ name }) => name === 'sink-failed').map((e) => e.parameters.count)
  t.strictSame(failures(), [1])
  clock.advance(60_000)
  emit()
  // Ten events, the report about them, and this one.
  t.strictSame(failures(), [1, 12])
  t.equal(good.events.filter(({ name }) => name === 'supervisor-stopped').length, 11)
  return t.resolves(log.close())
})

t.test('the last 200 events are kept', (t) => {
  const log = createEventLog({ sinks: [], clock: new FakeClock() })
  for (let number = 0; number < 250; number += 1)
    log.emit({ name: 'service-status', parameters: { text: `${number}` } })
  t.equal(log.recent().length, 200)
  t.equal(log.recent().at(0)?.parameters.text, '50')
  t.equal(log.recent().at(-1)?.parameters.text, '249')
  t.end()
})

t.test('a disk that does not answer holds up neither emit nor close', async (t) => {
  const directory = temporaryDirectory(t)
  // A pipe that nobody reads takes 64 KiB and then blocks whoever writes to it.
  const path = join(directory, 'web.jsonl')
  execFileSync('mkfifo', [path])
  const log = createEventLog({ sinks: [], clock: systemClock, flushTimeout: milliseconds(100) })
  log.add(openHistory({ directory, instance: 'web', clock: systemClock, report: log.emit }))
  for (let round = 0; round < 20; round += 1) {
    for (let number = 0; number < 50; number += 1) {
      log.emit({ name: 'start-failed', service: 'web', parameters: { error: 'x'.repeat(200) } })
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await log.close()
  t.pass('it was closed')
  // Lets the blocked thread go, so that this process can end.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const drain = setInterval(() => {
    try {
      while (readSync(fd, Buffer.alloc(65_536)) > 0);
    } catch {
      // Nothing to read just now.
    }
  }, 5)
  await new Promise((resolve) => setTimeout(resolve, 500))
  clearInterval(drain)
  closeSync(fd)
})
