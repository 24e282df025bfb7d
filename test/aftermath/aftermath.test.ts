import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copyLimit, joinAftermath, readAftermath } from '../../src/aftermath/aftermath.js'
import { noTraces, type Traces } from '../../src/aftermath/traces.js'
import type { OpenedFile } from '../../src/incident/incident-file.js'
import { listIncidents } from '../../src/incident/incident-reader.js'
import { temporaryDirectory } from '../event/events.js'
import { crashIncident, crashLog, during, emergencyRecord, longBefore, panicRecord, record, since } from './support.js'

const opened: OpenedFile = {
  id: crashIncident,
  service: 'web',
  command: 'node server.js',
  pid: 4711,
  channel: 'main',
  limitMs: 6000,
  silentMs: 6003,
  action: 'bugcheck',
  hang: { kind: 'busy-loop', cpuPercent: 99 },
  openedAt: since.toISOString(),
  hostname: 'test',
  hangdogVersion: '0.1.0',
  writer: { pid: 1, startTime: '1', bootId: 'then' },
}

/** An incident that a hangdog of another boot left open. */
async function orphan(t: Test, steps: readonly string[] = []) {
  const directory = temporaryDirectory(t)
  const path = join(directory, crashIncident)
  mkdirSync(path)
  writeFileSync(join(path, 'incident.json'), JSON.stringify(opened))
  const lines = steps.map((text) => `${JSON.stringify({ at: since.toISOString(), text })}\n`)
  writeFileSync(join(path, 'steps.jsonl'), lines.join(''))
  const [incident] = await listIncidents(directory)
  if (incident?.kind !== 'whole') throw new Error('there is no incident')
  return { incident, path }
}

const at = { boot: 'now', now: during }

const dump = (text: string, writtenAt = during) => ({
  directory: '/var/crash/1',
  image: { path: '/var/crash/1/dump.1', bytes: 7, complete: true },
  log: { path: '/var/crash/1/dmesg.1', text, cut: false },
  writtenAt,
})

t.test('an incident is joined with the crash dump, of which only the log is copied', async (t) => {
  const { incident, path } = await orphan(t, ['bugcheck by sysrq c'])
  const traces: Traces = {
    ...noTraces,
    crashDumps: [dump(crashLog), dump(panicRecord, longBefore)],
    watchdogs: [{ name: 'watchdog0', identity: 'x', bootStatus: 0, flags: [] }],
    commandLine: 'quiet',
    missing: [{ name: 'records in pstore', reason: 'EACCES' }],
  }
  const joined = await joinAftermath(incident, traces, at)
  t.match(joined, {
    joinedAt: during.toISOString(),
    bootThen: 'then',
    bootNow: 'now',
    sameBoot: false,
    end: { kind: 'bugcheck-panic', by: 'crash-dump', incident: crashIncident },
    crashDumps: [{ directory: '/var/crash/1', named: true, file: 'aftermath/01-crash-dmesg.txt', image: { bytes: 7 } }],
    commandLine: 'quiet',
    missing: [{ name: 'records in pstore' }],
  })
  t.equal(joined.crashDumps.length, 1, 'one of an earlier crash is none of this incident')
  t.strictSame(readdirSync(path).sort(), ['aftermath', 'aftermath.json', 'incident.json', 'steps.jsonl'])
  t.equal(readFileSync(join(path, 'aftermath/01-crash-dmesg.txt'), 'utf8'), crashLog)
  t.strictSame(await readAftermath(path), joined)
})

t.test('records of the time are copied, with those that name it, and each is bounded', async (t) => {
  const { incident, path } = await orphan(t)
  const old = record('emergency', emergencyRecord.replace(/incident \S+/, `incident ${crashIncident}`), longBefore)
  const huge = record('panic', `${'x'.repeat(copyLimit)}${panicRecord}`)
  const many = [huge, old, record('oops', ''), record('oops', ''), record('oops', '')]
  const joined = await joinAftermath(incident, { ...noTraces, kernelRecords: many }, at)
  t.match(
    joined.kernelRecords.map(({ named, file, cut }) => [named, file, cut]),
    [
      [false, 'aftermath/01-panic.txt', true],
      [true, 'aftermath/02-emergency.txt', false],
      [false, 'aftermath/03-oops.txt', false],
      [false, 'aftermath/04-oops.txt', false],
    ],
  )
  const kept = readFileSync(join(path, 'aftermath/01-panic.txt'), 'utf8')
  t.equal(kept.length, copyLimit)
  t.match(kept, /Kernel panic/, 'the end of it')
})

t.test('the last step tells a bugcheck that was asked for from one that failed', async (t) => {
  const asked = await orphan(t, ['terminate pid 4711', 'bugcheck by sync, then sysrq b'])
  t.match((await joinAftermath(asked.incident, noTraces, at)).end, { kind: 'bugcheck-reset', by: 'steps' })
  const failed = await orphan(t, ['bugcheck by sync, then sysrq b', 'bugcheck failed: no', 'terminate pid 4711'])
  t.match((await joinAftermath(failed.incident, noTraces, at)).end, { kind: 'without-trace' })
})

t.test('a copy that cannot be written is missing, and the rest is joined', async (t) => {
  const { incident, path } = await orphan(t)
  writeFileSync(join(path, 'aftermath'), '')
  const joined = await joinAftermath(incident, { ...noTraces, kernelRecords: [record('panic', panicRecord)] }, at)
  t.match(joined, {
    end: { kind: 'other-panic' },
    kernelRecords: [{ file: null }],
    missing: [{ name: 'aftermath/01-panic.txt', reason: /could not be written: ENOTDIR/ }],
  })
})

t.test('an incident that is gone cannot be joined, and does not come back in part', async (t) => {
  const { incident, path } = await orphan(t)
  rmSync(path, { recursive: true })
  await t.rejects(joinAftermath(incident, { ...noTraces, kernelRecords: [record('panic', panicRecord)] }, at), {
    code: 'ENOENT',
  })
  t.throws(() => readdirSync(path), { code: 'ENOENT' })
})

t.test('what is not joined has none, and a damaged one is an error', async (t) => {
  const { path } = await orphan(t)
  t.equal(await readAftermath(path), null)
  writeFileSync(join(path, 'aftermath.json'), '{"end":')
  await t.rejects(readAftermath(path), /JSON/)
  writeFileSync(join(path, 'aftermath.json'), '{"end":{"kind":"without-trace"}}')
  await t.rejects(readAftermath(path), /lacks fields/)
})
