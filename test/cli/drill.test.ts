import { join } from 'node:path'
import t, { type Test } from 'tap'
import { drillCommand } from '../../src/cli/drill.js'
import { controlPath } from '../../src/control/instances.js'
import type { ControlServer } from '../../src/control/server.js'
import type { DrillNews, DrillOrder, TellDrill } from '../../src/drill/drill-report.js'
import { HangdogError } from '../../src/errors.js'
import { eventually, FakeDaemon, serve, temporaryState } from '../control/support.js'
import { openScreenshot, runCommand } from './support.js'

const steps: readonly DrillNews[] = [
  { kind: 'step', step: 'beating', detail: 'First sign of life', sinceLastBeatMs: null },
  { kind: 'step', step: 'verdict', detail: 'it is hung\u001b[2J', sinceLastBeatMs: 2004.2 },
]
const facts = { service: 'web', canary: 'web.drill', how: 'blocked', limitMs: 2000, incident: 'i-1' } as const
const passed: DrillNews = { ...facts, kind: 'passed', detectionMs: 4.2, overshootMs: 12.5, reportedMs: 11 }
const failed: DrillNews = { ...facts, kind: 'failed', step: 'killed', detail: 'SIGKILL did not come within 5s' }

interface Drilled {
  readonly state: string
  readonly daemon: FakeDaemon
  readonly server: ControlServer
  readonly orders: DrillOrder[]
}

/** A hangdog whose drill tells this, and then ends unless it is to go on. */
async function start(t: Test, news: readonly DrillNews[], goesOn = false): Promise<Drilled> {
  const state = temporaryState(t)
  const daemon = new FakeDaemon()
  const orders: DrillOrder[] = []
  daemon.drill = (order: DrillOrder, tell: TellDrill) => {
    orders.push(order)
    for (const each of news) tell(each)
    return goesOn ? new Promise(() => {}) : Promise.resolve()
  }
  return {
    state,
    daemon,
    orders,
    server: await serve(t, controlPath({ control: join(state, 'control') }, 'main'), daemon),
  }
}

t.test('each step is shown with its time since the last beat, and then the outcome', async (t) => {
  const { state, orders } = await start(t, [...steps, passed])
  const args = ['drill', 'web', '--timeout', '2s', '--state-dir', state]
  const { stdout, exitCode } = await runCommand(drillCommand, args)
  t.match(
    stdout.lines[0],
    /^Fire drill of web \(watched by main\): .*\(blocked\), with a limit of 2s\. web itself is not touched\.$/,
  )
  t.strictSame(stdout.lines.slice(1, 3), [
    '        -  beating      First sign of life',
    '  +2.004s  verdict      it is hung\\x1b[2J',
  ])
  t.match(
    stdout.lines[3],
    /^Passed: ended 12\.5 ms after its limit of 2s \(11 ms by .*\); .* 4\.2 ms after it\. Incident: i-1$/,
  )
  t.equal(exitCode, 0)
  t.strictSame(orders, [{ service: 'web', timeout: 2000, how: 'blocked' }])
})

t.test('without a limit of its own the drill has that of the service', async (t) => {
  const { state, orders } = await start(t, [passed])
  const { stdout } = await runCommand(drillCommand, ['drill', 'web', '--how', 'busy-loop', '--state-dir', state])
  t.match(stdout.lines[0], /\(busy-loop\), with a limit of 6s/)
  t.strictSame(orders, [{ service: 'web', how: 'busy-loop' }])
})

t.test('a failed drill names the step and ends with 70', async (t) => {
  const { state } = await start(t, [...steps, failed])
  const { stdout, exitCode } = await runCommand(drillCommand, ['drill', 'web', '--state-dir', state])
  t.equal(stdout.lines.at(-1), 'Failed at the step "killed": SIGKILL did not come within 5s Incident: i-1')
  t.equal(exitCode, 70)
})

t.test('as JSON it is one object a line, as hangdog told it', async (t) => {
  const { state } = await start(t, [...steps, failed])
  const { stdout, exitCode } = await runCommand(drillCommand, ['drill', 'web', '--json', '--state-dir', state])
  t.strictSame(stdout.objects, [...steps, failed])
  t.equal(exitCode, 70)
})

t.test('where no drill can be held it ends with 69', async (t) => {
  const none = temporaryState(t)
  await t.rejects(runCommand(drillCommand, ['drill', 'web', '--state-dir', none]), { code: 'unavailable' })
  const { state, daemon } = await start(t, [])
  await t.rejects(runCommand(drillCommand, ['drill', 'wbe', '--state-dir', state]), {
    code: 'unavailable',
    message: 'cannot drill service "wbe": no hangdog that runs watches it; watched are web, db',
  })
  daemon.drill = () => Promise.reject(new HangdogError('unavailable', 'cannot drill service "web": it is not watched'))
  await t.rejects(runCommand(drillCommand, ['drill', 'web', '--state-dir', state]), {
    code: 'unavailable',
    message: 'cannot drill service "web": it is not watched',
  })
})

t.test('of a drill that is refused nothing is said to hang', async (t) => {
  const { state, daemon } = await start(t, [])
  daemon.drill = () => Promise.reject(new HangdogError('unavailable', 'cannot drill service "web": it is not watched'))
  const ran = openScreenshot()
  await t.rejects(runCommand(drillCommand, ['drill', 'web', '--state-dir', state], ran), { code: 'unavailable' })
  t.equal(ran.stdout.text, '')
})

t.test('a limit that is none, or too short, is refused before anybody is asked', async (t) => {
  const { state, orders } = await start(t, [passed])
  for (const timeout of ['5', '5ms', '0', 'soon', '-1s']) {
    const args = ['drill', 'web', `--timeout=${timeout}`, '--state-dir', state]
    await t.rejects(runCommand(drillCommand, args), { code: 'usage', message: /--timeout/ })
  }
  await t.rejects(runCommand(drillCommand, ['drill', 'web', '--how', 'gently', '--state-dir', state]))
  t.strictSame(orders, [])
})

t.test('interrupted, it says that the drill goes on, and does not end as if it had passed', async (t) => {
  const { state } = await start(t, steps, true)
  const ran = openScreenshot()
  const running = runCommand(drillCommand, ['drill', 'web', '--state-dir', state], ran)
  await eventually(() => ran.stdout.lines.length === 3, 'the steps are shown')
  process.emit('SIGINT', 'SIGINT')
  await running
  t.equal(ran.exitCode, 130)
  t.match(ran.stderr.text, /the drill of "web" goes on without this command; .* hangdog events --service web/)
})

t.test('a hangdog that ends meanwhile is an error', async (t) => {
  const { state, server } = await start(t, steps, true)
  const ran = openScreenshot()
  const running = runCommand(drillCommand, ['drill', 'web', '--state-dir', state], ran)
  running.catch(() => {})
  await eventually(() => ran.stdout.lines.length === 3, 'the steps are shown')
  await server.close()
  await t.rejects(running, { code: 'unavailable', message: /hangdog closed the connection/ })
})
