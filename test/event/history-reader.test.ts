import { appendFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RecordedEvent } from '../../src/event/event.js'
import { openHistory } from '../../src/event/history.js'
import { followEvents } from '../../src/event/history-follower.js'
import { encodeLine } from '../../src/event/history-line.js'
import { type EventFilter, parseEventId, parseSince, readEvents } from '../../src/event/history-reader.js'
import { systemClock } from '../../src/system-clock.js'
import { milliseconds, seconds } from '../../src/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { critical, eventually, information, readTexts, temporaryDirectory, textOf } from './events.js'

const start = Date.parse('2025-01-31T12:00:00.000Z')

function at(offsetMs: number): Date {
  return new Date(start + offsetMs)
}

function write(directory: string, name: string, events: readonly RecordedEvent[]): void {
  writeFileSync(join(directory, name), events.map(encodeLine).join(''))
}

t.test('a missing directory has no events', async (t) => {
  t.strictSame(await readTexts(join(temporaryDirectory(t), 'none')), [])
})

t.test('rotated files come first, instances are merged by time, and other files are left alone', async (t) => {
  const directory = temporaryDirectory(t)
  write(directory, 'a.jsonl', [information('5', at(5)), information('7', at(7))])
  write(directory, 'a~20250131T120000.002Z.jsonl', [information('3', at(3))])
  write(directory, 'a~20250131T120000.001Z.jsonl', [information('1', at(1)), information('2', at(2))])
  write(directory, 'a.b.jsonl', [information('4', at(4)), information('6', at(6))])
  writeFileSync(join(directory, 'notes.txt'), 'x')
  t.strictSame(await readTexts(directory), ['1', '2', '3', '4', '5', '6', '7'])
})

t.test('events are chosen by number, service, level and time', async (t) => {
  const directory = temporaryDirectory(t)
  write(directory, 'a.jsonl', [
    information('one', at(0), 'web'),
    critical('two', at(1000), 'web'),
    information('three', at(2000), 'db'),
  ])
  const cases: [EventFilter, string[]][] = [
    [{}, ['one', 'two', 'three']],
    [{ id: 15826 }, ['two']],
    [{ service: 'db' }, ['three']],
    [{ level: 'warning' }, ['two']],
    [{ since: at(1000) }, ['two', 'three']],
    [{ since: at(1001), service: 'web' }, []],
  ]
  for (const [filter, wanted] of cases) t.strictSame(await readTexts(directory, filter), wanted, JSON.stringify(filter))
})

t.test(
  'damaged lines are skipped and counted: changed bytes, foreign text, zeros, a huge line, other JSON',
  async (t) => {
    const directory = temporaryDirectory(t)
    const good = encodeLine(information('good'))
    const changed = encodeLine(information('4870')).replace('4870', '4871')
    const lines = [
      good,
      changed,
      'hello\n',
      `${'\0'.repeat(700)}\n`,
      '{}\n',
      `${'x'.repeat(300_000)}\n`,
      good,
      good.slice(0, 40),
    ]
    writeFileSync(join(directory, 'a.jsonl'), lines.join(''))
    const damaged: [string, number][] = []
    const texts: string[] = []
    for await (const event of readEvents(directory, {}, { damaged: (file, count) => damaged.push([file, count]) })) {
      texts.push(textOf(event))
    }
    t.strictSame(texts, ['good', 'good'])
    t.strictSame(damaged, [['a.jsonl', 6]])
  },
)

t.test('every changed byte of a line is noticed', (t) => {
  const line = Buffer.from(encodeLine(information('text')))
  const directory = temporaryDirectory(t)
  const path = join(directory, 'a.jsonl')
  return (async () => {
    for (let index = 0; index < line.length - 1; index += 1) {
      const copy = Buffer.from(line)
      copy[index] = (copy[index] ?? 0) ^ 1
      writeFileSync(path, copy)
      const texts = await readTexts(directory)
      if (texts.length > 0) t.fail(`byte ${index}`)
    }
    t.pass(`${line.length} bytes`)
  })()
})

t.test('a history that cannot be read is one error', async (t) => {
  const directory = temporaryDirectory(t)
  symlinkSync('a.jsonl', join(directory, 'a.jsonl'))
  await t.rejects(readTexts(directory), { code: 'data', message: /cannot read the event history .*a\.jsonl.*ELOOP/ })
  writeFileSync(join(directory, 'file'), '')
  await t.rejects(readTexts(join(directory, 'file')), { code: 'data', message: /ENOTDIR/ })
})

