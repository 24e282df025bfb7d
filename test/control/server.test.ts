import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { callControl, followControl } from '../../src/control/client.js'
import { controlPath, liveInstances } from '../../src/control/instances.js'
import { openControlServer } from '../../src/control/server.js'
import type { ServiceStatus } from '../../src/watch/status.js'
import { FakeClock } from '../support/fake-clock.js'
import { eventually, FakeDaemon, RawClient, serve, statusOf, temporaryDirectory, temporaryState } from './support.js'

/** Leaves a socket file behind as a process does that is killed. */
function leaveDeadSocket(path: string): void {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  try {
    execFileSync(process.execPath, ['-e', script], { stdio: 'ignore' })
  } catch {
    // It was killed; that was the point.
  }
}

t.test('each method is answered', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  await serve(t, path)
  t.match(await callControl(path, 'describe', {}), { instance: 'main', version: '1.2.3', pid: process.pid })
  t.strictSame(
    (await callControl(path, 'status', {})).map((each) => each.service),
    ['web', 'db'],
  )
  t.strictSame(
    (await callControl(path, 'status', { service: 'db' })).map((each) => each.pid),
    [4243],
  )
  t.match(await callControl(path, 'explain', { service: 'web' }), { service: 'web', next: ['first this', 'then that'] })
})

t.test('what a handler throws reaches the caller with its code, and the server goes on', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const daemon = new FakeDaemon()
  await serve(t, path, daemon)
  await t.rejects(callControl(path, 'status', { service: 'nope' }), {
    code: 'usage',
    message: 'cannot find service "nope": expected one of web, db',
  })
  await t.rejects(callControl(path, 'explain', { service: 'nope' }), { code: 'usage' })
  daemon.describe = () => {
    throw new Error('broken')
  }
  await t.rejects(callControl(path, 'describe', {}), { code: 'internal', message: 'broken' })
  t.equal((await callControl(path, 'status', {})).length, 2)
})

t.test('the socket is for its owner alone, and goes with the server', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const mask = process.umask()
  const server = await serve(t, path)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(process.umask(), mask)
  await server.close()
  await server.close()
  t.notOk(existsSync(path))
})

t.test('a path that a live hangdog serves is refused with its pid, and that one goes on', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  await serve(t, path)
  await t.rejects(openControlServer({ path, handlers: new FakeDaemon('other') }), {
    code: 'create',
    message: `cannot open the control socket "${path}": already served by a live hangdog (pid ${process.pid})`,
  })
  t.match(await callControl(path, 'describe', {}), { instance: 'main' })
})

t.test('a path that a process serves which does not answer is refused as well', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const mute = createServer(() => {})
  await new Promise<void>((resolve) => mute.listen(path, resolve))
  t.teardown(() => mute.close())
  const sockets: { destroy(): void }[] = []
  mute.on('connection', (socket) => sockets.push(socket))
  t.teardown(() => sockets.map((socket) => socket.destroy()))
  await t.rejects(openControlServer({ path, handlers: new FakeDaemon() }), {
    code: 'create',
    message: /already served by a process that does not answer/,
  })
})

t.test('the socket of a dead hangdog is taken over', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  leaveDeadSocket(path)
  t.ok(existsSync(path))
  await serve(t, path)
  t.match(await callControl(path, 'describe', {}), { instance: 'main' })
})

t.test('of several that start at once over a dead socket, one serves and the others are refused', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  leaveDeadSocket(path)
  const tries = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => openControlServer({ path, handlers: new FakeDaemon(`n${index}`) })),
  )
  t.teardown(() => Promise.all(tries.map((each) => each.status === 'fulfilled' && each.value.close())))
  t.equal(tries.filter((each) => each.status === 'fulfilled').length, 1)
  t.match(await callControl(path, 'describe', {}), { instance: /^n\d$/ })
})

t.test('a file that is no socket stays as it is', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  writeFileSync(path, 'precious')
  await t.rejects(openControlServer({ path, handlers: new FakeDaemon() }), {
    code: 'create',
    message: /else than a socket/,
  })
  t.equal(readFileSync(path, 'utf8'), 'precious')
})

t.test('a path of 107 bytes works, and one of 108 is refused with both numbers', async (t) => {
  const directory = `${temporaryDirectory(t)}/`
  const longest = directory + 'x'.repeat(107 - directory.length)
  leaveDeadSocket(longest)
  await serve(t, longest)
  t.match(await callControl(longest, 'describe', {}), { instance: 'main' })
  const tooLong = `${longest}y`
  await t.rejects(openControlServer({ path: tooLong, handlers: new FakeDaemon() }), {
    code: 'create',
    message: /expected a path of at most 107 bytes, got 108/,
  })
  await t.rejects(openControlServer({ path: join(directory, 'no/such/c.sock'), handlers: new FakeDaemon() }), {
    code: 'create',
  })
})

