import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  formatLedger,
  mostMaintenances,
  parseLedger,
  type StoredMaintenance,
} from '../../src/maintenance/ledger-file.js'
import { MaintenanceLedger } from '../../src/maintenance/maintenance-ledger.js'
import { systemClock } from '../../src/system-clock.js'
import { type Clock, milliseconds } from '../../src/time.js'
import { temporaryDirectory } from '../control/support.js'
import { FakeClock } from '../support/fake-clock.js'
import { hour, minute, requestOf, storedServices } from './support.js'

/** A state directory, and the hangdogs of web and db that use it one after the other, or beside each other. */
class Machine {
  readonly root: string
  readonly file: string
  readonly clock = new FakeClock()
  readonly troubles: string[] = []

  constructor(t: Test) {
    this.root = temporaryDirectory(t)
    this.file = join(this.root, 'maintenance.json')
  }

  /** Another process, so another monotonic clock; `clock` is moved by hand too. */
  ledger(services: readonly string[] = ['web', 'db'], clock: Clock = this.clock): MaintenanceLedger {
    return new MaintenanceLedger({
      directory: this,
      clock,
      owns: (service) => services.includes(service),
      troubled: (problem) => this.troubles.push(problem),
    })
  }

  write(text: string): void {
    writeFileSync(this.file, text)
  }

  get files(): readonly string[] {
    return readdirSync(this.root).sort()
  }
}

t.test('a maintenance holds its service until it ends by itself', async (t) => {
  const machine = new Machine(t)
  const { clock, root } = machine
  const ledger = machine.ledger()
  t.strictSame(await ledger.open(), [])
  const started = await ledger.start(requestOf({ for: hour }))
  const since = new Date('2026-01-01T00:00:00Z')
  const until = new Date('2026-01-01T01:00:00Z')
  t.match(started, { service: 'web', everyService: false, since, until, remaining: hour, reason: 'database upgrade' })
  t.equal(started.by, 'user 1000 (pid 4242)')
  clock.advance(hour - 1)
  t.match(ledger.active('web'), { id: started.id, until, remaining: 1 })
  t.equal(ledger.active('db'), undefined)
  clock.advance(1)
  t.equal(ledger.active('web'), undefined)
  t.strictSame(ledger.list(), [])
  t.strictSame(storedServices(root), ['web'])
  t.match(await ledger.sweep(), [{ id: started.id }])
  t.strictSame(storedServices(root), [])
  t.strictSame(await ledger.sweep(), [], 'it is taken out once')
})

t.test('it outlives a restart, for the time that is left', async (t) => {
  const machine = new Machine(t)
  const started = await machine.ledger().start(requestOf({ for: hour }))
  machine.clock.advance(40 * minute)
  const ledger = machine.ledger()
  t.strictSame(await ledger.open(), [])
  t.match(ledger.active('web'), { id: started.id, since: started.since, until: started.until, remaining: 20 * minute })
  machine.clock.advance(20 * minute)
  t.equal(ledger.active('web'), undefined)
})

t.test('one that ended while no hangdog ran is told once, when one starts', async (t) => {
  const machine = new Machine(t)
  const { id, until } = await machine.ledger().start(requestOf())
  await machine.ledger().start(requestOf({ service: undefined, for: 3 * hour }))
  machine.clock.advance(2 * hour)
  const ledger = machine.ledger()
  t.match(await ledger.open(), [{ id, service: 'web', until, remaining: 0, reason: 'database upgrade' }])
  t.strictSame(storedServices(machine.root), [null])
  t.match(ledger.active('web'), { everyService: true, remaining: hour })
  t.strictSame(await machine.ledger().open(), [])
})

t.test('what ended of a service that this hangdog does not have is left for the one that has it', async (t) => {
  const machine = new Machine(t)
  await machine.ledger().start(requestOf({ service: 'db' }))
  machine.clock.advance(2 * hour)
  t.strictSame(await machine.ledger(['web']).open(), [])
  t.strictSame(storedServices(machine.root), ['db'])
  t.match(await machine.ledger(['db']).open(), [{ service: 'db' }])
})

t.test('one of every service holds all; the one that lasts longer counts', async (t) => {
  const machine = new Machine(t)
  const ledger = machine.ledger()
  await ledger.start(requestOf({ service: undefined, for: hour, reason: 'kernel' }))
  await ledger.start(requestOf({ service: 'web', for: 2 * hour }))
  await ledger.start(requestOf({ service: 'db', for: minute }))
  t.match(ledger.active('web'), { reason: 'database upgrade', everyService: false })
  t.match(ledger.active('db'), { reason: 'kernel', everyService: true })
  t.match(ledger.active('other'), { reason: 'kernel' })
  machine.clock.advance(hour)
  t.match(ledger.active('web'), { remaining: hour })
  t.equal(ledger.active('db'), undefined)
})

