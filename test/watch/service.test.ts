import t from 'tap'
import { HangdogError } from '../../src/errors.js'
import { milliseconds as ms, seconds } from '../../src/time.js'
import { settle } from '../support/fake-clock.js'
import { alive } from '../support/scripted-platform.js'
import { beatFor, testPolicy, watched } from '../support/watched.js'

t.test('a service that beats is never acted on', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await beatFor(w, 20_000, 400)
  t.equal(w.service.state.kind, 'armed')
  t.same(w.platform.calls, ['spawn'])
  t.same(w.names(), ['service-started', 'service-armed'])
})

t.test('silence is warned of, judged, recovered from, and the incident closed when the successor beats', async (t) => {
  const w = watched()
  w.platform.reading = alive('running')
  await w.start()
  w.service.beat()
  await w.clock.run(500)
  t.ok(w.names().includes('silence-warning'))
  w.platform.reading = alive('running', { cpuTime: ms(480) })
  await w.clock.run(499)
  t.same(w.platform.calls, ['spawn'], 'nothing is done one millisecond before the limit')
  await w.clock.run(2)
  t.same(w.platform.calls, ['spawn', 'SIGTERM', 'spawn'])
  t.match(w.events.find(({ name }) => name === 'hang-recovery')?.parameters, {
    pid: 100,
    seconds: 1,
    action: '2 (terminate)',
  })
  t.match(w.incidents, ['i1 opened busy-loop', 'i1 terminate pid 100', /i1 gone after/])
  w.service.beat()
  await settle()
  t.equal(w.incidents.at(-1), 'i1 closed recovered')
  t.equal(w.service.state.kind, 'armed')
})

t.test('a beat that waited while the countdown ended is a beat', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.onDrain = () => w.service.beat()
  await w.clock.run(1100)
  t.equal(w.service.state.kind, 'armed')
  t.same(w.platform.calls, ['spawn'])
  t.notOk(w.names().includes('hang-recovery'))
})

t.test('a beat during evidence, before anything irreversible, calls the recovery off', async (t) => {
  const w = watched({ evidenceTimeout: ms(3000) })
  w.captured = async () => {
    w.service.beat()
    return []
  }
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  t.equal(w.service.state.kind, 'armed')
  t.same(w.platform.calls, ['spawn'])
  t.equal(w.incidents.at(-1), 'i1 closed recovered-by-itself')
  await w.clock.run(1100)
  t.ok(
    w.platform.calls.includes('SIGTERM') || w.incidents.some((line) => line.startsWith('i2')),
    'and the watch goes on',
  )
})

t.test('evidence that never comes delays the action by its budget and no more', async (t) => {
  const w = watched({ evidenceTimeout: ms(300) })
  w.captured = () => new Promise(() => {})
  await w.start()
  w.service.beat()
  await w.clock.run(1299)
  t.notOk(w.platform.calls.includes('SIGTERM'))
  await w.clock.run(3)
  t.ok(w.platform.calls.includes('SIGTERM'))
  t.ok(w.names().includes('evidence-late'))
})

t.test('a service that ignores its signal is killed after TerminateTimeout', async (t) => {
  const w = watched()
  w.platform.manner = 'ignores-signal'
  await w.start()
  w.service.beat()
  await w.clock.run(1001 + 498)
  t.same(w.platform.calls, ['spawn', 'SIGTERM'])
  await w.clock.run(10)
  t.same(w.platform.calls.slice(0, 3), ['spawn', 'SIGTERM', 'SIGKILL'])
  t.ok(w.names().includes('terminate-proven'))
})

t.test('TerminateTimeout 0 kills at once', async (t) => {
  const w = watched({ terminateTimeout: ms(0) })
  await w.start()
  w.service.beat()
  await w.clock.run(1002)
  t.same(w.platform.calls, ['spawn', 'SIGKILL', 'spawn'])
})

