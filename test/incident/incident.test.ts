import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { OpenedFile } from '../../src/incident/incident-file.js'
import { createIncidentLog } from '../../src/incident/incident-log.js'
import { listIncidents, readIncident } from '../../src/incident/incident-reader.js'
import { exhibitLimit } from '../../src/incident/incident-record.js'
import { findInterrupted } from '../../src/incident/interrupted.js'
import type { IncidentOpening, IncidentRecord } from '../../src/watch/incident.js'
import { temporaryDirectory } from '../event/events.js'
import { FakeClock } from '../support/fake-clock.js'

const opening: IncidentOpening = {
  service: 'web/ü 1',
  command: 'node server.js',
  pid: 4711,
  channel: 'main',
  limitMs: 6000,
  silentMs: 6003,
  action: 'terminate',
  hang: { kind: 'busy-loop', cpuPercent: 99 },
}

function setUp(t: { teardown(fn: () => void): void }) {
  const directory = temporaryDirectory(t)
  const clock = new FakeClock()
  const failures: string[] = []
  const log = createIncidentLog({
    directory,
    clock,
    hangdogVersion: '0.1.0',
    failed: (_, error) => failures.push(error),
  })
  t.teardown(() => log.close())
  return { directory, clock, failures, log }
}

/** Makes an incident look as if a hangdog that is no more had written it. */
function orphan(
  directory: string,
  { id }: IncidentRecord,
  change: Partial<OpenedFile['writer']> = { startTime: '1' },
): void {
  const path = join(directory, id, 'incident.json')
  const opened = JSON.parse(readFileSync(path, 'utf8')) as OpenedFile
  writeFileSync(path, JSON.stringify({ ...opened, writer: { ...opened.writer, ...change } }))
}

t.test('an incident is on disk when open resolves', async (t) => {
  const { directory, clock, log } = setUp(t)
  const record = await log.open(opening)
  t.match(record.id, /^20260101T000000000Z-web_1-[0-9a-f]{6}$/)
  t.strictSame(readdirSync(join(directory, record.id)), ['incident.json'])
  t.match(JSON.parse(readFileSync(join(directory, record.id, 'incident.json'), 'utf8')), {
    ...opening,
    id: record.id,
    openedAt: clock.wallNow().toISOString(),
    hangdogVersion: '0.1.0',
    writer: { pid: process.pid, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() },
  })
})

t.test('an incident is read back as it was written, step by step', async (t) => {
  const { directory, clock, failures, log } = setUp(t)
  const record = await log.open(opening)
  t.match(await readIncident(directory, record.id), { kind: 'whole', state: 'open', steps: [], closed: null })
  void record.step('SIGTERM')
  clock.advance(5000)
  void record.step('SIGKILL')
  await record.attach([
    { kind: 'captured', name: 'stack ../../x', tookMs: 3, content: 'at main\n' },
    { kind: 'captured', name: 'vitals', tookMs: 4, content: { load: [1, 2] } },
    { kind: 'missing', name: 'kernel stack', tookMs: 0, reason: 'not permitted' },
  ])
  await record.close('terminated')
  await record.close('left-failed')
  const incident = await readIncident(directory, record.id)
  t.match(incident, {
    state: 'closed',
    steps: [{ text: 'SIGTERM' }, { text: 'SIGKILL', at: '2026-01-01T00:00:05.000Z' }],
    evidence: [
      { kind: 'captured', name: 'stack ../../x', file: 'evidence/01-stack_x.txt', cut: false },
      { kind: 'captured', name: 'vitals', file: 'evidence/02-vitals.json' },
      { kind: 'missing', reason: 'not permitted' },
    ],
    closed: { outcome: 'terminated' },
    damagedLines: 0,
  })
  t.equal(readFileSync(join(directory, record.id, 'evidence/01-stack_x.txt'), 'utf8'), 'at main\n')
  t.strictSame(JSON.parse(readFileSync(join(directory, record.id, 'evidence/02-vitals.json'), 'utf8')), {
    load: [1, 2],
  })
  t.strictSame(failures, [])
})

t.test('an exhibit that is too large is cut, and one that cannot be written down is missing', async (t) => {
  const { directory, failures, log } = setUp(t)
  const record = await log.open(opening)
  const circular: { self?: unknown } = {}
  circular.self = circular
  await record.attach([
    { kind: 'captured', name: 'huge', tookMs: 0, content: { text: 'x'.repeat(exhibitLimit + 1) } },
    { kind: 'captured', name: 'circular', tookMs: 0, content: circular },
    { kind: 'captured', name: 'nothing', tookMs: 0, content: undefined },
  ])
  t.match(await readIncident(directory, record.id), {
    evidence: [
      { name: 'huge', file: /\.txt$/, cut: true },
      { kind: 'missing', name: 'circular', reason: /circular/ },
      { name: 'nothing', file: /\.json$/ },
    ],
  })
  t.equal(readFileSync(join(directory, record.id, 'evidence/01-huge.txt')).length, exhibitLimit)
  t.equal(failures.length, 1)
})

