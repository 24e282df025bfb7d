import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { linuxPlaces } from '../src/aftermath/traces.js'
import { type AftermathOptions, openAftermath } from '../src/aftermath-assembly.js'
import { makeId } from '../src/incident/incident-file.js'
import { type ProcessIdentity, thisProcess } from '../src/process-identity.js'
import { openStateDirectory } from '../src/state-directory.js'
import { systemClock } from '../src/system-clock.js'
import { emergencyRecord } from './aftermath/support.js'
import { collectEmitted, temporaryDirectory } from './event/events.js'

const otherBoot: ProcessIdentity = { pid: 77, startTime: '5', bootId: '00000000-0000-0000-0000-000000000000' }
const deadHere: ProcessIdentity = { ...thisProcess(), startTime: '1' }

function setUp(t: Test) {
  const directory = temporaryDirectory(t)
  const state = openStateDirectory(directory)
  const pstore = join(directory, 'pstore')
  mkdirSync(pstore)
  const places = {
    ...linuxPlaces,
    kernelRecords: [pstore],
    crashDumps: '',
    watchdogs: join(directory, 'none'),
    loginRecords: join(directory, 'none'),
  }
  const emitted = collectEmitted()
  const options: AftermathOptions = { state, instance: 'web', clock: systemClock, emit: emitted.emit, places }
  return { state, pstore, emitted, options }
}

function leaveMark(runs: string, writer: ProcessIdentity, instance = 'web'): string {
  const path = join(runs, `run-${instance}.json`)
  writeFileSync(path, JSON.stringify({ instance, startedAt: new Date(Date.now() - 1000).toISOString(), writer }))
  return path
}

function leaveIncident(incidents: string, writer: ProcessIdentity): string {
  const at = new Date(Date.now() - 1000)
  const id = makeId('web', at)
  mkdirSync(join(incidents, id))
  const hang = { kind: 'busy-loop', cpuPercent: 99 }
  const opened = {
    id,
    service: 'web',
    command: 'x',
    pid: 5,
    action: 'bugcheck',
    hang,
    writer,
    openedAt: at.toISOString(),
  }
  writeFileSync(join(incidents, id, 'incident.json'), JSON.stringify(opened))
  return id
}

t.test('a hangdog marks that it runs, and takes the mark away in the end', async (t) => {
  const { state, emitted, options } = setUp(t)
  const first = openAftermath(options)
  while (readdirSync(state.runs).length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const second = collectEmitted()
  await openAftermath({ ...options, emit: second.emit }).close()
  t.same(second.of('run-cut-off'), [], 'one that is alive is not told of')
  await first.close()
  t.same(readdirSync(state.runs), [])
  t.same(emitted.of('run-cut-off'), [])
})

t.test('a hangdog that was cut off is told of once, with what became of the machine', async (t) => {
  const { state, pstore, emitted, options } = setUp(t)
  leaveMark(state.runs, otherBoot)
  leaveMark(state.runs, deadHere, 'api')
  writeFileSync(join(state.runs, 'run-torn.json'), '{')
  writeFileSync(join(pstore, 'dmesg-ramoops-0'), 'Panic#1 Part1\n<0>[1.0] Kernel panic - not syncing: VFS: no root\n')
  await openAftermath(options).close()
  t.match(emitted.of('run-cut-off'), [
    { parameters: { instance: 'api', pid: process.pid, end: 'hangdog-died', summary: /same boot/ } },
    { parameters: { instance: 'web', pid: 77, end: 'other-panic', summary: /VFS: no root/ } },
  ])
  t.strictSame(readdirSync(state.runs), ['run-torn.json'])
  const again = collectEmitted()
  await openAftermath({ ...options, emit: again.emit }).close()
  t.same(again.of('run-cut-off'), [])
})

t.test('an interrupted incident is joined before it is closed, and speaks for its hangdog', async (t) => {
  const { state, pstore, emitted, options } = setUp(t)
  const id = leaveIncident(state.incidents, otherBoot)
  leaveMark(state.runs, otherBoot)
  writeFileSync(join(pstore, 'dmesg-ramoops-0'), emergencyRecord.replace(/incident \S+/, `incident ${id}`))
  await openAftermath(options).close()
  t.match(emitted.of('incident-interrupted'), [{ incident: id }])
  t.match(emitted.of('incident-joined'), [{ incident: id, parameters: { end: 'bugcheck-reset' } }])
  t.same(emitted.of('run-cut-off'), [])
  t.same(readdirSync(state.runs), [])
  const path = join(state.incidents, id)
  t.match(JSON.parse(readFileSync(join(path, 'closed.json'), 'utf8')), { outcome: 'interrupted' })
  t.match(JSON.parse(readFileSync(join(path, 'aftermath.json'), 'utf8')), { end: { kind: 'bugcheck-reset' } })
})

t.test('an incident that cannot be joined is closed all the same', async (t) => {
  const { state, emitted, options } = setUp(t)
  const id = leaveIncident(state.incidents, otherBoot)
  mkdirSync(join(state.incidents, id, 'aftermath.json'))
  await openAftermath(options).close()
  t.match(emitted.of('incident-unwritten'), [{ incident: id }])
  t.match(emitted.of('incident-interrupted'), [{ incident: id }])
  t.same(emitted.of('incident-joined'), [])
})

t.test('marks that cannot be kept are an event, and nothing else goes wrong', async (t) => {
  const { state, emitted, options } = setUp(t)
  const id = leaveIncident(state.incidents, otherBoot)
  await openAftermath({ ...options, state: { ...state, runs: join(state.runs, 'missing') } }).close()
  t.match(emitted.of('aftermath-unwritten'), [{ parameters: { error: /ENOENT/ } }])
  t.match(emitted.of('incident-joined'), [{ incident: id }])
})
