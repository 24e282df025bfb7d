import { join } from 'node:path'
import t from 'tap'
import { explainCommand } from '../../src/cli/explain.js'
import { statusCommand } from '../../src/cli/status.js'
import { controlPath } from '../../src/control/instances.js'
import { milliseconds } from '../../src/time.js'
import { eventually, explanationOf, FakeDaemon, serve, statusOf, temporaryState } from '../control/support.js'
import { alive } from '../support/scripted-platform.js'
import { openScreenshot, runCommand, Screenshot } from './support.js'

async function startDaemon(t: Parameters<typeof serve>[0], state: string, name = 'main'): Promise<FakeDaemon> {
  const daemon = new FakeDaemon(name)
  await serve(t, controlPath({ control: join(state, 'control') }, name), daemon)
  return daemon
}

t.test('status shows the services of a hangdog as a table', async (t) => {
  const state = temporaryState(t)
  const daemon = await startDaemon(t, state)
  daemon.services = [
    statusOf('web', { statusText: 'fine\u001b[0m' }),
    statusOf('db', { state: 'held', detail: 'silent, held: stopped', pid: null, remainingMs: null, lastBeatAt: null }),
  ]
  const { stdout } = await runCommand(statusCommand, ['status', '--state-dir', state])
  const [heading, web, db] = stdout.lines
  t.match(heading, /^SERVICE {2}STATE {2}PID +LEFT +LAST BEAT +RESTARTS {2}HOLDS {2}HANGS {2}DETAIL$/)
  t.match(web, /^web +armed {2}4242 {2}4\.5s\/6s {2}.* ago +1 +2 +3 +alive \(says: fine\\x1b\[0m\)$/)
  t.match(db, /^db +held {3}- {5}-\/6s +- +1 +2 +3 +silent, held: stopped$/)
})

t.test('with several hangdogs each service says whose it is', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state, 'alpha')
  await startDaemon(t, state, 'beta')
  const { stdout } = await runCommand(statusCommand, ['status', '--state-dir', state])
  t.match(stdout.lines, [/^INSTANCE {2}SERVICE/, /^alpha +web/, /^alpha +db/, /^beta +web/, /^beta +db/])
  const json = await runCommand(statusCommand, ['status', 'db', '--json', '--state-dir', state])
  t.match(json.stdout.objects, [
    { instance: 'alpha', service: 'db', pid: 4243, limitMs: 6000 },
    { instance: 'beta', service: 'db' },
  ])
})

t.test('what is left of the time to start is not shown as a share of the limit', async (t) => {
  const state = temporaryState(t)
  const daemon = await startDaemon(t, state)
  daemon.services = [statusOf('web', { state: 'starting', remainingMs: 180_000 })]
  const { stdout } = await runCommand(statusCommand, ['status', '--state-dir', state])
  t.match(stdout.lines[1], / 4242 {2}3m {2}/)
})

t.test('one service is shown in full', async (t) => {
  const state = temporaryState(t)
  const daemon = await startDaemon(t, state)
  const channel = { channel: 'worker', armed: true, limitMs: 2000, remainingMs: 1500, beats: 7 }
  daemon.services = [statusOf('web', { channels: [channel], counters: { refused: 3, dropped: 0 } })]
  const { stdout } = await runCommand(statusCommand, ['status', 'web', '--state-dir', state])
  t.equal(stdout.lines[0], 'web')
  t.match(stdout.text, /command +node web\.js\n/)
  t.match(stdout.text, /channel worker +1\.5s\/2s left, 7 beats\n/)
  t.match(stdout.text, /refused +3\n/)
  t.notMatch(stdout.text, /dropped/)
})

t.test('a service that does not exist is refused with those that do', async (t) => {
  const state = temporaryState(t)
  await startDaemon(t, state)
  const wanted = { code: 'usage', message: 'cannot find service "wbe": expected one of web, db' }
  await t.rejects(runCommand(statusCommand, ['status', 'wbe', '--state-dir', state]), wanted)
  await t.rejects(runCommand(statusCommand, ['status', 'wbe', '--watch', '--state-dir', state]), wanted)
  await t.rejects(runCommand(explainCommand, ['explain', 'wbe', '--state-dir', state]), wanted)
})

t.test('without a hangdog it says how to start one', async (t) => {
  const state = temporaryState(t)
  const wanted = { code: 'unavailable', message: /no hangdog runs .* "hangdog run -- COMMAND"/ }
  await t.rejects(runCommand(statusCommand, ['status', '--state-dir', state]), wanted)
  await t.rejects(runCommand(explainCommand, ['explain', 'web', '--state-dir', state]), wanted)
  await t.rejects(runCommand(statusCommand, ['status', '--state-dir', join(state, 'none')]), { code: 'unavailable' })
})

