import { execFile, execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { dumpCore } from '../../src/evidence/core-dump.js'
import { findCoreProgram } from '../../src/platform/core-program.js'
import { milliseconds } from '../../src/time.js'
import type { CoreRequest, Exhibit } from '../../src/watch/evidence.js'
import { fixture, type HungService, makeFifo, startHung, stateOf, until } from '../fixtures/evidence/hung-service.js'

const program = findCoreProgram()
const isRoot = process.getuid?.() === 0
const skip = program === undefined ? 'hangdog-core is not built' : false

function makeIncident(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'hangdog-core-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const incident = join(folder, 'incident')
  mkdirSync(incident)
  return incident
}

function dump(
  service: HungService,
  directory: string,
  what: CoreRequest['what'],
  more: Partial<CoreRequest> = {},
): Promise<Exhibit> {
  const subject = service.process.identity
  return dumpCore({ subject, what, directory, limit: milliseconds(30_000), largestMiB: 1024, sync: false, ...more })
}

/** The fixture uses `used` MiB of a mapping of 4 GiB. */
function startLarge(t: Test, used: number): Promise<HungService> {
  return startHung(t, 'python3', [fixture('large-memory.py'), '4', String(used)])
}

async function goesOn(service: HungService): Promise<void> {
  await until(() => stateOf(service.pid) === 'S', 'the service to sleep again')
  if (!/^TracerPid:\t0$/m.test(readFileSync(`/proc/${service.pid}/status`, 'utf8')))
    throw new Error('it is still traced')
}

t.test('a minimal core has the stacks and not the heap, and the service goes on', { skip }, async (t) => {
  const incident = makeIncident(t)
  const service = await startLarge(t, 40)
  const exhibit = await dump(service, incident, 'minimal')
  const file = `core.${service.pid}`
  t.match(exhibit, { kind: 'captured', content: { what: 'minimal', file, threads: 1, threadsWithoutRegisters: 0 } })
  t.strictSame(readdirSync(incident), [file])
  const path = join(incident, file)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.ok(statSync(path).size < 8 * 1024 * 1024, `${statSync(path).size} bytes`)
  const content = readFileSync(path)
  t.equal(content.readUInt16LE(16), 4, 'it is an ELF core')
  t.notOk(content.includes('secret-marker'))
  await goesOn(service)
})

t.test('a debugger reads the stack from a minimal core', { skip: skip !== false ? skip : lackOf('gdb') }, async (t) => {
  const incident = makeIncident(t)
  const service = await startHung(t, 'sh', ['-c', 'echo hung; read line; read line'])
  t.match(await dump(service, incident, 'minimal'), { kind: 'captured' })
  const shell = execFileSync('readlink', ['-f', `/proc/${service.pid}/exe`], { encoding: 'utf8' }).trim()
  const core = join(incident, `core.${service.pid}`)
  const { stdout } = await promisify(execFile)('gdb', ['-batch', '-nx', shell, core, '-ex', 'bt'])
  t.match(stdout, /^#0 .*read/m)
  t.match(stdout, /^#[3-9] /m, 'further than the innermost frames')
})

t.test(
  'a full core has all private memory, but what was not to be dumped, and no more than is used',
  { skip },
  async (t) => {
    const incident = makeIncident(t)
    const service = await startLarge(t, 40)
    const exhibit = await dump(service, incident, 'full', { sync: true })
    t.match(exhibit, { kind: 'captured', content: { what: 'full', bytes: Number } })
    const path = join(incident, `core.${service.pid}`)
    const { size, mode } = statSync(path)
    t.equal(mode & 0o777, 0o600)
    t.ok(size > 40 * 1024 * 1024 && size < 200 * 1024 * 1024, `${size} bytes`)
    const content = readFileSync(path)
    t.ok(content.includes('heap-marker-'))
    t.notOk(content.includes('secret-marker'))
    await goesOn(service)
  },
)

t.test('a core that is larger than its limit is not begun', { skip }, async (t) => {
  const incident = makeIncident(t)
  const service = await startLarge(t, 40)
  const exhibit = await dump(service, incident, 'full', { largestMiB: 16 })
  t.match(exhibit, { kind: 'missing', reason: /^it needs \d+ MiB, and a core may have 16 MiB$/ })
  t.strictSame(readdirSync(incident), [])
  await goesOn(service)
})

t.test('a small disk is never filled', { skip: skip !== false ? skip : !isRoot && 'it takes root' }, async (t) => {
  const disk = makeIncident(t)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=600m', 'tmpfs', disk])
  t.teardown(() => execFileSync('umount', ['-l', disk]))
  const service = await startLarge(t, 150)
  const exhibit = await dump(service, disk, 'full')
  t.match(exhibit, {
    kind: 'missing',
    reason: /^it needs 1\d\d MiB, and \d\d MiB may be used at \/.*; 512 MiB are to stay free$/,
  })
  t.strictSame(readdirSync(disk), [])
  t.match(await dump(service, disk, 'minimal'), { kind: 'captured' }, 'a minimal one finds room')
})

t.test('a core that takes longer than its limit is removed, and the service goes on', { skip }, async (t) => {
  const incident = makeIncident(t)
  const service = await startLarge(t, 300)
  // At several points of its work.
  for (const limit of [202, 220, 250]) {
    const exhibit = await dump(service, incident, 'full', { limit: milliseconds(limit), sync: true })
    if (exhibit.kind === 'missing')
      t.match(exhibit.reason, /^the full core was not written within \d+ ms and was removed$/)
    else rmSync(join(incident, `core.${service.pid}`))
    t.strictSame(readdirSync(incident), [])
    await goesOn(service)
  }
})

t.test('one core at a time is written', { skip }, async (t) => {
  const incident = makeIncident(t)
  const service = await startLarge(t, 10)
  const [first, second] = await Promise.all([dump(service, incident, 'minimal'), dump(service, incident, 'minimal')])
  t.match(first, { kind: 'captured' })
  t.match(second, { kind: 'missing', reason: 'a core of another service is being written' })
})

t.test('a process that is gone, or another one by now, has no core', { skip }, async (t) => {
  const incident = makeIncident(t)
  const service = await startLarge(t, 1)
  const other = { ...service.process.identity, startTime: '1' }
  t.match(await dump(service, incident, 'minimal', { subject: other }), { kind: 'missing', reason: /has ended$/ })
  for (const afterMs of [0, 2, 5, 20]) {
    const ending = await startLarge(t, 100)
    const writing = dump(ending, incident, 'full')
    await delay(afterMs)
    ending.child.kill('SIGKILL')
    const exhibit = await writing
    const core = join(incident, `core.${ending.pid}`)
    if (exhibit.kind === 'missing') t.match(exhibit.reason, /ended|cannot be read/, `after ${afterMs} ms`)
    else t.ok(readFileSync(core).lastIndexOf('heap-marker-') > 90 * 1024 * 1024, 'what is kept is whole')
    rmSync(core, { force: true })
    t.strictSame(readdirSync(incident), [])
  }
})

t.test('of a process whose main thread has ended, the others are written', { skip }, async (t) => {
  const incident = makeIncident(t)
  const service = await startHung(t, 'python3', [fixture('zombie-main.py')])
  await until(() => stateOf(service.pid) === 'Z', 'the main thread to end')
  for (const what of ['minimal', 'full'] as const) {
    t.match(await dump(service, incident, what), { kind: 'captured', content: { threads: 1, bytes: Number } }, what)
  }
  t.equal(stateOf(service.pid), 'Z')
})

t.test('a process in state D cannot be stopped, which is said', { skip }, async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, 'python3', [fixture('uninterruptible.py'), fifo])
  t.teardown(() => closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)))
  await until(() => stateOf(service.pid) === 'D', 'state D')
  t.match(await dump(service, makeIncident(t), 'minimal'), { kind: 'missing', reason: /state D/ })
  t.equal(stateOf(service.pid), 'D')
})

t.test(
  'without the right to trace it, the reason is named',
  { skip: skip !== false ? skip : !isRoot && 'it takes root' },
  async (t) => {
    const service = await startLarge(t, 1)
    const { pid, startTime } = service.process.identity
    const args = [String(pid), startTime, 'minimal', '100000000', '0', join(tmpdir(), `hangdog-core-${process.pid}`)]
    const run = promisify(execFile)(program ?? '', args, { uid: 65534, gid: 65534 })
    await t.rejects(run, { code: 1, stderr: /may not be traced: Operation not permitted|its threads may be traced/ })
    t.notOk(existsSync(args.at(-1) ?? ''))
  },
)

function lackOf(name: string): string | false {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' })
    return false
  } catch {
    return `${name} is not installed`
  }
}