t.test('what blocks in the kernel is spared the signal that it could not take', async (t) => {
  const w = watched()
  w.platform.reading = alive('uninterruptible', { waitChannel: 'nfs_wait' })
  await w.start()
  w.service.beat()
  await w.clock.run(1002)
  t.same(w.platform.calls.slice(0, 2), ['spawn', 'SIGKILL'])
  t.match(w.incidents[0], /blocked-in-kernel/)
})

t.test('a kill that does not work is said, and no second copy is started until the first is gone', async (t) => {
  const w = watched()
  w.platform.manner = 'survives-kill'
  await w.start()
  w.service.beat()
  await w.clock.run(6000)
  t.equal(w.service.state.kind, 'stuck')
  t.ok(w.names().includes('terminate-failed'))
  t.equal(w.incidents.at(-1), 'i1 closed not-terminated')
  t.equal(w.platform.calls.filter((call) => call === 'spawn').length, 1)
  w.platform.manner = 'obeys'
  w.platform.current.exit({ kind: 'signal', signal: 'SIGKILL' })
  await w.clock.run(2000)
  t.equal(w.platform.calls.filter((call) => call === 'spawn').length, 2, 'once it is gone, it is restarted')
  t.notOk(w.platform.calls.includes('SECOND COPY'))
})

t.test('what a service leaves behind is ended before it is started again', async (t) => {
  const w = watched()
  w.platform.manner = 'leaves-child'
  await w.start()
  w.service.beat()
  w.platform.current.exit({ kind: 'code', code: 3 })
  await w.clock.run(50)
  t.same(w.platform.calls, ['spawn', 'SIGKILL', 'spawn'])
})

t.test('when termination cannot be proven and the policy says so, the machine is next', async (t) => {
  const w = watched({ escalation: 'bugcheck' })
  w.permit = { kind: 'granted' }
  w.platform.method = { kind: 'dump', method: 'sysrq c' }
  w.platform.manner = 'survives-kill'
  await w.start()
  w.service.beat()
  await w.clock.run(6000)
  t.ok(w.platform.calls.includes('bugcheck 100'))
})

t.test('action 3 stops the machine: recorded first, then done', async (t) => {
  const w = watched({ action: 'bugcheck' })
  w.permit = { kind: 'granted' }
  w.platform.method = { kind: 'dump', method: 'sysrq c' }
  await w.start()
  w.service.beat()
  await w.clock.run(1002)
  t.equal(w.platform.calls[1], 'bugcheck 100')
  t.equal(w.incidents[1], 'i1 bugcheck by sysrq c')
  t.ok(w.platform.calls.includes('SIGTERM'), 'and does the work of 2 when the machine is still there')
})

t.test('action 3 without consent does the work of 2 and says so', async (t) => {
  const w = watched({ action: 'bugcheck' })
  w.platform.method = { kind: 'dump', method: 'sysrq c' }
  await w.start()
  w.service.beat()
  await w.clock.run(1002)
  t.same(w.platform.calls, ['spawn', 'SIGTERM', 'spawn'])
  t.match(w.events.find(({ name }) => name === 'bugcheck-refused')?.parameters, { reason: 'no consent' })
})

t.test('action 1 repeats its event each period, opens one incident, and closes it when the beat is back', async (t) => {
  const w = watched({ action: 'log' })
  await w.start()
  w.service.beat()
  await w.clock.run(3500)
  t.equal(w.names().filter((name) => name === 'hang-logged').length, 3)
  t.equal(w.incidents.filter((line) => line.includes('opened')).length, 1)
  t.same(w.platform.calls, ['spawn'])
  t.match(w.events.filter(({ name }) => name === 'hang-logged')[2]?.parameters, { seconds: 3 })
  w.service.beat()
  await settle()
  t.equal(w.service.state.kind, 'armed')
  t.ok(w.names().includes('hang-over'))
  t.equal(w.incidents.at(-1), 'i1 closed recovered-by-itself')
})

