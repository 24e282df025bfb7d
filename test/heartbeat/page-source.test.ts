import { spawn } from 'node:child_process'
import { closeSync, existsSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import t, { type Test } from 'tap'
import { PageServer } from '../../src/heartbeat/page-server.js'
import { linesPerPage, PageSource } from '../../src/heartbeat/page-source.js'
import type { HeartbeatSource } from '../../src/heartbeat/source.js'
import { openGuard } from '../../src/platform/guard.js'
import { systemClock } from '../../src/system-clock.js'
import { milliseconds } from '../../src/time.js'
import { createNativeEngine, type NativeCountdown } from '../../src/watch/native-engine.js'
import type { BeatReceiver, SignOfLife } from '../../src/watch/sign-of-life.js'
import { nativeAddon } from '../support/native.js'
import { RecordingReceiver } from './recording-receiver.js'
import { until } from './stream-fixture.js'

const { addon, skip } = nativeAddon()
const lineBytes = 64
const run = { pid: process.pid, startTime: 'unknown', startedAt: new Date() }

/** As a service would, by native/include/hangdog.h; what is not said is as of now. */
function beat(file: number, line: number, beats: bigint, stamp = process.hrtime.bigint()): void {
  const words = Buffer.alloc(16)
  words.writeBigUInt64LE(stamp, 0)
  words.writeBigUInt64LE(beats, 8)
  writeSync(file, words, 0, 16, (1 + line) * lineBytes)
}

function setUp(t: Test, admitsAll = false) {
  if (addon === undefined) throw new Error('unreachable')
  const guard = openGuard(addon, { countdowns: 16, processes: 16, realtime: false, lockMemory: false })
  const engine = createNativeEngine(guard)
  const countdowns = new Map<string, NativeCountdown>()
  const add = (channel: string): void => {
    countdowns.set(channel, engine.create({ warningElapsed() {}, limitElapsed() {} }))
  }
  add('main')
  const receiver = new RecordingReceiver()
  const said: string[] = []
  let lineNamed: (channel: string, line: number) => boolean = () => false
  let besideReceiver: BeatReceiver = receiver
  const beside = (to: BeatReceiver, named: typeof lineNamed): HeartbeatSource => {
    besideReceiver = to
    lineNamed = named
    return {
      description: 'beside',
      environment: () => ({ NOTIFY_SOCKET: '/n' }),
      serviceStarted: () => said.push('started'),
      serviceEnded: () => said.push('ended'),
      close: async () => void said.push('closed'),
      counters: () => ({ refused: 1 }),
    }
  }
  const countdownOf = (channel: string): number | undefined => countdowns.get(channel)?.id
  const refused: unknown[] = []
  const source = new PageSource(new PageServer(guard, systemClock), receiver, {
    countdownOf,
    beside,
    admitsAll,
    clock: systemClock,
    emit: (event) => refused.push(event),
  })
  guard.hold(true)
  t.teardown(async () => {
    await source.close()
    guard.close()
  })
  return {
    guard,
    source,
    receiver,
    countdowns,
    add,
    said,
    refused,
    says: (sign: SignOfLife) => besideReceiver.signOfLife(sign),
    name: (channel: string, line: number) => lineNamed(channel, line),
  }
}

/** As hangdog_open does. */
function claim(file: number, pid: number): void {
  const word = Buffer.alloc(4)
  word.writeInt32LE(pid)
  writeSync(file, word, 0, 4, lineBytes + 16)
}

/** The file of the page, as the service has it: another descriptor for the same. */
function fileOf(t: Test, source: PageSource): number {
  const [file] = source.files()
  if (file === undefined) throw new Error('there is no page')
  t.equal(fstatSync(file).size, (1 + linesPerPage) * lineBytes)
  return file
}

t.test('the page source', { skip: skip && `skipped: ${skip}` }, async (t) => {
  t.test('gives each run a page of its own, and all that is beside it', async (t) => {
    const { source, said } = setUp(t)
    t.same(source.environment(), { NOTIFY_SOCKET: '/n', HANGDOG_PAGE: '3:0:63' })
    const file = fileOf(t, source)
    const head = Buffer.alloc(16)
    readSync(file, head, 0, 16, 0)
    t.equal(head.toString('latin1', 0, 7), 'hangdog')
    t.equal(head.readUInt32LE(8), 1, 'the version')
    source.environment()
    t.not(fileOf(t, source), undefined, 'a start that failed leaves nothing behind')
    source.serviceStarted(run)
    t.same(source.files(), [], 'it is closed when the service has it')
    source.serviceEnded()
    await source.close()
    t.same(said, ['started', 'ended', 'closed'])
    t.same(source.counters(), { refused: 1 })
  })

  t.test('delivers beats until they ask for nothing more, and counts them all', async (t) => {
    const { source, receiver, countdowns } = setUp(t)
    source.environment()
    const file = fileOf(t, source)
    const own = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', file] })
    t.teardown(() => own.kill('SIGKILL'))
    const kept = `/proc/${own.pid}/fd/3`
    t.ok(existsSync(kept))
    beat(file, 0, 1n)
    countdowns.get('main')?.arm(milliseconds(60_000), 0.5)
    source.serviceStarted(run)
    await until('the first is delivered', () => receiver.beats === 1)
    countdowns.get('main')?.reset()
    t.equal(source.beatsBeside(), 0, 'it is not counted twice')
    const again = openSync(kept, 'r+')
    t.teardown(() => closeSync(again))
    beat(again, 0, 10n)
    await new Promise((resolve) => setTimeout(resolve, 400))
    t.equal(receiver.beats, 1, 'a quiet one is not')
    t.equal(source.beatsBeside('main'), 9)
    t.ok((countdowns.get('main')?.spent() ?? 0) < 60_000)
    source.serviceEnded()
    t.equal(source.beatsBeside(), 9, 'they stay counted')
    source.environment()
    source.serviceStarted(run)
    beat(again, 0, 1000n)
    await new Promise((resolve) => setTimeout(resolve, 400))
    t.same([receiver.beats, source.beatsBeside()], [1, 9], 'the page of the run before is none of this one')
  })

  t.test('tells how far quiet beats were apart, and leaves those that were delivered to the receiver', async (t) => {
    const { source, receiver, countdowns } = setUp(t)
    source.environment()
    const own = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fileOf(t, source)] })
    t.teardown(() => own.kill('SIGKILL'))
    const file = openSync(`/proc/${own.pid}/fd/3`, 'r+')
    t.teardown(() => closeSync(file))
    source.serviceStarted(run)
    countdowns.get('main')?.arm(milliseconds(60_000), 0.5)
    beat(file, 0, 1n)
    await until('it is delivered', () => receiver.beats === 1)
    countdowns.get('main')?.reset()
    const first = process.hrtime.bigint()
    beat(file, 0, 2n, first)
    // Until it was looked at.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    t.same(receiver.gaps, [])
    const last = process.hrtime.bigint()
    beat(file, 0, 7n, last)
    await until('it is told', () => receiver.gaps.length > 0)
    const [{ channel, gap, count } = { channel: '', gap: 0, count: 0 }] = receiver.gaps
    t.same([channel, count], ['main', 5])
    const apart = Number(last - first) / 5e6
    t.ok(Math.abs(gap - apart) < 100, `${gap} ms, and ${apart} ms by the stamps`)
    t.equal(receiver.beats, 1)
    await source.close()
  })

  t.test('binds a channel to the line that the service names', async (t) => {
    const { source, receiver, add, name } = setUp(t)
    t.equal(name('worker', 1), false, 'not before there is a page')
    source.environment()
    const file = fileOf(t, source)
    const own = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', file] })
    t.teardown(() => own.kill('SIGKILL'))
    source.serviceStarted(run)
    t.equal(name('worker', 1), false, 'not without the channel')
    add('worker')
    t.equal(name('worker', 0), false, 'the first line is not for channels')
    t.equal(name('main', 1), false)
    t.equal(name('worker', linesPerPage), false, 'there is no such line')
    t.equal(name('worker', 1), true)
    const kept = openSync(`/proc/${own.pid}/fd/3`, 'r+')
    t.teardown(() => closeSync(kept))
    beat(kept, 1, 1n)
    await until('its beat is delivered', () => receiver.channelBeats.length === 1)
    t.match(receiver.channelBeats, [{ channel: 'worker' }])
    t.equal(receiver.beats, 0)
    await source.close()
  })

  t.test('takes no READY for a promise to beat while nobody has opened the page', async (t) => {
    const { source, receiver, says, refused } = setUp(t)
    source.environment()
    const own = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', fileOf(t, source)] })
    t.teardown(() => own.kill('SIGKILL'))
    const kept = openSync(`/proc/${own.pid}/fd/3`, 'r+')
    t.teardown(() => closeSync(kept))
    source.serviceStarted(run)
    t.equal(says({ kind: 'ready' }), true)
    t.equal(says({ kind: 'status', text: 'x' }), true)
    t.same(receiver.signs, [{ kind: 'status', text: 'x' }])
    t.match(refused, [{ name: 'beat-refused', service: 'web', parameters: { reason: /READY/, count: 1 } }])
    t.match(source.counters(), { unopened: 1 })
    claim(kept, run.pid)
    says({ kind: 'ready' })
    t.equal(receiver.signs.length, 2)
    await source.close()
  })

  for (const all of [false, true]) {
    t.test(`counts beats of another process ${all ? 'where all may beat' : 'for nothing, and says so'}`, async (t) => {
      const { source, receiver, refused } = setUp(t, all)
      source.environment()
      const file = fileOf(t, source)
      const own = spawn('sleep', ['1000'], { stdio: ['ignore', 'ignore', 'ignore', file] })
      t.teardown(() => own.kill('SIGKILL'))
      const kept = openSync(`/proc/${own.pid}/fd/3`, 'r+')
      t.teardown(() => closeSync(kept))
      claim(file, own.pid ?? 0)
      beat(file, 0, 1n)
      source.serviceStarted(run)
      if (all) await until('it is delivered', () => receiver.beats === 1)
      else {
        await until('it is reported', () => refused.length > 0)
        t.match(refused, [{ name: 'beat-refused', parameters: { reason: new RegExp(`pid ${own.pid}`) } }])
        t.same([receiver.beats, source.beatsBeside()], [0, 0])
        claim(kept, run.pid)
        beat(kept, 0, 2n)
        await until('that of the service is delivered', () => receiver.beats === 1)
      }
      await source.close()
    })
  }

  t.test('believes no count that cannot be', async (t) => {
    const { source, countdowns } = setUp(t)
    source.environment()
    const file = fileOf(t, source)
    beat(file, 0, 2n ** 64n - 1n, 2n ** 64n - 1n)
    countdowns.get('main')?.arm(milliseconds(60_000), 0.5)
    source.serviceStarted(run)
    t.ok(Number.isSafeInteger(source.beatsBeside() - 1))
    t.ok(source.beatsBeside() > 0)
    await source.close()
  })
})