t.test('a further start replaces, by a longer or a shorter one', async (t) => {
  const machine = new Machine(t)
  const ledger = machine.ledger()
  await ledger.start(requestOf({ for: hour }))
  machine.clock.advance(30 * minute)
  await ledger.start(requestOf({ for: 2 * hour, reason: 'takes longer' }))
  t.match(ledger.active('web'), { remaining: 2 * hour, reason: 'takes longer' })
  await ledger.start(requestOf({ for: minute, reason: 'nearly done' }))
  t.match(ledger.list(), [{ remaining: minute, reason: 'nearly done' }])
  t.equal(ledger.list().length, 1)
  t.strictSame(storedServices(machine.root), ['web'])
})

t.test('the same request from the same process within seconds gives the same maintenance', async (t) => {
  const machine = new Machine(t)
  const [first, second] = [machine.ledger(['web']), machine.ledger(['db'])]
  const request = requestOf({ service: undefined })
  const { id } = await first.start(request)
  machine.clock.advance(3000)
  t.equal((await second.start(request)).id, id)
  t.equal(await first.refresh(), false, 'nothing was written')
  machine.clock.advance(8000)
  t.not((await second.start(request)).id, id, 'later it is another one')
})

t.test('stop ends what start with the same service began, and nothing else', async (t) => {
  const machine = new Machine(t)
  const ledger = machine.ledger()
  await ledger.start(requestOf())
  await ledger.start(requestOf({ service: undefined, reason: 'kernel' }))
  t.equal(await ledger.stop('db'), false)
  t.equal(await ledger.stop('web'), true)
  t.match(ledger.active('web'), { reason: 'kernel' })
  t.equal(await ledger.stop('web'), false)
  t.equal(await ledger.stop(undefined), true)
  t.strictSame(ledger.list(), [])
  t.strictSame(storedServices(machine.root), [])
})

t.test('what another process changed is seen at the next look', async (t) => {
  const machine = new Machine(t)
  const [daemon, command] = [machine.ledger(), machine.ledger([])]
  await daemon.open()
  t.equal(await daemon.refresh(), false)
  await command.start(requestOf())
  t.equal(daemon.active('web'), undefined)
  t.equal(await daemon.refresh(), true)
  t.match(daemon.active('web'), { remaining: hour })
  await command.stop('web')
  await daemon.refresh()
  t.equal(daemon.active('web'), undefined)
})

t.test('changes of several processes at once are all kept', async (t) => {
  const machine = new Machine(t)
  const services = Array.from({ length: 12 }, (_, index) => `service-${index}`)
  // They wait for each other, in real time.
  await Promise.all(services.map((service) => machine.ledger([], systemClock).start(requestOf({ service }))))
  t.strictSame([...storedServices(machine.root)].sort(), [...services].sort())
})

t.test('a wall clock that is set back does not make it longer', async (t) => {
  const machine = new Machine(t)
  const ledger = machine.ledger()
  await ledger.start(requestOf({ for: hour }))
  machine.clock.advance(20 * minute)
  machine.clock.stepWall(-10 * hour)
  t.match(ledger.active('web'), { remaining: 40 * minute, until: new Date('2025-12-31T15:00:00Z') })
  machine.clock.advance(40 * minute)
  t.equal(ledger.active('web'), undefined)
  t.match(await ledger.sweep(), [{ service: 'web' }])
  t.strictSame(storedServices(machine.root), [], 'a restart does not bring it back')
})

t.test('after a restart with a clock that was set back it lasts its whole span at most', async (t) => {
  const machine = new Machine(t)
  await machine.ledger().start(requestOf({ for: hour }))
  machine.clock.advance(20 * minute)
  machine.clock.stepWall(-10 * hour)
  const ledger = machine.ledger()
  await ledger.open()
  t.match(ledger.active('web'), { remaining: hour })
  machine.clock.advance(hour)
  t.equal(ledger.active('web'), undefined)
})

t.test('a wall clock that is set forward, or a suspend, ends it early', async (t) => {
  const machine = new Machine(t)
  const ledger = machine.ledger()
  await ledger.start(requestOf({ for: hour }))
  machine.clock.stepWall(59 * minute)
  t.match(ledger.active('web'), { remaining: minute })
  machine.clock.stepWall(minute)
  t.equal(ledger.active('web'), undefined)
})