t.test('action 0: no countdown runs and nothing is judged', async (t) => {
  const w = watched({ action: 'disable' })
  await w.start()
  w.service.beat()
  await w.clock.run(60_000)
  t.equal(w.service.state.kind, 'unwatched')
  t.equal(w.clock.pending, 1, 'only the reading of the machine is due')
  t.same(w.platform.calls, ['spawn'])
})

t.test('the countdown ends with the service, however that ends', async (t) => {
  const w = watched({ restart: { ...testPolicy.restart, mode: 'never' } })
  await w.start()
  w.service.beat()
  w.platform.current.exit({ kind: 'signal', signal: 'SIGSEGV' })
  await w.clock.run(10_000)
  t.equal(w.service.channels.remaining(), undefined)
  t.notOk(w.names().includes('hang-recovery'))
  t.match(await w.service.finished, { end: { kind: 'exited', status: { kind: 'signal', signal: 'SIGSEGV' } } })
})

t.test('no sign of life within ServiceStartTimeout is a hang', async (t) => {
  const w = watched()
  await w.start()
  await w.clock.run(2999)
  t.same(w.platform.calls, ['spawn'])
  await w.clock.run(3)
  t.match(w.incidents[0], /never-started/)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a program that was never told how to beat is left alone, and that is said', async (t) => {
  const w = watched({}, { committed: false })
  await w.start()
  await w.clock.run(10_000)
  t.equal(w.service.state.kind, 'unwatched')
  t.ok(w.names().includes('service-unwatched'))
  w.service.beat()
  t.equal(w.service.state.kind, 'armed', 'its first beat starts the watch')
})

t.test('READY arms, and then silence counts', async (t) => {
  const w = watched()
  await w.start()
  w.service.signOfLife({ kind: 'ready' })
  t.equal(w.service.state.kind, 'armed')
  await w.clock.run(1002)
  t.ok(w.names().includes('hang-recovery'))
})

t.test('EXTEND before READY lengthens the start', async (t) => {
  const w = watched()
  await w.start()
  w.service.signOfLife({ kind: 'extend', span: ms(5000) })
  await w.clock.run(7900)
  t.equal(w.service.state.kind, 'starting')
})

t.test('a service is alive only while all its channels are', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.service.signOfLife({ kind: 'channel-opened', channel: 'worker', limit: ms(2000) })
  for (let turn = 0; turn < 4; turn++) {
    await w.clock.run(500)
    w.service.beat()
  }
  t.match(w.incidents[0], /opened/, 'the worker was silent for its own limit of 2 s')
})

t.test('an idle channel has no countdown until it beats again', async (t) => {
  const w = watched()
  await w.start()
  w.service.beatChannel('worker')
  w.service.signOfLife({ kind: 'channel-idle', channel: 'worker' })
  await w.clock.run(10_000)
  t.equal(w.service.state.kind, 'armed')
  w.service.beatChannel('worker')
  await w.clock.run(1002)
  t.ok(w.names().includes('hang-recovery'))
})

t.test('a beat without progress does not count', async (t) => {
  const w = watched()
  await w.start()
  w.service.beatChannel('worker', 1)
  for (let turn = 0; turn < 4; turn++) {
    await w.clock.run(300)
    w.service.beatChannel('worker', 1)
  }
  t.ok(w.names().includes('hang-recovery'))
})

t.test('a closed channel is not missed', async (t) => {
  const w = watched()
  await w.start()
  w.service.beatChannel('worker')
  w.service.signOfLife({ kind: 'channel-closed', channel: 'worker' })
  await w.clock.run(10_000)
  t.equal(w.service.state.kind, 'armed')
})

t.test('WATCHDOG=trigger is a hang now, and a waiting beat does not excuse it', async (t) => {
  const w = watched()
  w.onDrain = () => w.service.beat()
  await w.start()
  w.service.beat()
  w.service.signOfLife({ kind: 'trigger' })
  await w.clock.run(1)
  t.match(w.incidents[0], /triggered/)
})

