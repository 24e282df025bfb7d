import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Emitted } from '../../src/event/event.js'
import { defaultTiming, type Probe, type ProbeOutcome, ProbeSource } from '../../src/heartbeat/probe.js'
import { ExecProbe } from '../../src/heartbeat/probe-exec.js'
import { FileProbe } from '../../src/heartbeat/probe-file.js'
import { HttpProbe } from '../../src/heartbeat/probe-http.js'
import { TcpProbe } from '../../src/heartbeat/probe-tcp.js'
import { longestLimit, milliseconds, seconds } from '../../src/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { RecordingReceiver } from './recording-receiver.js'
import { makeFolder, until } from './stream-fixture.js'

const generous = seconds(30)
const short = milliseconds(100)
const run = { pid: 1, startTime: '1', startedAt: new Date(Date.UTC(2026, 0, 1)) }

/** A probe whose answers are given by hand. */
class ScriptedProbe implements Probe {
  readonly description = 'scripted'
  readonly waiting: ((outcome: ProbeOutcome) => void)[] = []
  looks = 0

  look(): Promise<ProbeOutcome> {
    this.looks++
    return new Promise((resolve) => this.waiting.push(resolve))
  }

  async answer(outcome: ProbeOutcome): Promise<void> {
    this.waiting.shift()?.(outcome)
    for (let turn = 0; turn < 5; turn++) await Promise.resolve()
  }
}

function makeRunner(intervalMs = 100): {
  clock: FakeClock
  probe: ScriptedProbe
  receiver: RecordingReceiver
  events: Emitted[]
  source: ProbeSource
} {
  const clock = new FakeClock()
  const probe = new ScriptedProbe()
  const receiver = new RecordingReceiver()
  const events: Emitted[] = []
  const timing = () => ({ interval: milliseconds(intervalMs), timeout: milliseconds(50) })
  const source = new ProbeSource(probe, { receiver, clock, emit: (event) => events.push(event), timing })
  return { clock, probe, receiver, events, source }
}

t.test('a success is a beat; looks come at the interval and never two at once', async (t) => {
  const { clock, probe, receiver, source } = makeRunner()
  clock.advance(1000)
  t.equal(probe.looks, 0, 'none before the start')
  source.serviceStarted(run)
  clock.advance(99)
  t.equal(probe.looks, 0)
  clock.advance(1)
  t.equal(probe.looks, 1)
  clock.advance(500)
  t.equal(probe.looks, 1, 'the first has not come back')
  await probe.answer({ kind: 'success' })
  t.equal(receiver.beats, 0, 'that was after twice its time limit')
  clock.advance(100)
  await probe.answer({ kind: 'success' })
  t.strictSame([receiver.beats, receiver.contacts], [1, 1])
  t.match(source.counters(), { 'probes-succeeded': 1, 'probes-failed': 1 })
})

t.test('nothing is asked or delivered after the end of the service', async (t) => {
  const { clock, probe, receiver, source } = makeRunner()
  source.serviceStarted(run)
  clock.advance(100)
  source.serviceEnded()
  await probe.answer({ kind: 'success' })
  clock.advance(1000)
  t.strictSame([receiver.beats, probe.looks], [0, 1])
  source.serviceStarted(run)
  clock.advance(100)
  source.serviceStarted(run)
  await probe.answer({ kind: 'success' })
  t.equal(receiver.beats, 0, 'what was asked of the last run is no beat of this one')
})

t.test(
  'failures are reported after a success, at most once a minute, and during the start only after a while',
  async (t) => {
    const { clock, probe, events, source } = makeRunner(1000)
    const fail = async (): Promise<void> => {
      clock.advance(1000)
      await probe.answer({ kind: 'failure', reason: 'no' })
    }
    source.serviceStarted(run)
    for (let second = 1; second < 10; second++) await fail()
    t.equal(events.length, 0)
    await fail()
    t.match(events, [
      { name: 'probe-failed', service: 'web', parameters: { probe: 'scripted', reason: 'no', count: 1 } },
    ])
    for (let second = 0; second < 60; second++) await fail()
    t.match(events.slice(1), [{ parameters: { count: 60 } }])
    t.equal(source.counters()['probes-failed'], 70)
  },
)

t.test('a probe that throws has failed; silence is neither', async (t) => {
  const { clock, events, receiver, source } = makeRunner()
  const throwing = new ProbeSource(
    { description: 'broken', look: () => Promise.reject(new Error('out of order')) },
    { receiver, clock, emit: (event) => events.push(event), timing: () => defaultTiming(seconds(6)) },
  )
  throwing.serviceStarted(run)
  await clock.run(12_000)
  t.match(events, [{ parameters: { reason: 'out of order' } }])
  await source.close()
  const silent = new ProbeSource(
    { description: 'silent', look: async () => ({ kind: 'silence' }) },
    { receiver, clock, emit: () => t.fail('an event'), timing: () => defaultTiming(seconds(6)) },
  )
  silent.serviceStarted(run)
  await clock.run(30_000)
  t.equal(receiver.beats, 0)
  t.match(silent.counters(), { 'probes-failed': 0 })
})

t.test('interval and time limit follow from the limit of the service', (t) => {
  t.strictSame(defaultTiming(seconds(6)), { interval: 2000, timeout: 2000 })
  t.strictSame(defaultTiming(seconds(600)), { interval: 10_000, timeout: 10_000 })
  t.strictSame(defaultTiming(milliseconds(30)), { interval: 20, timeout: 20 })
  t.end()
})

