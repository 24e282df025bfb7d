import { statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { connectionLimit } from '../../src/heartbeat/enrolment.js'
import { longestLine } from '../../src/heartbeat/protocol.js'
import { openStreamServer, unprovenLimit } from '../../src/heartbeat/stream-server.js'
import { StreamSource } from '../../src/heartbeat/stream-source.js'
import { milliseconds } from '../../src/time.js'
import { FakeClock } from '../support/fake-clock.js'
import { RecordingReceiver } from './recording-receiver.js'
import { makeFolder, openStreams, until } from './stream-fixture.js'

const beat = 'WATCHDOG=1\n'

t.test('beats, signs of life and channels reach the service that the token belongs to', async (t) => {
  const { join: enrol, client } = await openStreams(t)
  const [web, other] = [enrol('web'), enrol('other')]
  client(`HANGDOG_TOKEN=${web.token}\n${beat}${beat}READY=1\nHEARTBEAT=a:7\nX_LAG_MS=31\nCHANNEL_CLOSE=a\n${beat}`)
  await until('all is delivered', () => web.receiver.beats === 3)
  t.strictSame(web.receiver.signs, [{ kind: 'ready' }, { kind: 'channel-closed', channel: 'a' }])
  t.strictSame(web.receiver.channelBeats, [{ channel: 'a', progress: 7 }])
  t.equal(web.receiver.contacts, 1)
  t.strictSame(web.enrolment.counters(), { connections: 1, 'event-loop-lag-ms': 31 })
  t.strictSame([other.receiver.beats, other.receiver.contacts], [0, 0])
})

t.test('bad values and refusals of the core are counted, and reported once', async (t) => {
  const { join: enrol, client, events } = await openStreams(t)
  const { receiver, enrolment, token } = enrol('web')
  receiver.accepts = false
  client(`HANGDOG_TOKEN=${token}\nWATCHDOG=7\nWATCHDOG=8\nREADY=no\nHEARTBEAT=a\nREADY=1\nRUBBISH\n${beat}`)
  await until('all is read', () => receiver.beats === 1)
  t.match(enrolment.counters(), { 'bad-value': 4, 'not-accepted': 2 })
  t.match(events, [
    { name: 'beat-refused', service: 'web', parameters: { count: 1, reason: /bad value.*WATCHDOG/ } },
    { name: 'beat-refused', service: 'web', parameters: { count: 1, reason: /does not fit.*HEARTBEAT/ } },
  ])
  t.equal(events.length, 2)
})

t.test('a refusal is reported again only after a minute, with the count', async (t) => {
  const clock = new FakeClock()
  const { join: enrol, client, events } = await openStreams(t, { clock })
  const { receiver, token } = enrol('web')
  const socket = client(`HANGDOG_TOKEN=${token}\nREADY=a\nREADY=b\n${beat}`)
  await until('the first two', () => receiver.beats === 1)
  clock.advance(59_999)
  socket.write(`READY=c\n${beat}`)
  await until('the third', () => receiver.beats === 2)
  t.equal(events.length, 1)
  clock.advance(1)
  socket.write(`READY=d\n${beat}`)
  await until('the fourth', () => receiver.beats === 3)
  t.match(events, [{ parameters: { count: 1 } }, { parameters: { count: 3 } }])
})

t.test('a foreign token, a beat before the token and a token of an earlier run are turned away', async (t) => {
  const { server, join: enrol, client } = await openStreams(t)
  const { receiver, enrolment, token } = enrol('web')
  const fresh = enrolment.freshToken()
  const closed = ['HANGDOG_TOKEN=guess\n', beat, `HANGDOG_TOKEN=${token}\n`, 'HANGDOG_TOKEN=\n'].map(
    (first) => new Promise((resolve) => client(`${first}${beat}`).on('close', resolve)),
  )
  await Promise.all(closed)
  t.equal(server.counters()['bad-token'], 4)
  t.equal(receiver.beats, 0)
  client(`HANGDOG_TOKEN=${fresh}\n${beat}`)
  await until('the fresh token works', () => receiver.beats === 1)
})

t.test('what comes before the start is known waits; what comes after the end is not delivered', async (t) => {
  const { server, client } = await openStreams(t)
  const receiver = new RecordingReceiver()
  const source = new StreamSource(server, receiver, () => milliseconds(1500))
  const { HANGDOG_TOKEN, HANGDOG_SOCKET, WATCHDOG_USEC } = source.environment()
  t.strictSame([HANGDOG_SOCKET, WATCHDOG_USEC], [server.path, '1500000'])
  const socket = client(`HANGDOG_TOKEN=${HANGDOG_TOKEN}\nPID=55\n${beat}READY=1\n`)
  await until('the token is read', () => source.counters().connections === 1)
  socket.write(beat)
  await new Promise((resolve) => setTimeout(resolve, 30))
  t.strictSame([receiver.beats, receiver.contacts, receiver.signs.length], [0, 0, 0])
  source.serviceStarted({ pid: 55, startTime: '1', startedAt: new Date() })
  t.equal(receiver.beats, 0, 'nothing is delivered within the call')
  t.equal(receiver.contacts, 1)
  await until('all is delivered', () => receiver.beats === 2)
  t.strictSame(receiver.signs, [{ kind: 'ready' }])
  source.serviceEnded()
  socket.write(beat)
  await until('the connection is closed', () => source.counters().connections === 0)
  t.equal(receiver.beats, 2)
  t.not(source.environment().HANGDOG_TOKEN, HANGDOG_TOKEN, 'the next run has another secret')
  await source.close()
})

t.test('another process than the service speaks on a channel that lives as long as its connection', async (t) => {
  const { join: enrol, client } = await openStreams(t)
  const { receiver, token } = enrol('npm', 100)
  client(`HANGDOG_TOKEN=${token}\nPID=100\n${beat}`)
  await until('the service itself beats on the main channel', () => receiver.beats === 1)
  t.strictSame(receiver.signs, [])
  const child = client(`HANGDOG_TOKEN=${token}\nPID=101\nREADY=1\nWATCHDOG_USEC=2000000\n${beat}`)
  await until('the child beats on its own', () => receiver.channelBeats.length === 1)
  t.equal(receiver.channelBeats[0]?.channel, 'pid-101')
  t.equal(receiver.beats, 1)
  child.end()
  await until('its channel is closed', () => receiver.signs.at(-1)?.kind === 'channel-closed')
  t.strictSame(receiver.signs, [
    { kind: 'channel-opened', channel: 'pid-101', pid: 101 },
    { kind: 'channel-opened', channel: 'pid-101' },
    { kind: 'channel-opened', channel: 'pid-101', limit: 2000 },
    { kind: 'channel-closed', channel: 'pid-101' },
  ])
})

t.test('a child that connects again keeps its channel when the old connection ends late', async (t) => {
  const { join: enrol, client } = await openStreams(t)
  const { receiver, token } = enrol('npm', 100)
  const first = client(`HANGDOG_TOKEN=${token}\nPID=101\n${beat}`)
  await until('the first connection', () => receiver.channelBeats.length === 1)
  client(`HANGDOG_TOKEN=${token}\nPID=101\n${beat}`)
  await until('the second connection', () => receiver.channelBeats.length === 2)
  first.end()
  await new Promise((resolve) => first.on('close', resolve))
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.strictSame(receiver.signs, [{ kind: 'channel-opened', channel: 'pid-101', pid: 101 }])
})

t.test('a line that is too long, or never ends, costs the connection', async (t) => {
  const { server, join: enrol, client } = await openStreams(t)
  const { receiver, enrolment, token } = enrol('web')
  const long = Buffer.alloc(longestLine + 1, 'x')
  const sockets = [
    client(`HANGDOG_TOKEN=${token}\n${beat}STATUS=${long}\n${beat}`),
    client(long),
    client(`HANGDOG_TOKEN=${long}`),
  ]
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve))))
  t.equal(receiver.beats, 1)
  t.equal(enrolment.counters()['line-too-long'], 1)
  t.equal(server.counters()['line-too-long'], 2)
})