t.test('an announced stop turns the countdown off', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.service.signOfLife({ kind: 'stopping' })
  await w.clock.run(20_000)
  t.equal(w.service.state.kind, 'stopping')
  t.same(w.platform.calls, ['spawn'])
})

t.test('a stopped process is held, looked at, and its countdown starts over when it goes on', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.platform.reading = alive('stopped')
  await w.clock.run(5000)
  t.match(w.service.state, { kind: 'held', reason: 'stopped' })
  t.ok(w.names().includes('hold-started'))
  w.platform.reading = alive('sleeping')
  await w.clock.run(300)
  t.equal(w.service.state.kind, 'armed')
  t.ok(w.names().includes('hold-ended'))
  w.service.beat()
  t.same(w.platform.calls, ['spawn'])
})

t.test('each hold has its limit', async (t) => {
  const w = watched({ holds: { ...testPolicy.holds, stopped: seconds(10) } })
  await w.start()
  w.service.beat()
  w.platform.reading = alive('stopped')
  await w.clock.run(10_500)
  t.equal(w.service.state.kind, 'held')
  await w.clock.run(1000)
  t.match(w.incidents[0], /held-too-long/)
  t.equal(w.platform.calls[1], 'SIGKILL')
})

t.test('a hold limit of 0 acts at once', async (t) => {
  const w = watched({ holds: { ...testPolicy.holds, stopped: ms(0) } })
  await w.start()
  w.service.beat()
  w.platform.reading = alive('stopped')
  await w.clock.run(1002)
  t.equal(w.platform.calls[1], 'SIGKILL')
})

t.test('a debugger and a frozen group hold as well', async (t) => {
  for (const reading of [alive('traced', { tracerPid: 7 }), alive('sleeping', { frozen: true })]) {
    const w = watched()
    await w.start()
    w.service.beat()
    w.platform.reading = reading
    await w.clock.run(30_000)
    t.equal(w.service.state.kind, 'held')
    t.same(w.platform.calls, ['spawn'])
  }
})

t.test('a program that a debugger has halted is held, though its process only sleeps', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.platform.reading = alive('sleeping', { waitChannel: 'futex_do_wait' })
  w.halted = true
  await w.clock.run(30_000)
  t.match(w.service.state, { kind: 'held', reason: 'traced' })
  t.same(w.platform.calls, ['spawn'])
  t.equal(w.names().filter((name) => name === 'hold-started').length, 1, 'one hold, not one after the other')
  w.halted = false
  await w.clock.run(5000)
  t.equal(w.platform.calls[1], 'SIGTERM', 'a silence that goes on without the debugger is a hang')
})

t.test('a busy program is not asked for its debugger', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.platform.reading = alive('running', { cpuTime: ms(0) })
  w.halted = true
  await w.clock.run(501)
  w.platform.reading = alive('running', { cpuTime: ms(490) })
  await w.clock.run(501)
  t.equal(w.platform.calls[1], 'SIGTERM')
})

t.test('starvation gets one extension, and no second one', async (t) => {
  const w = watched()
  await w.start()
  w.platform.reading = alive('running', { runQueueWait: ms(0) })
  w.platform.machine = { cpuPressure: ms(0) }
  w.service.beat()
  await w.clock.run(500)
  w.platform.reading = alive('running', { runQueueWait: ms(490) })
  w.platform.machine = { cpuPressure: ms(490) }
  await w.clock.run(501)
  t.match(w.service.state, { kind: 'held', reason: 'starved' })
  await w.clock.run(500)
  w.platform.reading = alive('running', { runQueueWait: ms(1490) })
  w.platform.machine = { cpuPressure: ms(1490) }
  await w.clock.run(502)
  t.ok(w.platform.calls.includes('SIGKILL'))
})

