import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { prune, startRetention } from '../../src/event/retention.js'
import { seconds } from '../../src/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { collectEmitted, eventually, temporaryDirectory } from './events.js'

const now = Date.parse('2026-01-31T12:00:00Z')
const day = 24 * 3600

function setUp(t: { teardown(fn: () => void): void }) {
  const root = temporaryDirectory(t)
  const directories = { events: join(root, 'events'), incidents: join(root, 'incidents') }
  mkdirSync(directories.events)
  mkdirSync(directories.incidents)
  const age = (path: string, days: number): void => utimesSync(path, now / 1000 - days * day, now / 1000 - days * day)
  const history = (name: string, days: number, bytes = 1000): void => {
    const path = join(directories.events, name)
    writeFileSync(path, Buffer.alloc(bytes))
    age(path, days)
  }
  const incident = (name: string, days: number, closed: boolean): void => {
    const path = join(directories.incidents, name)
    mkdirSync(join(path, 'evidence'), { recursive: true })
    const files = ['incident.json', 'evidence/01-x.txt', ...(closed ? ['closed.json'] : [])]
    for (const file of files) writeFileSync(join(path, file), Buffer.alloc(1000))
    for (const file of [...files, 'evidence', '.']) age(join(path, file), days)
  }
  const left = (): string[] => [...readdirSync(directories.events), ...readdirSync(directories.incidents)].sort()
  return { directories, history, incident, left }
}

t.test('what is older than the age is removed, what is not is kept', async (t) => {
  const { directories, history, incident, left } = setUp(t)
  history('web~20260101T000000.000Z.jsonl', 31)
  history('web~20260102T000000.000Z.jsonl', 29)
  history('web.jsonl', 1)
  history('forgotten.jsonl', 31)
  writeFileSync(join(directories.events, 'notes.txt'), '')
  incident('a', 31, true)
  incident('b', 29, true)
  incident('c', 29, false)
  const limits = { maxAge: seconds(30 * day), maxBytes: 1e9 }
  t.strictSame(await prune(directories, limits, new Date(now)), { events: 2, incidents: 1 })
  t.strictSame(left(), ['b', 'c', 'notes.txt', 'web.jsonl', 'web~20260102T000000.000Z.jsonl'])
})

t.test('beyond the size the oldest goes first; what is open or written to stays', async (t) => {
  const { directories, history, incident, left } = setUp(t)
  history('web.jsonl', 9, 50_000)
  history('web~20260104T000000.000Z.jsonl', 4)
  history('web~20260102T000000.000Z.jsonl', 2)
  incident('a', 5, true)
  incident('b', 3, true)
  incident('c', 8, false)
  const limits = { maxAge: seconds(30 * day), maxBytes: 5000 }
  t.strictSame(await prune(directories, limits, new Date(now)), { events: 0, incidents: 1 })
  t.strictSame(left(), ['b', 'c', 'web.jsonl', 'web~20260102T000000.000Z.jsonl', 'web~20260104T000000.000Z.jsonl'])
})

t.test('retention begins a minute after the start, tells what it removed, and keeps no process alive', async (t) => {
  const { directories, history, left } = setUp(t)
  history('web~20250101T000000.000Z.jsonl', 400)
  const clock = new FakeClock()
  const emitted = collectEmitted()
  const timersBefore = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const retention = startRetention({ directories, clock, emit: emitted.emit })
  clock.advance(59_999)
  t.equal(left().length, 1)
  clock.advance(1)
  await eventually(() => emitted.of('history-pruned').length === 1, 'it was told')
  t.strictSame(emitted.of('history-pruned'), [{ name: 'history-pruned', parameters: { events: 1, incidents: 0 } }])
  t.strictSame(left(), [])
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.equal(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length, timersBefore)
  retention.close()
  retention.close()
})

t.test('retention that is closed at once does nothing', (t) => {
  const clock = new FakeClock()
  startRetention({ directories: { events: '/nowhere', incidents: '/nowhere' }, clock, emit: () => {} }).close()
  t.equal(clock.pending, 0)
  t.end()
})
