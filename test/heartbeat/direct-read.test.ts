import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { readDirectly } from '../../src/heartbeat/direct-read.js'
import { makeFolder, until } from './stream-fixture.js'

t.test('bytes come in order, also when they fill the buffer, and pausing loses none', async (t) => {
  const path = join(makeFolder(t), 'socket')
  const text = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251))
  const chunks: Buffer[] = []
  let closed = false
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    const socket = readDirectly(accepted, (chunk) => {
      chunks.push(Buffer.from(chunk))
      socket.pause()
      setImmediate(() => socket.resume())
    })
    socket.on('close', () => {
      closed = true
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  connect(path).end(text)
  await until('the connection is closed', () => closed)
  t.ok(chunks.length > 3)
  t.ok(Buffer.concat(chunks).equals(text))
  await new Promise((resolve) => server.close(resolve))
  t.pass('the server knows that no connection is left')
})

t.test('a socket without such a handle is read by its data event', async (t) => {
  const socket = new PassThrough()
  const chunks: Buffer[] = []
  const used = readDirectly(socket as unknown as Socket, (chunk) => chunks.push(chunk))
  t.equal(used, socket)
  socket.end('WATCHDOG=1\n')
  await until('the bytes are there', () => chunks.length === 1)
  t.equal(String(chunks[0]), 'WATCHDOG=1\n')
})