t.test('hangdog stopped for longer than the limit: nobody is acted on, and the countdown starts over', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await w.clock.run(300)
  w.clock.jump(10_000)
  await w.clock.run(0)
  t.match(w.service.state, { kind: 'held', reason: 'supervisor-stalled' })
  t.match(w.events.find(({ name }) => name === 'supervisor-stalled')?.parameters, { services: 1 })
  await w.clock.run(900)
  w.service.beat()
  t.equal(w.service.state.kind, 'armed')
  t.same(w.platform.calls, ['spawn'])
})

t.test('a service that hung before hangdog was stopped is still found', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await w.clock.run(300)
  w.clock.jump(10_000)
  await w.clock.run(1100)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('a suspend is told from a stall by the clocks', async (t) => {
  const w = watched()
  w.platform.machine = { suspended: ms(0) }
  await w.start()
  await beatFor(w, 12_000, 400)
  await w.clock.run(300)
  w.platform.machine = { suspended: ms(10_000) }
  w.clock.jump(10_000)
  await w.clock.run(0)
  t.match(w.service.state, { kind: 'held', reason: 'machine-suspended' })
})

t.test('a wall clock that steps changes nothing', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await w.clock.run(300)
  w.clock.stepWall(3_600_000)
  await w.clock.run(600)
  t.equal(w.service.state.kind, 'armed')
  w.clock.stepWall(-7_200_000)
  await w.clock.run(150)
  t.ok(w.platform.calls.includes('SIGTERM'))
})

t.test('restarts back off, and a crash loop ends in a clear event', async (t) => {
  const w = watched()
  await w.start()
  for (let crash = 0; crash < 6; crash++) {
    w.platform.current.exit({ kind: 'code', code: 1 })
    await w.clock.run(40_000)
  }
  const delays = w.events.filter(({ name }) => name === 'ended-unexpectedly').map(({ parameters }) => parameters)
  t.match(delays, [{ delayMs: 0 }, { delayMs: 500 }, { delayMs: 1000 }, { delayMs: 2000 }, { delayMs: 4000 }])
  t.ok(w.names().includes('crash-loop'))
  t.equal(w.service.state.kind, 'failed')
  t.match(await w.service.finished, { reason: /crash loop/ })
})

t.test('on-failure leaves a clean end alone, always does not', async (t) => {
  const onFailure = watched()
  await onFailure.start()
  onFailure.platform.current.exit()
  await onFailure.clock.run(5000)
  t.equal(onFailure.service.state.kind, 'stopped')
  const always = watched({ restart: { ...testPolicy.restart, mode: 'always' } })
  await always.start()
  always.platform.current.exit()
  await always.clock.run(1000)
  t.equal(always.platform.processes.length, 2)
})

t.test('a service that cannot be started the first time is an error, not a loop', async (t) => {
  const w = watched()
  w.platform.startFailure = new HangdogError('unavailable', 'cannot start service "web": command "nodde" not found')
  await w.start()
  const end = await w.service.finished
  t.equal(end.startError?.code, 'unavailable')
  t.same(w.platform.calls, ['spawn'])
})

t.test('stop asks, waits, kills and proves', async (t) => {
  const w = watched({ stopTimeout: ms(2000) })
  w.platform.manner = 'ignores-signal'
  await w.start()
  w.service.beat()
  void w.service.stop('SIGTERM from the terminal')
  await w.clock.run(1990)
  t.same(w.platform.calls, ['spawn', 'SIGTERM'])
  await w.clock.run(50)
  t.ok(w.platform.calls.includes('SIGKILL'))
  t.equal(w.service.state.kind, 'stopped')
  t.match(await w.service.finished, { reason: 'SIGTERM from the terminal' })
})

t.test('a stop while a hang is being recovered: it is ended and not started again', async (t) => {
  const w = watched()
  w.platform.manner = 'ignores-signal'
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  void w.service.stop('shutdown')
  await w.clock.run(1000)
  t.equal(w.platform.processes.length, 1)
  t.equal(w.service.state.kind, 'stopped')
})