t.test('open rejects when the incident cannot be written, and leaves nothing', async (t) => {
  const { directory, log } = setUp(t)
  rmSync(directory, { recursive: true })
  writeFileSync(directory, '')
  await t.rejects(log.open(opening), { code: 'create', message: /cannot write the incident .*ENOTDIR/ })
})

t.test('nothing but open rejects: what fails is told', async (t) => {
  const { directory, failures, log } = setUp(t)
  const record = await log.open(opening)
  rmSync(join(directory, record.id), { recursive: true })
  await record.step('x')
  await record.attach([{ kind: 'captured', name: 'x', tookMs: 0, content: 'x' }])
  await record.close('terminated')
  t.equal(failures.length, 3)
  t.match(failures, [/ENOENT/, /ENOENT/, /ENOENT/])
})

t.test('an incident of a hangdog that is gone is closed as interrupted, once', async (t) => {
  const { directory, clock, failures, log } = setUp(t)
  const [live, gone, otherBoot, closed] = [
    await log.open(opening),
    await log.open(opening),
    await log.open(opening),
    await log.open(opening),
  ]
  orphan(directory, gone)
  orphan(directory, otherBoot, { bootId: 'an earlier one' })
  orphan(directory, closed)
  await closed.close('recovered')
  await gone.step('SIGTERM')
  t.match(await readIncident(directory, gone.id), { state: 'interrupted' })
  clock.advance(1000)
  const found = await findInterrupted(directory, clock, (_, error) => failures.push(error))
  t.strictSame(found.map(({ id }) => id).sort(), [gone.id, otherBoot.id].sort())
  t.match(await readIncident(directory, gone.id), {
    state: 'closed',
    closed: { outcome: 'interrupted', closedAt: clock.wallNow().toISOString() },
    steps: [{ text: 'SIGTERM' }],
  })
  t.match(await readIncident(directory, live.id), { state: 'open' })
  t.strictSame(await findInterrupted(directory, clock, () => {}), [])
  t.strictSame(failures, [])
})

t.test('an incident cut off at any byte is shown as damaged, and disturbs no other', async (t) => {
  const { directory, log } = setUp(t)
  const good = await log.open(opening)
  const damaged = await log.open(opening)
  const path = join(directory, damaged.id, 'incident.json')
  const text = readFileSync(path)
  for (let length = 0; length < text.length - 1; length += 1) {
    writeFileSync(path, text.subarray(0, length))
    const kinds = (await listIncidents(directory)).map(({ id, kind }) => [id, kind])
    const wanted = [good, damaged].map(({ id }) => [id, id === good.id ? 'whole' : 'damaged']).sort()
    if (JSON.stringify(kinds) !== JSON.stringify(wanted)) t.strictSame(kinds, wanted, `cut off at byte ${length}`)
  }
  rmSync(path)
  t.match(await readIncident(directory, damaged.id), { kind: 'damaged', reason: /ENOENT/ })
  writeFileSync(path, '{"id": 1}')
  t.match(await readIncident(directory, damaged.id), { kind: 'damaged', reason: /lacks fields/ })
})

t.test('damaged steps are counted, the others shown', async (t) => {
  const { directory, log } = setUp(t)
  const record = await log.open(opening)
  await record.step('one')
  await record.step('two')
  const path = join(directory, record.id, 'steps.jsonl')
  truncateSync(path, readFileSync(path).length - 3)
  appendFileSync(path, '\nnonsense\n')
  t.match(await readIncident(directory, record.id), { steps: [{ text: 'one' }], damagedLines: 2 })
})

t.test('an incident is found by the beginning of its id, when no other begins so', async (t) => {
  const { directory, clock, log } = setUp(t)
  const first = await log.open(opening)
  clock.advance(1000)
  const second = await log.open(opening)
  mkdirSync(join(directory, 'not-an-incident'))
  t.equal((await listIncidents(directory)).length, 2)
  t.match(await readIncident(directory, second.id.slice(0, 18)), { id: second.id })
  await t.rejects(readIncident(directory, first.id.slice(0, 8)), { code: 'usage', message: /2 begin so/ })
  for (const id of ['', 'x', '../..', 'not-an-incident', '/'])
    await t.rejects(readIncident(directory, id), { code: 'usage' })
  t.ok(existsSync(join(directory, first.id)))
})

t.test('a missing directory has no incidents', async (t) => {
  const { directory, clock } = setUp(t)
  t.strictSame(await listIncidents(join(directory, 'none')), [])
  t.strictSame(await findInterrupted(join(directory, 'none'), clock, () => {}), [])
})
