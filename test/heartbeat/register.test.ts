import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { withPreload } from '../../src/heartbeat/node-source.js'
import { type Joined, openStreams, type Streams, until } from './stream-fixture.js'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/heartbeat/${name}`, import.meta.url))
const register = new URL('../../dist/heartbeat/register.js', import.meta.url).href

interface Run {
  readonly child: ChildProcess
  output: string
  errors: string
}

/** Starts a program as hangdog would, with the built preload. */
function start(
  t: Test,
  streams: Streams,
  joined: Joined,
  command: string,
  args: readonly string[],
  limitUsec = '240000',
): Run {
  const env = {
    ...process.env,
    HANGDOG_SOCKET: streams.path,
    HANGDOG_TOKEN: joined.token,
    WATCHDOG_USEC: limitUsec,
    NODE_OPTIONS: withPreload('--no-warnings', register),
  }
  joined.enrolment.ended()
  const child = spawn(command, [...args], { env, stdio: ['pipe', 'pipe', 'pipe'] })
  const run: Run = { child, output: '', errors: '' }
  child.stdout.on('data', (chunk) => {
    run.output += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    run.errors += String(chunk)
  })
  joined.enrolment.started(child.pid ?? 0)
  t.teardown(() => child.kill('SIGKILL'))
  return run
}

t.test('a Node program beats without a change, and stops beating when its loop does', async (t) => {
  const streams = await openStreams(t)
  const web = streams.join('web')
  const { child } = start(t, streams, web, process.execPath, [fixture('hangs-on-request.mjs')])
  await until('it beats', () => web.receiver.beats >= 10)
  t.strictSame(web.receiver.signs[0], { kind: 'ready' })
  await until('its lag is known', () => web.enrolment.counters()['event-loop-lag-ms'] !== undefined)
  await until('its heap is known', () => web.enrolment.loopReports()[0]?.heapUsedBytes !== undefined)
  const [report] = web.enrolment.loopReports()
  t.ok(Number(report?.heapUsedBytes) > 1_000_000 && Number(report?.heapUsedBytes) < Number(report?.heapLimitBytes))
  t.match(report, { agoMs: Number, lagMs: Number })
  child.stdin?.write('hang\n')
  await quiet(web)
  t.pass('no beat for half a second')
})

/** Waits until nothing has come for a while; the limit of the test is the limit of the wait. */
async function quiet({ receiver }: Joined): Promise<void> {
  for (let before = -1; before !== receiver.beats; await new Promise((resolve) => setTimeout(resolve, 500)))
    before = receiver.beats
}

t.test('a worker thread does not beat for a main thread that hangs', async (t) => {
  const streams = await openStreams(t)
  const web = streams.join('web')
  const { child } = start(t, streams, web, process.execPath, [fixture('has-worker.mjs')])
  await until('it beats', () => web.receiver.beats >= 10)
  t.equal(web.enrolment.counters().connections, 1)
  child.stdin?.write('hang\n')
  await quiet(web)
})

t.test('a program that has done its work ends as it would without the preload', async (t) => {
  const streams = await openStreams(t)
  const web = streams.join('web')
  const run = start(t, streams, web, process.execPath, [fixture('ends-after-work.mjs'), '400'])
  const [code] = await once(run.child, 'close')
  t.equal(code, 7)
  t.equal(run.output, 'beforeExit 7\nexit 7 my own title\n')
  t.ok(web.receiver.beats > 0)
  await until('its connection is gone', () => web.enrolment.counters().connections === 0)
})

t.test('a program runs also when there is nobody to beat to', async (t) => {
  const streams = await openStreams(t)
  const web = streams.join('web')
  await streams.server.close()
  const run = start(t, streams, web, process.execPath, [fixture('ends-after-work.mjs'), '300'])
  const [code] = await once(run.child, 'close')
  t.equal(code, 7)
  t.equal(run.output, 'beforeExit 7\nexit 7 my own title\n')
})

t.test('a child that inherits the preload beats on a channel of its own while it lives', async (t) => {
  const streams = await openStreams(t)
  const npm = streams.join('npm')
  const run = start(t, streams, npm, process.execPath, [fixture('starts-child.mjs')])
  await until('both beat', () => npm.receiver.beats >= 3 && npm.receiver.channelBeats.length >= 3)
  const channel = `pid-${run.output.trim()}`
  t.equal(npm.receiver.channelBeats[0]?.channel, channel)
  run.child.stdin?.write('end it\n')
  await until('its channel is closed', () =>
    npm.receiver.signs.some((sign) => sign.kind === 'channel-closed' && sign.channel === channel),
  )
})

t.test('a Python program beats with its standard library', async (t) => {
  const streams = await openStreams(t)
  const python = streams.join('python')
  start(t, streams, python, 'python3', [fixture('service.py')])
  await until('it beats', () => python.receiver.beats >= 3)
  t.strictSame(python.receiver.signs, [{ kind: 'ready' }])
})

t.test('a cluster and its worker open their inspectors on ports of their own, and work on', async (t) => {
  const streams = await openStreams(t)
  const web = streams.join('web')
  const run = start(t, streams, web, process.execPath, [fixture('cluster.mjs')])
  await until('both run', () => /worker \d+ 9229\n/.test(run.output))
  const pids = [...run.output.matchAll(/^(?:primary|worker) (\d+) 9229$/gm)].map((match) => Number(match[1]))
  t.equal(pids.length, 2)
  t.teardown(() => process.kill(pids[1] ?? 0, 'SIGKILL'))
  for (const pid of pids) process.kill(pid, 'SIGUSR1')
  await until('both listen', () => inspectorPorts(run).length === 2)
  const [first, second] = inspectorPorts(run)
  t.not(first, second)
  t.notOk(inspectorPorts(run).includes('9229'))
  const beats = web.receiver.beats
  await until('the primary beats on', () => web.receiver.beats > beats + 2)
  t.notMatch(run.output, /worker ended/)
})

t.test('the inspector port of a cluster worker is counted from 9229 where the program asks for it', async (t) => {
  const streams = await openStreams(t)
  const web = streams.join('web')
  const run = start(t, streams, web, process.execPath, [fixture('cluster.mjs'), 'with-inspector'])
  await until('the worker has ended or runs', () => /worker (?:\d+ \d+|ended)/.test(run.output))
  t.match(run.output, /worker \d+ 9230\n/)
  const pid = Number(/worker (\d+) /.exec(run.output)?.[1])
  t.teardown(() => process.kill(pid, 'SIGKILL'))
})

t.test('a port that was chosen for the inspector stays', async (t) => {
  const streams = await openStreams(t)
  const web = streams.join('web')
  const show = ['-e', 'process.stdout.write(String(process.debugPort))']
  const port = String(20_000 + (process.pid % 10_000))
  for (const options of [[`--inspect-port=${port}`], [`--debug-port=${port}`], [`--inspect=127.0.0.1:${port}`]]) {
    const run = start(t, streams, web, process.execPath, [...options, ...show])
    await once(run.child, 'close')
    t.equal(run.output, port, options.join())
  }
})

function inspectorPorts(run: Run): readonly (string | undefined)[] {
  return [...run.errors.matchAll(/Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)\//g)].map((match) => match[1])
}