t.test('a stop during the back-off cancels the restart', async (t) => {
  const w = watched()
  await w.start()
  for (let crash = 0; crash < 2; crash++) {
    w.platform.current.exit({ kind: 'code', code: 1 })
    await w.clock.run(100)
  }
  t.equal(w.service.state.kind, 'waiting')
  await w.service.stop('shutdown')
  await w.clock.run(5000)
  t.equal(w.platform.processes.length, 2)
  await w.service.finished
})

t.test('a policy change takes effect at once and starts the countdown over', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  await w.clock.run(900)
  w.service.changePolicy({ ...testPolicy, heartbeatTimeout: ms(5000) })
  await w.clock.run(4900)
  t.same(w.platform.calls, ['spawn'])
  w.service.changePolicy({ ...testPolicy, action: 'disable' })
  await w.clock.run(20_000)
  t.equal(w.service.state.kind, 'unwatched')
  w.service.changePolicy(testPolicy)
  w.service.beat()
  await w.clock.run(1002)
  t.ok(w.platform.calls.includes('SIGTERM'), 'enabled again, silence counts again')
})

t.test('an exit during the verdict is an exit, not a hang', async (t) => {
  const w = watched({ restart: { ...testPolicy.restart, mode: 'never' } })
  await w.start()
  w.service.beat()
  w.onDrain = () => w.platform.current.exit({ kind: 'code', code: 5 })
  await w.clock.run(1100)
  t.notOk(w.names().includes('hang-recovery'))
  t.match(await w.service.finished, { end: { kind: 'exited', status: { code: 5 } } })
})

t.test('a dry run decides, reports what it would do, and goes on watching', async (t) => {
  const w = watched({}, { dryRun: true })
  await w.start()
  w.service.beat()
  await w.clock.run(2500)
  t.same(w.platform.calls, ['spawn'])
  t.equal(w.names().filter((name) => name === 'dry-run').length, 1)
  t.match(w.service.state, { kind: 'reported' })
})

t.test(
  'the incident is written ahead at the warning, opened at expiry, and discarded when the beat comes back',
  async (t) => {
    const w = watched()
    await w.start()
    w.service.beat()
    await w.clock.run(600)
    t.same(w.prepared, ['prepared'])
    w.service.beat()
    await settle()
    t.same(w.prepared, ['prepared', 'discarded'])
    t.same(w.incidents, [])
    await w.clock.run(1001)
    t.same(w.prepared, ['prepared', 'discarded', 'prepared', 'opened'])
    t.equal(w.incidents.filter((line) => line.includes('opened')).length, 1)
  },
)

t.test('before the machine is stopped the incident is written whole, not only ahead', async (t) => {
  const w = watched({ action: 'bugcheck' })
  w.permit = { kind: 'granted' }
  w.platform.method = { kind: 'dump', method: 'sysrq c' }
  await w.start()
  w.service.beat()
  await w.clock.run(1002)
  t.same(w.prepared.slice(0, 2), ['prepared', 'discarded'])
  t.equal(w.incidents[0], 'i1 opened waiting')
})

t.test('an incident that cannot be written is said and delays the action by its limit only', async (t) => {
  const w = watched()
  w.service.parts.incidents.open = () => new Promise(() => {})
  w.service.parts.incidents.prepare = () => new Promise(() => {})
  await w.start()
  w.service.beat()
  await w.clock.run(1500)
  t.notOk(w.platform.calls.includes('SIGTERM'))
  await w.clock.run(600)
  t.ok(w.platform.calls.includes('SIGTERM'))
  t.ok(w.names().includes('incident-unwritten'))
})