const wrongRequests = [
  [{ for: 0 }, /--for of more than 0 and at most 720h, not 0ms$/],
  [{ for: 30 * 24 * hour + 1 }, /--for of more than 0 and at most 720h, not 720h$/],
  [{ reason: '' }, /a --reason of 1 to 200 characters, not 0$/],
  [{ reason: ' \n' }, /a --reason of 1 to 200 characters, not 0$/],
  [{ reason: 'x'.repeat(201) }, /a --reason of 1 to 200 characters, not 201$/],
  [{ service: '../web' }, /^cannot start the maintenance of "\.\.\/web": expected the name of a service/],
  [{ service: '' }, /expected the name of a service/],
] as const

t.test('what cannot be granted is refused and changes nothing', async (t) => {
  const machine = new Machine(t)
  for (const [rest, message] of wrongRequests) {
    await t.rejects(machine.ledger().start(requestOf(rest)), { code: 'usage', message })
  }
  t.strictSame(machine.files, [])
  await machine.ledger().start(requestOf({ for: 30 * 24 * hour, reason: 'ä'.repeat(200) }))
  t.strictSame(machine.files, ['maintenance.json'])
})

function entryOf(index: number, rest: Partial<StoredMaintenance> = {}): StoredMaintenance {
  const since = new Date('2026-01-01T00:00:00Z')
  const span = milliseconds(hour)
  const until = new Date(since.getTime() + span)
  const by = { uid: undefined, pid: 1 }
  return {
    id: `id-${index}`,
    service: `service-${index}`,
    since,
    until,
    span,
    reason: '\u0000'.repeat(200),
    by,
    ...rest,
  }
}

t.test('there is a most, above which only what has ended makes room', async (t) => {
  const machine = new Machine(t)
  const many = Array.from({ length: mostMaintenances }, (_, index) => entryOf(index))
  machine.write(formatLedger(many))
  const ledger = machine.ledger()
  await t.rejects(ledger.start(requestOf()), { code: 'unavailable', message: /there are 1000, which is the most$/ })
  t.equal(storedServices(machine.root).length, mostMaintenances)
  await ledger.start(requestOf({ service: 'service-7' }))
  t.equal(storedServices(machine.root).length, mostMaintenances, 'one that replaces needs no room')
  machine.clock.advance(2 * hour)
  await ledger.start(requestOf())
  t.strictSame(storedServices(machine.root), ['web'])
})

t.test('what ended a month ago, of services that nobody has, is forgotten with the next change', async (t) => {
  const machine = new Machine(t)
  machine.write(formatLedger([entryOf(1)]))
  machine.clock.advance(31 * 24 * hour)
  await machine.ledger().start(requestOf())
  t.strictSame(storedServices(machine.root), ['web'])
})

t.test('what is written can be read, whatever it holds', (t) => {
  const all = [entryOf(1), entryOf(2, { service: undefined, by: { uid: 0, pid: 7 }, reason: 'ä "quoted" 🐕' })]
  t.strictSame(parseLedger(formatLedger(all)), { kind: 'whole', all })
  t.end()
})

t.test('every beginning of a file that is not the whole is damaged', (t) => {
  const text = formatLedger([entryOf(1), entryOf(2)]).trimEnd()
  for (let length = 0; length < text.length; length += 1) {
    if (parseLedger(text.slice(0, length)).kind !== 'damaged') t.fail(`at ${length}`)
  }
  t.equal(parseLedger(text).kind, 'whole')
  t.end()
})

t.test('an entry that says something else than was written is damaged', (t) => {
  const text = formatLedger([entryOf(1, { reason: 'why' })])
  const changes = [
    ['01T01:00', '02T01:00'],
    ['01T00:00', '01T00:30'],
    ['3600000', '3600001'],
    ['"service-1"', '7'],
    ['"service-1"', '"../x"'],
    ['"id-1"', 'null'],
    ['"why"', '["why"]'],
    ['"why"', `"${'x'.repeat(201)}"`],
    ['"2026-01-01T00:00:00.000Z"', '"soon"'],
    ['"uid": null', '"uid": "root"'],
    ['"pid": 1', '"pid": "1"'],
    ['"version": 1', '"version": "1"'],
    ['"maintenances": [', '"maintenances": [null,'],
    ['"maintenances"', '"others"'],
  ] as const
  for (const [from, to] of changes) {
    t.ok(text.includes(from), from)
    t.equal(parseLedger(text.replace(from, to)).kind, 'damaged', to)
  }
  const long = { since: new Date(0), until: new Date(31 * 24 * hour), span: milliseconds(31 * 24 * hour) }
  t.equal(parseLedger(formatLedger([entryOf(1, long)])).kind, 'damaged', 'longer than anybody may ask for')
  t.equal(parseLedger('[]').kind, 'damaged')
  t.end()
})