t.test(
  '--watch prints a service first and then when it changed, also those of a hangdog that starts later',
  async (t) => {
    const state = temporaryState(t)
    const daemon = await startDaemon(t, state)
    const ran = openScreenshot()
    const watching = runCommand(statusCommand, ['status', '--watch', '--json', '--state-dir', state], ran)
    await eventually(() => ran.stdout.lines.length === 2, 'both services')
    daemon.services = [statusOf('web', { remainingMs: 1, beats: 99 }), statusOf('db', { state: 'held' })]
    await eventually(() => ran.stdout.lines.length === 3, 'the changed one')
    t.match(ran.stdout.objects[2], { service: 'db', state: 'held' })
    await startDaemon(t, state, 'later')
    await eventually(() => ran.stdout.lines.length === 5, 'the later ones')
    t.match(ran.stdout.objects[4], { instance: 'later' })
    process.emit('SIGINT')
    await watching
    t.equal(ran.exitCode, 0)
    t.equal(
      process.listenerCount('SIGTERM', () => {}),
      0,
    )
  },
)

t.test('--watch without a terminal prints lines that stand by themselves', async (t) => {
  const state = temporaryState(t)
  const daemon = await startDaemon(t, state)
  daemon.services = [statusOf('web', { detail: 'a\nb' })]
  const ran = openScreenshot()
  const watching = runCommand(statusCommand, ['status', 'web', '--watch', '--state-dir', state], ran)
  await eventually(() => ran.stdout.lines.length === 1, 'the first line')
  t.match(ran.stdout.lines[0], /^20.* main\/web {2}armed {2}pid 4242, 1 restarts, 2 holds, 3 hangs {2}a\\nb$/)
  ran.stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }))
  await watching
})

t.test('--watch redraws in place on a terminal and leaves it as it was', async (t) => {
  const state = temporaryState(t)
  const daemon = await startDaemon(t, state)
  const ran = openScreenshot(new Screenshot(true, 80), { NO_COLOR: '1' })
  const watching = runCommand(statusCommand, ['status', '--watch', '--state-dir', state], ran)
  await eventually(() => ran.stdout.text.includes('web'), 'the first picture')
  daemon.services = [statusOf('web', { state: 'stuck' }), statusOf('db')]
  await eventually(() => ran.stdout.text.includes('stuck'), 'the second picture')
  t.ok(ran.stdout.text.includes('\u001b[3A\u001b[0J'), 'three lines are drawn over')
  ran.stdout.destroy(Object.assign(new Error('gone'), { code: 'EPIPE' }))
  await watching
})

t.test('explain says what happens next and what the last verdict rests on', async (t) => {
  const state = temporaryState(t)
  const daemon = await startDaemon(t, state)
  daemon.explain = (service) =>
    explanationOf(service, {
      last: {
        at: '2026-01-01T00:00:00.000Z',
        channel: 'main',
        verdict: { kind: 'held', reason: 'stopped', detail: 'x' },
        sentence: 'held: the process is stopped (T)',
        rule: 'hold-stopped',
        reason: 'it may be',
        readingAtWarning: null,
        readingAtExpiry: alive('stopped', { cpuTime: milliseconds(40) }),
        cpuPercent: 3,
        beats: 7,
        heldSoFarMs: {},
        holds: [
          { reason: 'stopped', usedMs: 1000, limitMs: 3000, leftMs: 2000 },
          { reason: 'traced', usedMs: 0, limitMs: 0, leftMs: 0 },
        ],
        clocks: {
          limitMs: 6000,
          silentMs: 6001,
          sinceWarning: { ownMs: 3001, monotonicMs: 4001, bootMs: 4001, wallMs: -3_596_000, stallMs: 1000 },
        },
      },
      nearMiss: {
        at: '2026-01-01T00:00:00.000Z',
        channel: 'main',
        silentMs: 4800,
        limitMs: 6000,
        percent: 80,
        seen: 'in read(\u001b[2J)',
      },
      nearMisses: 12,
    })
  const { stdout } = await runCommand(explainCommand, ['explain', 'web', '--state-dir', state])
  t.match(stdout.text, /^web \(watched by main\) is armed: alive\n/)
  t.match(stdout.text, / {2}1\. first this\n {2}2\. then that\n/)
  t.match(stdout.text, /channel main: held: the process is stopped \(T\)\n/)
  t.match(stdout.text, /rule: +hold-stopped: it may be\n/)
  t.match(stdout.text, /warning: +no reading\n.*verdict: +kind alive, state stopped.*cpuTime 40ms.*, 3 % of a CPU/)
  t.match(stdout.text, /holds: +stopped 1s used, 2s left; traced never\n/)
  t.match(stdout.text, /own ticks 3s, monotonic 4s, .* wall -59m 56s; .*: 1s\n/)
  t.match(stdout.text, /4\.8s, 80 % of the limit of 6s; 12 in all\n.*read\(\\x1b\[2J\)/)
  const json = await runCommand(explainCommand, ['explain', 'web', '--json', '--state-dir', state])
  t.match(json.stdout.objects, [{ instance: 'main', service: 'web', last: { verdict: { reason: 'stopped' } } }])
})