t.test(
  'beats on other channels do not excuse the silent one, and its own process is the one that is read',
  async (t) => {
    const w = watched({ evidenceTimeout: ms(500) })
    w.captured = () => new Promise(() => {})
    w.platform.members.set(777, alive('running'))
    await w.start()
    w.service.beat()
    w.service.signOfLife({ kind: 'channel-opened', channel: 'pid-777', pid: 777 })
    for (let turn = 0; turn < 2; turn++) {
      await w.clock.run(300)
      w.service.beat()
    }
    w.platform.members.set(777, alive('running', { cpuTime: ms(900) }))
    for (let turn = 0; turn < 4; turn++) {
      await w.clock.run(250)
      w.service.beat()
    }
    await w.clock.run(300)
    t.match(w.incidents[0], /busy-loop/, 'not the sleep of the process above it')
    t.ok(w.platform.calls.includes('SIGTERM'), 'the main channel beat on all the while')
  },
)

t.test('a service that announces its end and does not come to it is ended after StopTimeout', async (t) => {
  const w = watched({ stopTimeout: ms(2000) })
  await w.start()
  w.service.beat()
  w.service.signOfLife({ kind: 'stopping' })
  await w.clock.run(1990)
  t.same(w.platform.calls, ['spawn'])
  await w.clock.run(50)
  t.same(w.platform.calls.slice(0, 2), ['spawn', 'SIGTERM'])
  t.ok(w.platform.current.gone || w.platform.processes.length === 2)
})

t.test('repeated stalls do not hide the silence of one of two channels', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  w.service.beatChannel('worker')
  for (let round = 0; round < 12 && w.incidents.length === 0; round++) {
    w.clock.jump(700)
    await w.clock.run(0)
    w.service.beatChannel('worker')
    await w.clock.run(100)
    w.service.beatChannel('worker')
  }
  t.match(w.incidents[0], /opened/, 'main was silent all the while')
})

t.test('stop lets go of a service that cannot be ended', async (t) => {
  const w = watched({ stopTimeout: ms(500) })
  w.platform.manner = 'survives-kill'
  await w.start()
  w.service.beat()
  void w.service.stop('shutdown')
  await w.clock.run(5000)
  // Without the error `run` would end with 0 beside a service that lives on.
  t.match(await w.service.finished, { reason: /could not be ended/, startError: { code: 'internal' } })
})

t.test('an operator who stops a reported service closes its incident as stopped', async (t) => {
  const w = watched({ action: 'log' })
  await w.start()
  w.service.beat()
  await w.clock.run(1100)
  void w.service.stop('shutdown')
  await w.clock.run(100)
  t.equal(w.incidents.at(-1), 'i1 closed stopped')
})

t.test('so does one who stops it while evidence of the reported hang is taken', async (t) => {
  const w = watched({ action: 'log', evidenceTimeout: ms(500), stopTimeout: ms(1000) })
  w.platform.manner = 'ignores-signal'
  w.captured = () => new Promise(() => {})
  await w.start()
  w.service.beat()
  await w.clock.run(1200)
  void w.service.stop('shutdown')
  await w.clock.run(2000)
  t.equal(w.incidents.at(-1), 'i1 closed stopped')
})

t.test('a service that hangs in its start is event 7022 as well', async (t) => {
  const w = watched()
  await w.start()
  await w.clock.run(3001)
  t.match(w.events.find(({ name }) => name === 'start-hung')?.parameters, { seconds: 3 })
})

t.test('a new status is an event, but at most once a second', async (t) => {
  const w = watched()
  await w.start()
  w.service.beat()
  for (let number = 0; number < 100; number++) w.service.signOfLife({ kind: 'status', text: `job ${number}` })
  t.equal(w.names().filter((name) => name === 'service-status').length, 1)
  await w.clock.run(900)
  w.service.beat()
  await w.clock.run(200)
  w.service.signOfLife({ kind: 'status', text: 'job 100' })
  w.service.signOfLife({ kind: 'status', text: 'job 100' })
  t.equal(w.names().filter((name) => name === 'service-status').length, 2)
})
