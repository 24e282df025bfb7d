import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import t, { type Test } from 'tap'
import { formatHead, readGuardFile, recoverGuardRecords } from '../../src/incident/guard-file.js'
import { parseGuardRecord } from '../../src/incident/guard-record.js'
import { listIncidents } from '../../src/incident/incident-reader.js'
import { thisProcess } from '../../src/process-identity.js'
import { systemClock } from '../../src/system-clock.js'
import { makeFolder } from '../heartbeat/stream-fixture.js'

const id = '20250131T120000123Z-web-a1b2c3'
const text = `id=${id}
at=2025-01-31T12:00:00.123Z
service=web
pid=4711
limit-ms=6000
silent-ms=7001
action=2
state=S
command=/usr/bin/web --port=80
step=2025-01-31T12:00:00.200Z terminate pid 4711
step=2025-01-31T12:00:00.300Z gone after 100 ms
outcome=terminated
`

/** A half of a slot, as native/guard/recorder.c writes it. */
function half(content: string, sequence: bigint): Buffer {
  const bytes = Buffer.alloc(1024)
  bytes.write('hangdog1', 0, 'latin1')
  bytes.writeUInt32LE(Buffer.byteLength(content), 12)
  bytes.writeBigUInt64LE(sequence, 16)
  bytes.write(content, 24)
  bytes.writeUInt32LE(crc32(bytes.subarray(12, 24 + Buffer.byteLength(content))), 8)
  return bytes
}

function file(head: string, ...halves: readonly Buffer[]): Buffer {
  const start = Buffer.alloc(4096)
  start.write(head)
  return Buffer.concat([start, ...halves])
}

const dead = { pid: 1, startTime: '1', bootId: 'another boot' }
const empty = Buffer.alloc(1024)
const deadHead = formatHead({ writer: dead, hangdogVersion: '0.0.1' })

t.test('a record is read line by line', async (t) => {
  t.match(parseGuardRecord(text), {
    id,
    service: 'web',
    pid: 4711,
    limitMs: 6000,
    action: 'terminate',
    command: '/usr/bin/web --port=80',
    steps: [{ at: '2025-01-31T12:00:00.200Z', text: 'terminate pid 4711' }, { text: 'gone after 100 ms' }],
    outcome: 'terminated',
  })
  t.equal(parseGuardRecord(text.replace(/outcome.*\n/, ''))?.outcome, undefined)
  for (const missing of ['id', 'at', 'service', 'pid', 'limit-ms', 'silent-ms', 'action']) {
    t.equal(parseGuardRecord(text.replace(new RegExp(`^${missing}=.*\n`, 'm'), '')), undefined, `without ${missing}`)
  }
  t.equal(parseGuardRecord(text.replace('action=2', 'action=9')), undefined)
  t.equal(parseGuardRecord(text.replace(id, '../../etc')), undefined, 'an id that is no name of an incident')
})

t.test('of two halves the newer whole one counts', async (t) => {
  const older = half(text.replace('silent-ms=7001', 'silent-ms=1'), 4n)
  const newer = half(text, 5n)
  t.equal(readGuardFile(file(deadHead, older, newer)).records[0]?.silentMs, 7001)
  t.equal(readGuardFile(file(deadHead, newer, older)).records[0]?.silentMs, 7001)
  const torn = Buffer.from(newer)
  torn.fill(0, 200)
  t.equal(readGuardFile(file(deadHead, older, torn)).records[0]?.silentMs, 1, 'a torn one leaves the one before')
  t.match(readGuardFile(file(deadHead, empty, torn)), { records: [], damaged: 1 })
  t.match(readGuardFile(file(deadHead, empty, empty)), { records: [], damaged: 0 })
  const long = half(text, 6n)
  long.writeUInt32LE(0xffffffff, 12)
  t.match(readGuardFile(file(deadHead, long, empty)), { records: [], damaged: 1 })
  t.match(readGuardFile(Buffer.alloc(10)), { head: undefined, records: [], damaged: 0 })
})

interface Place {
  readonly guard: string
  readonly incidents: string
  readonly told: string[]
  recover(): Promise<void>
}

function place(t: Test): Place {
  const root = makeFolder(t)
  const [guard, incidents] = [join(root, 'guard'), join(root, 'incidents')]
  for (const part of [guard, incidents]) mkdirSync(part)
  const told: string[] = []
  const recover = () =>
    recoverGuardRecords({
      guard,
      incidents,
      clock: systemClock,
      failed: (_, error) => told.push(`failed: ${error}`),
      kept: (record, outcome) => told.push(`${record.id} ${outcome}`),
      damaged: (_, reason) => told.push(reason),
    })
  return { guard, incidents, told, recover }
}

t.test('what the guard of a dead hangdog wrote becomes an incident, once', async (t) => {
  const { guard, incidents, told, recover } = place(t)
  const content = file(deadHead, half(text, 1n), empty)
  writeFileSync(join(guard, 'a.rec'), content)
  await recover()
  t.same(told, [`${id} terminated`])
  t.same(readdirSync(guard), [])
  t.match(await listIncidents(incidents), [
    {
      kind: 'whole',
      id,
      state: 'closed',
      opened: { by: 'guard', service: 'web', hangdogVersion: '0.0.1', writer: dead },
    },
  ])
  const [kept] = await listIncidents(incidents)
  t.ok(kept?.kind === 'whole' && kept.steps.length === 2 && kept.closed?.outcome === 'terminated')
  // A hangdog that died before it could remove the file.
  writeFileSync(join(guard, 'a.rec'), content)
  await recover()
  t.equal((await listIncidents(incidents)).length, 1)
})

t.test('what never came to an end was interrupted', async (t) => {
  const { guard, told, recover } = place(t)
  writeFileSync(join(guard, 'a.rec'), file(deadHead, half(text.replace(/outcome.*\n/, ''), 1n), empty))
  await recover()
  t.same(told, [`${id} interrupted`])
})

t.test('the file of a live hangdog is left alone', async (t) => {
  const { guard, told, recover } = place(t)
  const content = file(formatHead({ writer: thisProcess(), hangdogVersion: '1' }), half(text, 1n), empty)
  writeFileSync(join(guard, 'a.rec'), content)
  await recover()
  t.same(told, [])
  t.same(readFileSync(join(guard, 'a.rec')), content)
})

t.test('a damaged file is set aside, and what is whole in it is kept', async (t) => {
  const { guard, told, recover } = place(t)
  const torn = half(text, 2n).fill(0, 200)
  writeFileSync(join(guard, 'a.rec'), file('no head', half(text, 1n), empty, torn, empty))
  writeFileSync(join(guard, 'b.rec'), '')
  await recover()
  t.same(told, [`${id} terminated`, 'its head is damaged', 'its head is damaged'])
  t.same(readdirSync(guard), ['a.rec.damaged', 'b.rec.damaged'])
})
