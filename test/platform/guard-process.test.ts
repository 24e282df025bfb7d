import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Addon } from '../../src/platform/addon.js'
import {
  findGuardProgram,
  type GuardProcess,
  type GuardProcessOptions,
  lackOfGuardProgram,
  openGuardProcess,
} from '../../src/platform/guard-process.js'
import { readStat } from '../../src/platform/linux-proc.js'
import { milliseconds, seconds } from '../../src/time.js'
import { createNativeEngine } from '../../src/watch/native-engine.js'
import { countdownEngineContract } from '../contract/countdown-engine.js'
import { makeFolder } from '../heartbeat/stream-fixture.js'
import { nativeAddon, timeByHand } from '../support/native.js'
import { until } from './support.js'

const { addon, skip } = nativeAddon()
const lack = lackOfGuardProgram()

if (addon === undefined || lack !== undefined) t.pass('the guard process', { skip: `skipped: ${skip || lack}` })
else suite(addon)

function suite(addon: Addon): void {
  const open = async (t: Test, options: Partial<GuardProcessOptions> = {}): Promise<GuardProcess> => {
    const path = join(makeFolder(t), 'guard')
    const all = { path, countdowns: 4096, processes: 64, realtime: false, lost: () => {}, ...options }
    const opened = await openGuardProcess(addon, all)
    t.teardown(() => {
      opened.end()
      opened.guard.close()
    })
    return opened
  }

  countdownEngineContract(t, 'native engine over a guard process', async (t) => {
    const { guard } = await open(t, { byHand: true })
    return { engine: createNativeEngine(guard), time: timeByHand(guard) }
  })

  countdownEngineContract(t, 'native engine over an heir', async (t) => {
    const { guard, pid } = await open(t, { byHand: true })
    const engine = createNativeEngine(guard)
    process.kill(pid, 'SIGKILL')
    await until('the heir has taken over', () => {
      guard.deliver()
      return guard.native.handNext() >= 0
    })
    return { engine, time: timeByHand(guard) }
  })

  t.test('it is started once, is its own session, and ends when it is told to', async (t) => {
    const path = join(makeFolder(t), 'guard')
    const { pid, end, guard, residents } = await open(t, { path })
    t.same(residents, [])
    t.equal(statSync(path).mode & 0o777, 0o600)
    const { stdout } = spawnSync('ps', ['-o', 'sid=,tty=,comm=', '-p', String(pid)], { encoding: 'utf8' })
    t.match(stdout, /\?\s+hangdog-guard/)
    t.notMatch(
      stdout,
      new RegExp(
        `^\\s*${spawnSync('ps', ['-o', 'sid=', '-p', String(process.pid)], { encoding: 'utf8' }).stdout.trim()} `,
      ),
    )
    await t.rejects(open(t, { path }), {
      code: 'create',
      message: new RegExp(`hangdog with pid ${process.pid} owns it`),
    })
    end()
    await until('it has ended', () => readStat(pid) === undefined)
    t.notOk(existsSync(path))
    guard.close()
    guard.close()
  })

  t.test('a path that cannot be used is refused with the cause', async (t) => {
    const folder = makeFolder(t)
    writeFileSync(join(folder, 'file'), 'mine')
    await t.rejects(open(t, { path: join(folder, 'file') }), { code: 'unavailable', message: /file.*File exists/ })
    await t.rejects(open(t, { path: join(folder, 'nothing', 'guard') }), {
      code: 'unavailable',
      message: /No such file/,
    })
    await t.rejects(open(t, { path: join(folder, 'x'.repeat(120)) }), { code: 'unavailable', message: /ENAMETOOLONG/ })
  })

  t.test('an expiry is told without being asked for, and a claim stops the guard', async (t) => {
    const { guard } = await open(t)
    let limits = 0
    const countdown = createNativeEngine(guard).create({ warningElapsed() {}, limitElapsed: () => limits++ })
    countdown.arm(milliseconds(50), 0.5)
    await until('the limit has passed', () => limits === 1)
    t.equal(guard.native.countdownReading(countdown.id)?.state, 0)
  })

  t.test(
    'what an owner left behind is found by the next: alive with its countdown, or ended by the guard',
    async (t) => {
      const path = join(makeFolder(t), 'guard')
      const sleepers = [1, 2].map(() => spawn('sleep', ['1000']))
      const [living, doomed] = sleepers.map(({ pid }) => pid ?? 0)
      t.teardown(() => {
        for (const sleeper of sleepers) sleeper.kill('SIGKILL')
      })
      const first = await open(t, { path })
      const engine = createNativeEngine(first.guard)
      const watch = (pid: number | undefined, label: string, limit: number) => {
        const process = first.guard.watchProcess({ pid: pid ?? 0, startTime: 'unknown' })
        const countdown = engine.create({ warningElapsed() {}, limitElapsed() {} })
        first.guard.bind(process, countdown.id)
        first.guard.countdownFallback(countdown.id, process, 'SIGKILL', milliseconds(100))
        first.label(process, true, label)
        countdown.arm(milliseconds(limit), 0.5)
        return countdown
      }
      const lives = watch(living, 'lives', 3_600_000)
      watch(doomed, 'is doomed', 1000)
      // As when our process dies: no word to the guard.
      first.guard.close()
      await until('the guard has acted alone', () => sleepers[1]?.signalCode === 'SIGKILL')
      const second = await open(t, { path })
      t.equal(second.pid, first.pid)
      const found = new Map(second.residents.map((resident) => [resident.label, resident]))
      t.match(found.get('lives'), { ended: false, acted: false, countdown: lives.id, hasBeaten: false })
      t.same(found.get('lives')?.identity, { pid: living, startTime: readStat(living ?? 0)?.startTime })
      t.match(found.get('is doomed'), { ended: true, acted: true })
      t.equal(found.size, 2)
      const process = second.guard.watchProcess({ pid: living ?? 0, startTime: 'unknown' })
      t.equal(process, found.get('lives')?.process, 'and can be watched on')
    },
  )

  t.test('when it is killed, a guard in this process takes over what ran, and says so', async (t) => {
    const folder = makeFolder(t)
    const lost: (string | undefined)[] = []
    const { guard, pid } = await open(t, { path: join(folder, 'guard'), lost: (why) => lost.push(why) })
    const calls: string[] = []
    const engine = createNativeEngine(guard)
    const record = (to: string[]) => ({
      warningElapsed: () => to.push('warning'),
      limitElapsed: () => to.push('limit'),
    })
    const countdown = engine.create(record(calls))
    const late: string[] = []
    const running = engine.create(record(late))
    // More than once, so that an heir that counts armings from one can be told from one that goes on.
    for (let time = 0; time < 3; time++) running.arm(seconds(3), 0.5)
    const messages: string[] = []
    const ended: number[] = []
    guard.listen({ messageReceived: ({ text }) => messages.push(text), processEnded: (process) => ended.push(process) })
    guard.openNotify(join(folder, 'notify'), 0o600)
    const sleeper = spawn('sleep', ['1000'])
    t.teardown(() => sleeper.kill('SIGKILL'))
    const watched = guard.watchProcess({ pid: sleeper.pid ?? 0, startTime: 'unknown' })
    guard.bind(watched, countdown.id)
    countdown.arm(seconds(3600), 0.5)
    process.kill(pid, 'SIGKILL')
    await until('the loss is known', () => lost.length === 1)
    t.same(lost, [undefined])
    t.equal(countdown.armed, true)
    t.ok(countdown.remaining() > 3_590_000)
    await until('one that ran expires under the heir', () => late.includes('limit'))
    t.equal(running.armed, false)
    t.ok(countdown.reset() >= 0)
    await sendDatagram(join(folder, 'notify'), 'STATUS=still here')
    await until('the socket is there again', () => messages.includes('STATUS=still here'))
    t.equal(sleeper.exitCode ?? sleeper.signalCode, null, 'nobody was harmed')
    countdown.arm(milliseconds(50), 0.5)
    await until('its limit passes', () => calls.includes('limit'))
    sleeper.kill('SIGKILL')
    await until('its end is seen', () => ended.includes(watched))
  })

  t.test('a guard that is stopped is taken for lost by the first call that waits for it too long', async (t) => {
    let isLost = false
    const lost = () => {
      isLost = true
    }
    const { guard, pid } = await open(t, { lost })
    const countdown = createNativeEngine(guard).create({ warningElapsed() {}, limitElapsed() {} })
    countdown.arm(seconds(3600), 0.5)
    process.kill(pid, 'SIGSTOP')
    t.teardown(() => process.kill(pid, 'SIGKILL'))
    t.ok(countdown.reset() >= 0)
    t.ok(isLost)
    t.equal(countdown.armed, true)
  })

  t.test('the program refuses bad arguments', async (t) => {
    const program = findGuardProgram() ?? ''
    const run = (...args: string[]) => spawnSync(program, args, { encoding: 'utf8', timeout: 20_000 })
    t.match(run(), { status: 64, stderr: /^Usage/ })
    t.match(run('--socket', '/tmp/x', 'more'), { status: 64 })
    t.match(run('--socket', '/tmp/x', '--countdowns', '0'), {
      status: 64,
      stderr: /--countdowns "0": expected a number from 1/,
    })
    t.match(run('--socket', '/tmp/x', '--idle', '1x'), { status: 64, stderr: /--idle "1x"/ })
    t.match(run('--socket', '/no/such/folder/x'), { status: 73, stderr: /No such file/ })
  })

  t.test('SIGTERM ends it only when no countdown runs', async (t) => {
    const { guard, pid } = await open(t)
    const countdown = createNativeEngine(guard).create({ warningElapsed() {}, limitElapsed() {} })
    countdown.arm(seconds(3600), 0.5)
    process.kill(pid, 'SIGTERM')
    process.kill(pid, 'SIGHUP')
    t.ok(countdown.remaining() > 0)
    guard.native.countdownReading(countdown.id)
    t.not(readStat(pid), undefined)
    countdown.disarm()
    process.kill(pid, 'SIGTERM')
    await until('it has ended', () => readStat(pid) === undefined)
  })

  t.test('without an owner and with nothing to watch it ends by itself', async (t) => {
    const { guard, pid } = await open(t, { idleSeconds: 1 })
    guard.close()
    await until('it has ended', () => readStat(pid) === undefined)
  })
}

async function sendDatagram(path: string, text: string): Promise<void> {
  const script =
    'import socket,sys\ns=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)\ns.sendto(sys.argv[2].encode(),sys.argv[1])'
  const child = spawn('python3', ['-c', script, path, text])
  await once(child, 'exit')
}