t.test('garbage is answered with an error, and the same connection then works', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  await serve(t, path)
  const client = new RawClient(t, path)
  const bad = [
    'garbage',
    '[]',
    'null',
    '"text"',
    '{}',
    '{"id":{},"method":"status"}',
    '{"id":7,"method":"status","params":[]}',
    '{"id":8,"method":"toString"}',
    '{"id":9,"method":"__proto__"}',
    '{"id":10,"method":"status","params":{"service":5}}',
    '{"id":11,"method":"explain"}',
    '\u0000\u0001',
  ]
  client.send(Buffer.concat([Buffer.from([0xff, 0xfe, 0x0a, 0x0a, 0x0a]), Buffer.from(`${bad.join('\n')}\n`)]))
  client.send('{"id":"last","method":"describe"}\n')
  await eventually(() => client.answers.length === bad.length + 2, 'all answers')
  const [last, ...errors] = [...client.answers].reverse()
  t.match(last, { id: 'last', result: { instance: 'main' } })
  t.ok(errors.every(({ error }) => error?.code === 'usage'))
  t.strictSame(errors.flatMap(({ id }) => (id === null ? [] : [id])).reverse(), [7, 8, 9, 10, 11])
})

t.test('a request that comes in pieces is read, and one over 64 KiB is dropped', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  await serve(t, path)
  const client = new RawClient(t, path)
  const pad = (length: number): string => {
    const empty = JSON.stringify({ id: length, method: 'describe', pad: '' })
    return JSON.stringify({ id: length, method: 'describe', pad: 'x'.repeat(length - empty.length) })
  }
  const whole = `${pad(64 * 1024)}\n`
  for (let at = 0; at < whole.length; at += 1000) {
    client.send(whole.slice(at, at + 1000))
    if (at % 10_000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  client.send(`${pad(64 * 1024 + 1)}\n`)
  client.send(`${'y'.repeat(3_000_000)}\n{"id":"after","method":"describe"}\n`)
  await eventually(() => client.answers.length === 4, 'all answers')
  t.match(client.answers, [
    { id: 65536, result: { instance: 'main' } },
    { id: null, error: { code: 'usage', message: /at most 65536 bytes/ } },
    { id: null, error: { code: 'usage' } },
    { id: 'after', result: { instance: 'main' } },
  ])
})

t.test('a client that never reads is dropped, and no other notices', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const daemon = new FakeDaemon()
  daemon.services = Array.from({ length: 200 }, (_, index) => statusOf(`s${index}`))
  await serve(t, path, daemon)
  const greedy = new RawClient(t, path)
  greedy.socket.pause()
  const request = '{"id":1,"method":"status"}\n'.repeat(100)
  await eventually(async () => {
    greedy.send(request)
    t.equal((await callControl(path, 'status', { service: 's7' }, 20_000)).length, 1)
    return greedy.closed || greedy.socket.destroyed
  }, 'the greedy client was dropped')
})

t.test('clients that connect and stay quiet make room for others', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const clock = new FakeClock()
  await serve(t, path, new FakeDaemon(), { clock })
  const quiet = Array.from({ length: 32 }, () => new RawClient(t, path))
  // The last of them has been taken when it is answered.
  quiet[31]?.send('{"id":1,"method":"describe"}\n')
  await eventually(() => quiet[31]?.answers.length === 1, 'all are taken')
  // All came just now: nobody makes room yet.
  await t.rejects(callControl(path, 'describe', {}, 20_000), {
    code: 'unavailable',
    message: /more than 32 connections/,
  })
  clock.advance(2000)
  quiet[0]?.send('{"id":1,"method":"describe"}\n')
  await eventually(() => quiet[0]?.answers.length === 1, 'one is active')
  t.match(await callControl(path, 'describe', {}, 20_000), { instance: 'main' })
  t.notOk(quiet[0]?.closed, 'the active one stays')
  await eventually(() => quiet.filter((client) => client.closed).length === 1, 'one made room')
})

t.test('clients that leave at any moment do no harm', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  await serve(t, path)
  for (let round = 0; round < 50; round += 1) {
    const client = new RawClient(t, path)
    client.send('{"id":1,"method":"watch-status"}\n{"id":2,"method":"sta')
    if (round % 3 === 0) client.socket.destroy()
    else if (round % 3 === 1) client.socket.end()
    else client.socket.once('data', () => client.socket.destroy())
    await eventually(() => client.closed, 'it has left')
  }
  t.match(await callControl(path, 'describe', {}, 20_000), { instance: 'main' })
})