async function listen(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('http: a status from 200 to 399 is success, and nothing is followed or kept open', async (t) => {
  const connections = new Set<object>()
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    connections.add(request.socket)
    request.socket.on('close', () => connections.delete(request.socket))
    response.writeHead(Number(request.url?.slice(1)), { location: '/500' }).end('x'.repeat(200_000))
  })
  const port = await listen(t, server)
  const look = (status: number): Promise<ProbeOutcome> =>
    new HttpProbe(`http://127.0.0.1:${port}/${status}`).look(generous)
  for (const status of [200, 204, 301, 399]) t.match(await look(status), { kind: 'success' }, `${status}`)
  for (const status of [400, 404, 500, 503])
    t.strictSame(await look(status), { kind: 'failure', reason: `status ${status}` })
  await until('all connections are closed', () => connections.size === 0)
})

t.test('http: no answer, half an answer and no server are failures within the limit', async (t) => {
  const mute = await listen(
    t,
    createTcpServer((socket) => void socket.on('error', () => {})),
  )
  t.match(await new HttpProbe(`http://127.0.0.1:${mute}/`).look(short), { kind: 'failure', reason: /within 100 ms/ })
  const half = await listen(
    t,
    createTcpServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 200')),
  )
  t.match(await new HttpProbe(`http://127.0.0.1:${half}/`).look(generous), { kind: 'failure' })
  const closed = createTcpServer()
  const port = await listen(t, closed)
  await new Promise((resolve) => closed.close(resolve))
  t.match(await new HttpProbe(`http://127.0.0.1:${port}/`).look(generous), { kind: 'failure', reason: /ECONNREFUSED/ })
  t.match(await new TcpProbe('127.0.0.1', port).look(generous), { kind: 'failure', reason: /ECONNREFUSED/ })
})

t.test('http: an endless body is cut off at the limit', async (t) => {
  let ended = false
  const server = createServer((_, response) => {
    const timer = setInterval(() => response.write('x'.repeat(1000)), 5)
    response.on('close', () => {
      clearInterval(timer)
      ended = true
    })
    response.writeHead(200)
  })
  const port = await listen(t, server)
  t.match(await new HttpProbe(`http://127.0.0.1:${port}/`).look(seconds(1)), { kind: 'success' })
  await until('the body is cut off', () => ended)
})

t.test('https: the certificate is not judged', async (t) => {
  const pem = (name: string): string => readFileSync(new URL(`../fixtures/heartbeat/${name}`, import.meta.url), 'utf8')
  const server = createSecureServer({ key: pem('key.pem'), cert: pem('cert.pem') }, (_, response) =>
    response.end('well'),
  )
  const port = await listen(t, server)
  t.match(await new HttpProbe(`https://127.0.0.1:${port}/`).look(generous), { kind: 'success' })
})

t.test('tcp: a connection is success', async (t) => {
  const port = await listen(
    t,
    createTcpServer((socket) => void socket.on('error', () => {}).end()),
  )
  const probe = new TcpProbe('127.0.0.1', port)
  t.equal(probe.description, `tcp://127.0.0.1:${port}`)
  t.match(await probe.look(generous), { kind: 'success' })
})

t.test('a limit that no timer of Node can have does not end a look at once', async (t) => {
  const server = createServer((_, response) => void setTimeout(() => response.end('well'), 50))
  const port = await listen(t, server)
  t.match(await new HttpProbe(`http://127.0.0.1:${port}/`).look(longestLimit), { kind: 'success' })
  t.match(await new ExecProbe('sleep 0.1').look(longestLimit), { kind: 'success' })
  const connecting = new TcpProbe('127.0.0.1', port).look(longestLimit)
  // Timers come before sockets, so that one which was due at once would have the first word.
  const from = performance.now()
  while (performance.now() - from < 20);
  t.match(await connecting, { kind: 'success' })
})

t.test('exec: exit code 0 is success; all else says what happened', async (t) => {
  const look = (command: string, limit = generous): Promise<ProbeOutcome> => new ExecProbe(command).look(limit)
  t.match(await look('test 1 = 1'), { kind: 'success' })
  t.strictSame(await look('echo first >&2; echo broken >&2; exit 3'), {
    kind: 'failure',
    reason: 'exit code 3: broken',
  })
  t.match(await look('kill -9 $$'), { kind: 'failure', reason: 'ended by SIGKILL' })
  t.match(await look('sleep 60', short), { kind: 'failure', reason: 'not done within 100 ms' })
  t.match(await look('no-such-command-here'), { kind: 'failure', reason: /exit code 127/ })
})

t.test('file: only a touch since the last look and since the start is a beat', async (t) => {
  const path = join(makeFolder(t), 'beat')
  const clock = new FakeClock()
  const probe = new FileProbe(path, clock)
  const touch = (): void => utimesSync(path, clock.wallNow(), clock.wallNow())
  await t.rejects(probe.look(generous), { code: 'ENOENT' })
  writeFileSync(path, '')
  touch()
  clock.advance(1000)
  probe.serviceStarted({ pid: 1, startTime: '1', startedAt: clock.wallNow() })
  t.match(await probe.look(generous), { kind: 'failure', reason: /older than the service/ })
  clock.advance(1000)
  touch()
  clock.advance(1)
  t.match(await probe.look(generous), { kind: 'success' })
  t.match(await probe.look(generous), { kind: 'silence' })
  clock.stepWall(-3_600_000)
  touch()
  t.match(await probe.look(generous), { kind: 'success' }, 'a step of the clock makes no fresh file old')
  clock.stepWall(7_200_000)
  touch()
  t.match(await probe.look(generous), { kind: 'success' })
})
