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
  const child = spawn(command, [...args], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const run: Run = { child, output: '' }
  child.stdout.on('data', (chunk) => {
    run.output += String(chunk)
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