t.test('a client that leaves in the middle of an answer does no harm', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const daemon = new FakeDaemon()
  daemon.services = Array.from({ length: 5000 }, (_, index) => statusOf(`s${index}`))
  await serve(t, path, daemon)
  for (let round = 0; round < 5; round += 1) {
    const client = new RawClient(t, path)
    client.send('{"id":1,"method":"status"}\n')
    client.socket.once('readable', () => client.socket.destroy())
    await eventually(() => client.closed, 'it has left')
  }
  t.equal((await callControl(path, 'status', {}, 20_000)).length, 5000)
})

t.test('a watcher is told at once, on a change, and each second; nobody is asked when it has left', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const clock = new FakeClock()
  const daemon = new FakeDaemon()
  await serve(t, path, daemon, { clock })
  const client = new RawClient(t, path)
  client.send('{"id":1,"method":"watch-status","params":{"service":"web"}}\n')
  await eventually(() => client.answers.length === 1, 'the first result')
  t.match(client.answers[0], { id: 1, more: true, result: [{ service: 'web', state: 'armed' }] })
  await clock.run(250)
  await eventually(() => client.answers.length === 2, 'the first look')
  // Only what moves all the time moves: not shown before a second is over.
  const [, db = statusOf('db')] = daemon.services
  daemon.services = [statusOf('web', { remainingMs: 1, beats: 99 }), db]
  await clock.run(750)
  t.equal(client.answers.length, 2)
  await clock.run(250)
  await eventually(() => client.answers.length === 3, 'a second is over')
  daemon.services = [statusOf('web', { state: 'held' }), db]
  await clock.run(250)
  await eventually(() => client.answers.length === 4, 'a change')
  t.match(client.answers[3], { result: [{ state: 'held' }] })
  client.socket.destroy()
  await eventually(() => clock.pending === 0, 'the timer is gone')
})

t.test('following gives results until it is aborted or the hangdog stops', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const server = await serve(t, path)
  const abort = new AbortController()
  let results = 0
  for await (const status of followControl(path, 'watch-status', {}, { signal: abort.signal })) {
    t.equal(status.length, 2)
    results += 1
    if (results === 2) abort.abort()
  }
  t.equal(results, 2)
  let last: readonly ServiceStatus[] = []
  for await (const status of followControl(path, 'watch-status', {}, { signal: new AbortController().signal })) {
    last = status
    void server.close()
  }
  t.equal(last.length, 2)
  await t.rejects(followControl(path, 'watch-status', {}, { signal: new AbortController().signal }).next(), {
    code: 'unavailable',
  })
})

t.test('following a service that does not exist says which do', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  await serve(t, path)
  const following = followControl(path, 'watch-status', { service: 'x' }, { signal: new AbortController().signal })
  await t.rejects(following.next(), { code: 'usage', message: /expected one of web, db/ })
})

t.test('a server that does not answer is reported within the limit', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const sockets: { destroy(): void }[] = []
  const mute = createServer((socket) => sockets.push(socket))
  await new Promise<void>((resolve) => mute.listen(path, resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    mute.close()
  })
  await t.rejects(callControl(path, 'describe', {}, 100), { code: 'unavailable', message: /within 100 ms/ })
})

t.test('an answer that is no answer is an error, not a crash', async (t) => {
  const path = join(temporaryDirectory(t), 'c.sock')
  const odd = createServer((socket) => {
    socket.on('error', () => {})
    socket.end('<html>\n')
  })
  await new Promise<void>((resolve) => odd.listen(path, resolve))
  t.teardown(() => odd.close())
  await t.rejects(callControl(path, 'describe', {}), { code: 'data' })
})

t.test('live instances are found; dead ones are left out, and silent ones are named', async (t) => {
  const control = join(temporaryState(t), 'control')
  await serve(t, controlPath({ control }, 'beta'), new FakeDaemon('beta'))
  await serve(t, controlPath({ control }, 'alpha'), new FakeDaemon('alpha'))
  leaveDeadSocket(controlPath({ control }, 'dead'))
  writeFileSync(join(control, 'note.txt'), '')
  const sockets: { destroy(): void }[] = []
  const mute = createServer((socket) => sockets.push(socket))
  await new Promise<void>((resolve) => mute.listen(controlPath({ control }, 'mute'), resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    mute.close()
  })
  const { live, silent } = await liveInstances({ control }, 1000)
  t.strictSame(
    live.map(({ name, description }) => [name, description.instance]),
    [
      ['alpha', 'alpha'],
      ['beta', 'beta'],
    ],
  )
  t.strictSame(
    silent.map(({ name }) => name),
    ['mute'],
  )
  t.strictSame(await liveInstances({ control: join(control, 'none') }), { live: [], silent: [] })
})