t.test('one service has a limited number of connections; the others do not notice', async (t) => {
  const { join: enrol, client } = await openStreams(t)
  const [greedy, other] = [enrol('greedy'), enrol('other')]
  for (let index = 0; index < 100; index++) client(`HANGDOG_TOKEN=${greedy.token}\n${beat}`)
  await until('all were answered', () => greedy.enrolment.counters()['too-many-connections'] === 100 - connectionLimit)
  t.equal(greedy.enrolment.counters().connections, connectionLimit)
  await until('those inside beat', () => greedy.receiver.beats === connectionLimit)
  client(`HANGDOG_TOKEN=${other.token}\n${beat}`)
  await until('the other one beats', () => other.receiver.beats === 1)
})

t.test('connections without a token are few and short', async (t) => {
  const clock = new FakeClock()
  const { server, join: enrol, client } = await openStreams(t, { clock })
  const { receiver, token } = enrol('web')
  const mute = Array.from({ length: 100 }, () => client('HANGDOG_'))
  await until('all are there', () => server.counters().unproven === 100)
  clock.advance(100)
  t.match(server.counters(), { unproven: unprovenLimit, 'too-many-unproven': 100 - unprovenLimit })
  mute.at(-1)?.write(`TOKEN=${token}\n${beat}`)
  await until('the youngest is still welcome', () => receiver.beats === 1)
  clock.advance(1900)
  t.match(server.counters(), { unproven: 0, 'no-token': unprovenLimit - 1 })
  await until('the proven one stays', () => server.counters().connections === 1)
})

