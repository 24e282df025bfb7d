import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatNote } from '../../src/lock-note.js'
import type { StoredMaintenance } from '../../src/maintenance/ledger-file.js'
import { LedgerStore } from '../../src/maintenance/ledger-store.js'
import { thisProcess } from '../../src/process-identity.js'
import { systemClock } from '../../src/system-clock.js'
import { milliseconds, seconds } from '../../src/time.js'
import { temporaryDirectory } from '../control/support.js'
import { hour, storedServices } from './support.js'

/** A store in a directory of its own; others can be opened on the same file. */
function setUp(t: Test) {
  const root = temporaryDirectory(t)
  const path = join(root, 'maintenance.json')
  const open = (limit = seconds(60)): LedgerStore =>
    new LedgerStore({ path, clock: systemClock, troubled: (problem) => t.fail(problem), lockLimit: limit })
  return { root, path, lock: `${path}.lock`, open, names: () => readdirSync(root).sort() }
}

const entryOf = (service: string): StoredMaintenance => ({
  id: service,
  service,
  since: new Date(0),
  until: new Date(hour),
  span: milliseconds(hour),
  reason: 'why',
  by: { uid: undefined, pid: 1 },
})

const adding = (service: string) => (all: readonly StoredMaintenance[]) => ({
  all: [...all, entryOf(service)],
  result: all.length,
})

t.test('many that change it at once lose no change of each other, and leave nothing', async (t) => {
  const { root, open, names } = setUp(t)
  const services = Array.from({ length: 20 }, (_, number) => `service-${number}`)
  const results = await Promise.all(services.map((service) => open().change(service, adding(service))))
  t.strictSame(
    results.map(({ result }) => result).sort((a, b) => a - b),
    services.map((_, number) => number),
  )
  t.strictSame([...storedServices(root)].sort(), services.sort())
  t.strictSame(names(), ['maintenance.json'])
})

t.test('who waits too long is told who holds the lock, and what it was for', async (t) => {
  const { lock, open } = setUp(t)
  const holder = formatNote({ ...thisProcess(), born: new Date(0), nonce: '0a' })
  symlinkSync(holder, lock)
  const store = open(seconds(0.1))
  const change = store.change('"web"', adding('web'))
  const held = `pid ${process.pid} \\(started 1970-01-01T00:00:00.000Z\\) has held the lock for .* \\(".*maintenance.json.lock"\\)$`
  await t.rejects(change, {
    code: 'unavailable',
    message: new RegExp(`^cannot change the maintenance of "web": expected nobody else to be writing, but ${held}`),
  })
  t.equal(readlinkSync(lock), holder, 'the lock is as it was')
  unlinkSync(lock)
  t.match(await store.change('"web"', adding('web')), { result: 0 })
})

t.test('the lock goes with a change that fails', async (t) => {
  const { open, names } = setUp(t)
  const failure = new Error('no')
  const fail = (): never => {
    throw failure
  }
  await t.rejects(open().change('"web"', fail), { code: 'create', cause: failure })
  t.strictSame(names(), [])
})

t.test('a lock that is taken away while its holder writes stops it', async (t) => {
  const { root, lock, open, names } = setUp(t)
  await open().change('"web"', adding('web'))
  const robbed = open().change('"db"', (all) => {
    unlinkSync(lock)
    return adding('db')(all)
  })
  await t.rejects(robbed, {
    code: 'unavailable',
    message: /^cannot change the maintenance of "db": expected to hold the lock until it is written, but somebody/,
  })
  t.strictSame(storedServices(root), ['web'])
  t.strictSame(names(), ['maintenance.json'])
})

t.test('what a killed writer left is taken over and removed', async (t) => {
  const { root, path, lock, open, names } = setUp(t)
  await open().change('"web"', adding('web'))
  const dead = { pid: process.pid, startTime: '1', bootId: 'another', born: new Date(0), nonce: '0a' }
  symlinkSync(formatNote(dead), lock)
  symlinkSync(formatNote({ ...dead, nonce: '0b' }), `${lock}.0123456789abcdef`)
  writeFileSync(`${path}.0123456789ab.tmp`, readFileSync(path).subarray(0, 10))
  writeFileSync(`${path}.damaged`, 'of somebody else')
  await open().change('"db"', adding('db'))
  t.strictSame(storedServices(root), ['web', 'db'])
  t.strictSame(names(), ['maintenance.json', 'maintenance.json.damaged'])
  t.notOk(existsSync(lock))
})
