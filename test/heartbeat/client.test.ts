import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { HeartbeatClient } from '../../src/heartbeat/client.js'
import { openStreamServer } from '../../src/heartbeat/stream-server.js'
import { systemClock } from '../../src/system-clock.js'
import { RecordingReceiver } from './recording-receiver.js'
import { makeFolder, openStreams, until } from './stream-fixture.js'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/heartbeat/${name}`, import.meta.url))

function start(t: Test, name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = fork(fixture(name), [...args], { env: { ...process.env, NODE_OPTIONS: '', ...environment } })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test('without hangdog every call does nothing', (t) => {
  const client = new HeartbeatClient({})
  const channel = client.channel('a', { timeout: 100 })
  for (const call of [client.ready, client.beat, client.stopping, client.trigger]) call.call(client)
  client.status('x')
  client.extend(5)
  for (const call of [channel.beat, channel.idle, channel.close]) call.call(channel)
  channel.progress(1)
  t.strictSame([client.available, client.connected, client.dropped], [false, false, 0])
  t.end()
})

t.test('all that a program can say arrives, also what it says before it is connected', async (t) => {
  const { path, join: enrol } = await openStreams(t)
  const { receiver, token } = enrol('web')
  const client = new HeartbeatClient({ HANGDOG_SOCKET: path, HANGDOG_TOKEN: token })
  t.strictSame([client.available, client.connected], [true, false])
  client.beat()
  client.ready()
  client.status('two\nlines')
  client.extend(1500)
  const worker = client.channel('worker-3', { timeout: 2500 })
  worker.beat()
  worker.progress(12)
  worker.idle()
  worker.close()
  worker.beat()
  client.trigger()
  client.stopping()
  await until('the last word', () => receiver.signs.at(-1)?.kind === 'stopping')
  t.equal(receiver.beats, 1)
  t.equal(client.connected, true)
  t.strictSame(receiver.channelBeats, [
    { channel: 'worker-3', progress: undefined },
    { channel: 'worker-3', progress: 12 },
  ])
  t.strictSame(receiver.signs, [
    { kind: 'ready' },
    { kind: 'status', text: 'two lines' },
    { kind: 'extend', span: 1500 },
    { kind: 'channel-opened', channel: 'worker-3', limit: 2500 },
    { kind: 'channel-idle', channel: 'worker-3' },
    { kind: 'channel-closed', channel: 'worker-3' },
    { kind: 'trigger' },
    { kind: 'stopping' },
  ])
  t.equal(client.dropped, 0)
})

t.test('a channel that cannot be is refused; a bad number is dropped', (t) => {
  const client = new HeartbeatClient({})
  for (const name of ['', 'a b', 'a:idle', 'a:5', 'ä', 'x'.repeat(65)])
    t.throws(() => client.channel(name), { code: 'usage' }, name)
  for (const timeout of [0, 19, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => client.channel('a', { timeout }), { code: 'usage' }, `timeout ${timeout}`)
  }
  const channel = client.channel('a')
  for (const done of [-1, 1.5, Number.NaN]) channel.progress(done)
  client.extend(-1)
  t.equal(client.dropped, 4)
  t.end()
})

t.test('when hangdog starts again, the client says again where things stand', async (t) => {
  const path = join(makeFolder(t), 'beat.sock')
  const emit = (): void => {}
  const first = await openStreamServer({ path, clock: systemClock, emit })
  const before = first.enrol(new RecordingReceiver())
  const token = before.freshToken()
  before.started(1)
  const client = new HeartbeatClient({ HANGDOG_SOCKET: path, HANGDOG_TOKEN: token })
  client.ready()
  client.status('fine')
  client.channel('a', { timeout: 100 }).idle()
  client.channel('gone').close()
  await until('the first connection', () => before.counters().connections === 1)
  await first.close()
  await until('the loss is noticed', () => !client.connected)
  const droppedBefore = client.dropped
  client.beat()
  t.equal(client.dropped, droppedBefore + 1)

  // A restarted hangdog has another secret for the next run, so a plain listener takes its place here.
  let text = ''
  const second = createServer((socket) => socket.on('data', (chunk) => (text += String(chunk))))
  const connections = new Set<Socket>()
  second.on('connection', (socket) => connections.add(socket))
  t.teardown(() => {
    for (const socket of connections) socket.destroy()
    second.close()
  })
  second.listen(path)
  await until('it is back', () => text.endsWith('idle\n'))
  t.equal(text, `HANGDOG_TOKEN=${token}\nREADY=1\nSTATUS=fine\nCHANNEL=a:100000\nHEARTBEAT=a:idle\n`)
  client.beat()
  await until('beats count again', () => text.endsWith('WATCHDOG=1\n'))
})

t.test('a beat never waits for a hangdog that is stopped; the program drops it, counts it, and can end', async (t) => {
  const path = join(makeFolder(t), 'beat.sock')
  const server = start(t, 'stream-server.mjs', [path])
  const [{ token }] = await once(server, 'message')
  const program = start(t, 'beats-hard.mjs', [], { HANGDOG_SOCKET: path, HANGDOG_TOKEN: token })
  await once(program, 'message')
  await new Promise((resolve) => setTimeout(resolve, 200))
  server.kill('SIGSTOP')
  program.send('beat')
  const [{ longestMs, dropped }] = await once(program, 'message')
  t.ok(dropped > 50_000, `${dropped} of 100000 dropped`)
  t.ok(longestMs < 5000, `the longest call took ${longestMs} ms`)
  const reported = performance.now()
  const [code] = await once(program, 'exit')
  const afterMs = performance.now() - reported
  t.equal(code, 0, 'what it could not send is no reason to fail')
  t.ok(afterMs < 5000, `it ended ${Math.round(afterMs)} ms after its work`)
  server.kill('SIGCONT')
  server.send('count')
  const [{ beats }] = await once(server, 'message')
  t.ok(beats > 0, 'what fitted into the socket was not lost')
})