t.test('a flood waits, is counted, loses nothing, and hides no beat of another service', async (t) => {
  const { join: enrol, client } = await openStreams(t)
  const [loud, quiet] = [enrol('loud'), enrol('quiet')]
  const lines = 30_000
  const flood = client(`HANGDOG_TOKEN=${loud.token}\n`)
  flood.write(beat.repeat(lines))
  const calm = client(`HANGDOG_TOKEN=${quiet.token}\n`)
  const duringFlood: number[] = []
  while (loud.receiver.beats < lines) {
    calm.write(beat)
    const before = quiet.receiver.beats
    await until('the quiet one is heard', () => quiet.receiver.beats > before)
    duringFlood.push(loud.receiver.beats)
  }
  t.equal(loud.receiver.beats, lines)
  t.ok(duringFlood.length >= 3, 'the flood took several windows')
  t.ok((loud.enrolment.counters().flood ?? 0) >= 2)
  t.equal(quiet.enrolment.counters().flood, undefined)
})

t.test('early ends, resets and binary rubbish change nothing', async (t) => {
  const { server, join: enrol, client, path } = await openStreams(t)
  const { receiver, token } = enrol('web')
  for (let index = 0; index < 200; index++) {
    const socket = connect(path)
    socket.on('error', () => {})
    if (index % 2 === 0) socket.write(`HANGDOG_TOKEN=${token}\nWATCH`)
    if (index % 3 === 0) socket.destroy()
    else if (index % 3 === 1) socket.end()
    else socket.once('connect', () => socket.destroy())
  }
  const rubbish = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 7919) % 256))
  client(rubbish)
  client(Buffer.concat([Buffer.from(`HANGDOG_TOKEN=${token}\n`), rubbish, Buffer.from(`\n${beat}`)]))
  await until('the beat behind the rubbish is found', () => receiver.beats === 1)
  await until(
    'those that ended are forgotten',
    () => server.counters().unproven === 0 && server.counters().connections === 1,
  )
})

t.test('a client that closes its half is heard to the end', async (t) => {
  const { join: enrol, client } = await openStreams(t)
  const { receiver, token } = enrol('web')
  client(`HANGDOG_TOKEN=${token}\n`).end(`${beat.repeat(500)}STOPPING=1\n`)
  await until('all is heard', () => receiver.signs.length === 1)
  t.equal(receiver.beats, 500)
})

t.test('a token line cut at every byte still works', async (t) => {
  const { join: enrol, client } = await openStreams(t)
  const { receiver, token } = enrol('web')
  const socket = client('')
  for (const byte of `HANGDOG_TOKEN=${token}\n${beat}`) {
    socket.write(byte)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until('the beat arrives', () => receiver.beats === 1)
})

t.test('the socket belongs to its owner alone, unless services run as others', async (t) => {
  const { path } = await openStreams(t)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const open = await openStreams(t, { openToOthers: true })
  t.equal(statSync(open.path).mode & 0o777, 0o666)
})

t.test('a path that cannot be used is refused with the reason', async (t) => {
  const folder = makeFolder(t)
  const options = { clock: new FakeClock(), emit: () => {} }
  const long = join(folder, 'x'.repeat(100))
  await t.rejects(openStreamServer({ ...options, path: long }), {
    code: 'create',
    message: new RegExp(`${long}.*107.*${long.length}`),
  })
  const file = join(folder, 'file')
  writeFileSync(file, 'precious')
  await t.rejects(openStreamServer({ ...options, path: file }), { code: 'create' })
  t.equal(statSync(file).size, 8, 'the file is left alone')
  const { path } = await openStreams(t)
  await t.rejects(openStreamServer({ ...options, path }), {
    code: 'create',
    message: /already served by a live hangdog/,
  })
})

t.test('closing ends all connections and frees the path', async (t) => {
  const { server, join: enrol, client, path } = await openStreams(t)
  const { token, receiver } = enrol('web')
  const sockets = [client(`HANGDOG_TOKEN=${token}\n${beat}`), client('mute')]
  await until('both are there', () => receiver.beats === 1 && server.counters().unproven === 1)
  const closed = sockets.map((socket) => new Promise((resolve) => socket.on('close', resolve)))
  await server.close()
  await Promise.all(closed)
  t.equal(statSync(path, { throwIfNoEntry: false }), undefined)
})