t.test('--since takes a time or a way back', (t) => {
  const clock = new FakeClock()
  const now = clock.wallNow().getTime()
  t.equal(parseSince('10m', clock).getTime(), now - 600_000)
  t.equal(parseSince('0', clock).getTime(), now)
  t.equal(parseSince('2025-01-31T12:00:00Z', clock).getTime(), start)
  t.equal(parseSince('2025-01-31', clock).toISOString(), '2025-01-31T00:00:00.000Z')
  for (const text of ['', 'yesterday', '10', '2025-13-45', '-5m', '10 m']) {
    t.throws(() => parseSince(text, clock), { code: 'usage', message: new RegExp(`--since "${text}"`) }, `"${text}"`)
  }
  t.end()
})

t.test('--id takes the number of an event', (t) => {
  t.equal(parseEventId('4870'), 4870)
  for (const text of ['', '1', '4870x', 'hang']) t.throws(() => parseEventId(text), { code: 'usage' }, `"${text}"`)
  t.end()
})

function follow(directory: string, pollEvery = milliseconds(50)) {
  const stop = new AbortController()
  const texts: string[] = []
  const done = (async () => {
    for await (const event of followEvents(directory, {}, { clock: systemClock, signal: stop.signal, pollEvery })) {
      texts.push(textOf(event))
    }
  })()
  const end = (): Promise<void> => {
    stop.abort()
    return done
  }
  return { texts, stop: end }
}

t.test('following goes on over rotation, without a gap and without repeats', async (t) => {
  const directory = temporaryDirectory(t)
  const rotation = { maxBytes: 1_000, maxAge: seconds(3600) }
  const history = openHistory({ directory, instance: 'a', clock: systemClock, report: () => {}, rotation })
  history.record(information('old'))
  await history.flush()
  const following = follow(directory)
  const wanted = ['old']
  for (let number = 0; number < 100; number += 1) {
    wanted.push(`${number}`)
    history.record(information(`${number}`))
    if (number % 3 === 0) await history.flush()
  }
  await history.close()
  await eventually(() => following.texts.length >= wanted.length, 'all events were followed')
  await following.stop()
  t.strictSame(following.texts, wanted)
})

t.test('reading while files are rotated finds each event once', async (t) => {
  const directory = temporaryDirectory(t)
  const rotation = { maxBytes: 300, maxAge: seconds(3600) }
  const history = openHistory({ directory, instance: 'a', clock: systemClock, report: () => {}, rotation })
  let writing = true
  const writer = (async () => {
    for (let number = 0; number < 600; number += 1) {
      history.record(information(`${number}`))
      await history.flush()
    }
    writing = false
  })()
  let rounds = 0
  for (; writing; rounds += 1) {
    const texts = await readTexts(directory)
    const wrong = texts.findIndex((text, index) => text !== `${index}`)
    if (wrong !== -1) t.fail(`event ${texts[wrong]} in place of ${wrong} of ${texts.length}`)
  }
  await writer
  await history.close()
  t.ok(rounds > 1, `read ${rounds} times`)
})

t.test('following finds an instance that starts later, also where no change is told', async (t) => {
  const directory = join(temporaryDirectory(t), 'later')
  const following = follow(directory)
  mkdirSync(directory)
  write(directory, 'b.jsonl', [information('1')])
  await eventually(() => following.texts.length === 1, 'the first event was followed')
  await following.stop()
  t.strictSame(following.texts, ['1'])
})

t.test('following waits for the rest of a line that is being written', async (t) => {
  const directory = temporaryDirectory(t)
  write(directory, 'a.jsonl', [information('1')])
  const line = encodeLine(information('2'))
  const following = follow(directory)
  await eventually(() => following.texts.length === 1, 'the first event was followed')
  appendFileSync(join(directory, 'a.jsonl'), line.slice(0, 50))
  await new Promise((resolve) => setTimeout(resolve, 120))
  appendFileSync(join(directory, 'a.jsonl'), line.slice(50))
  await eventually(() => following.texts.length === 2, 'the second event was followed')
  await following.stop()
  t.strictSame(following.texts, ['1', '2'])
  t.equal(readFileSync(join(directory, 'a.jsonl'), 'utf8').split('\n').length, 3)
})

t.test('following ends when it is told to while nothing happens', async (t) => {
  const following = follow(temporaryDirectory(t), seconds(3600))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await following.stop()
  t.strictSame(following.texts, [])
})