t.test('a damaged file never keeps hangdog from starting: it is told, kept aside, and nothing is held', async (t) => {
  const machine = new Machine(t)
  await machine.ledger().start(requestOf())
  const torn = readFileSync(machine.file, 'utf8').slice(0, 100)
  machine.write(torn)
  const ledger = machine.ledger()
  t.strictSame(await ledger.open(), [])
  t.equal(ledger.active('web'), undefined)
  t.match(machine.troubles, [/maintenance\.json" was damaged \(it is not whole\); it is kept as ".*\.damaged"/])
  t.equal(machine.troubles.length, 1)
  t.equal(readFileSync(`${machine.file}.damaged`, 'utf8'), torn)
  await ledger.start(requestOf())
  t.strictSame(machine.files, ['maintenance.json', 'maintenance.json.damaged'])
})

t.test('a file that is damaged while hangdog runs holds nothing from the next look on', async (t) => {
  const machine = new Machine(t)
  const ledger = machine.ledger()
  await ledger.start(requestOf())
  machine.write('{')
  t.equal(await ledger.refresh(), true)
  t.equal(ledger.active('web'), undefined)
  t.equal(machine.troubles.length, 1)
})

t.test('a file of gigabytes is not read', async (t) => {
  const machine = new Machine(t)
  machine.write(' '.repeat(5 * 1024 * 1024))
  await machine.ledger().open()
  t.match(machine.troubles, [/it has 5242880 bytes, more than/])
})

t.test('the file of a newer version holds nothing and is not touched', async (t) => {
  const machine = new Machine(t)
  machine.write('{"version":2,"more":true}')
  const ledger = machine.ledger()
  t.strictSame(await ledger.open(), [])
  t.match(machine.troubles, [/is not used, .*: a newer version of hangdog wrote it \(format 2, not 1\)$/])
  await t.rejects(ledger.start(requestOf()), { code: 'data', message: /cannot change .*: a newer version of hangdog/ })
  await t.rejects(ledger.stop('web'), { code: 'data' })
  t.strictSame(machine.files, ['maintenance.json'])
  t.equal(readFileSync(machine.file, 'utf8'), '{"version":2,"more":true}')
})

t.test('what cannot be read holds nothing, and what cannot be written changes nothing', async (t) => {
  const machine = new Machine(t)
  mkdirSync(machine.file)
  const ledger = machine.ledger()
  await ledger.open()
  t.match(machine.troubles, [/is not used, .*: it cannot be read \(EISDIR/])
  await t.rejects(ledger.start(requestOf()), { code: 'data' })
  rmSync(machine.root, { recursive: true })
  await t.rejects(ledger.start(requestOf()), { code: 'create', message: /^cannot change the maintenance of "web": "/ })
  t.strictSame(ledger.list(), [])
})

/** A small file system of its own in place of a directory; false where none can be mounted. */
function mountSmall(t: Test, path: string): boolean {
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'hangdog-test', path])
  if (status === 0) t.teardown(() => spawnSync('umount', [path]))
  return status === 0
}

t.test('on a full disk nothing changes, and no lock is left behind', async (t) => {
  const machine = new Machine(t)
  if (!mountSmall(t, machine.root)) {
    t.pass('only root can mount')
    return
  }
  const ledger = machine.ledger()
  const { id } = await ledger.start(requestOf())
  const before = readFileSync(machine.file, 'utf8')
  t.throws(() => writeFileSync(join(machine.root, 'ballast'), Buffer.alloc(100_000)), { code: 'ENOSPC' })
  const refusal = { code: 'create', message: /^cannot change the maintenance of "db": .* cannot be written: ENOSPC/ }
  await t.rejects(ledger.start(requestOf({ service: 'db' })), refusal)
  t.equal(readFileSync(machine.file, 'utf8'), before)
  t.match(ledger.list(), [{ id }])
  t.strictSame(machine.files, ['ballast', 'maintenance.json'])
  rmSync(join(machine.root, 'ballast'))
  t.equal(await ledger.stop('web'), true)
})

t.test('a directory that is not ours to write is refused', async (t) => {
  const machine = new Machine(t)
  if (process.geteuid?.() === 0) {
    t.pass('root may write everywhere')
    return
  }
  chmodSync(machine.root, 0o500)
  t.teardown(() => chmodSync(machine.root, 0o700))
  await t.rejects(machine.ledger().start(requestOf()), { code: 'permission' })
})

t.test('what has ended and cannot be taken out is told once and stays ended', async (t) => {
  const machine = new Machine(t)
  const ledger = machine.ledger()
  await ledger.start(requestOf())
  machine.clock.advance(hour)
  rmSync(machine.root, { recursive: true })
  t.strictSame(await ledger.sweep(), [])
  t.strictSame(await ledger.sweep(), [])
  t.match(machine.troubles, [/^a maintenance that has ended stays in the file: /])
  t.equal(machine.troubles.length, 1)
  t.equal(ledger.active('web'), undefined)
})
