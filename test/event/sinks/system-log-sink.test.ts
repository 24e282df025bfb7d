import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { createSystemLogSink } from '../../../src/event/sinks/system-log-sink.js'
import { type CommandRequest, type CommandResult, runCommand } from '../../../src/platform/command.js'
import { systemClock } from '../../../src/system-clock.js'
import { FakeClock } from '../../support/fake-clock.js'
import { collectEmitted, critical, eventually, information, temporaryDirectory } from '../events.js'

t.test('errors and worse go to the journal, by its stream', async (t) => {
  const journalSocket = join(temporaryDirectory(t), 'stdout')
  let received = ''
  const server = createServer((socket) =>
    socket.on('data', (chunk) => {
      received += chunk.toString()
    }),
  )
  await new Promise<void>((resolve) => server.listen(journalSocket, resolve))
  const sink = createSystemLogSink({ clock: systemClock, report: () => {}, run: runCommand, journalSocket })
  sink.record(information('not this'))
  sink.record(critical('line one\nline two'))
  sink.record({ ...critical('second'), level: 'error', incident: 'i1' })
  await sink.flush()
  await eventually(() => received.includes('second'), 'the journal received it')
  t.strictSame(received.split('\n'), [
    ...['hangdog', '', '3', '1', '0', '0', '0'],
    '<2>event 15826, service web: The machine could not be stopped by test: line one line two',
    '<3>event 15826, service web, incident i1: The machine could not be stopped by test: second',
    '',
  ])
  await sink.close()
  await new Promise((resolve) => server.close(resolve))
})

t.test('a journal that is gone is told once a minute at most; one that is back is used again', async (t) => {
  const journalSocket = join(temporaryDirectory(t), 'stdout')
  const listen = async () => {
    const server = createServer((socket) => {
      sockets.push(socket)
      socket.on('data', () => {
        chunks += 1
      })
    })
    await new Promise<void>((resolve) => server.listen(journalSocket, resolve))
    return server
  }
  const sockets: { destroy(): void }[] = []
  let chunks = 0
  let server = await listen()
  const emitted = collectEmitted()
  const sink = createSystemLogSink({ clock: new FakeClock(), report: emitted.emit, run: runCommand, journalSocket })
  sink.record(critical('one'))
  await sink.flush()
  await eventually(() => chunks > 0, 'the first event came')
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
  for (let number = 0; number < 3; number += 1) {
    sink.record(critical('lost'))
    await sink.flush()
  }
  t.match(emitted.of('sink-failed'), [{ parameters: { sink: 'the system log', error: /ENOENT|EPIPE|ECONNREFUSED/ } }])
  chunks = 0
  server = await listen()
  sink.record(critical('back'))
  await sink.flush()
  await eventually(() => chunks > 0, 'the journal is used again')
  t.equal(emitted.of('sink-recovered').length, 1)
  await sink.close()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

const receiver = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
while True:
    print(s.recv(65536).decode(), flush=True)
`

const noLogger = ['/usr/bin/logger', '/bin/logger'].some(existsSync) ? false : 'there is no logger program'

t.test('without a journal they go to syslog, by the logger program', { skip: noLogger }, async (t) => {
  const loggerSocket = join(temporaryDirectory(t), 'log')
  const python = spawn('python3', ['-c', receiver, loggerSocket], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => python.kill('SIGKILL'))
  let received = ''
  python.stdout.on('data', (chunk: Buffer) => {
    received += chunk.toString()
  })
  await eventually(() => received.startsWith('ready'), 'the receiver is ready')
  const emitted = collectEmitted()
  const options = { clock: systemClock, report: emitted.emit, run: runCommand, journalSocket: '/nowhere/stdout' }
  const sink = createSystemLogSink({ ...options, loggerSocket })
  sink.record(critical('one'))
  sink.record(critical('two'))
  sink.record({ ...critical('three'), level: 'error' })
  await sink.flush()
  await eventually(() => received.includes('three'), 'syslog received all')
  const lines = received.split('\n').filter((line) => line.startsWith('<'))
  t.equal(lines.length, 3)
  // daemon is facility 3: 3 * 8 + 2 for critical, + 3 for error.
  t.match(lines[0], new RegExp(`^<26>.* hangdog\\[${process.pid}\\]: event 15826, service web: .*one$`))
  t.match(lines[1], /^<26>.*two$/)
  t.match(lines[2], /^<27>.*three$/)
  t.strictSame(emitted.of('sink-failed'), [])
})

t.test('syslog without a receiver is told', { skip: noLogger }, async (t) => {
  const loggerSocket = join(temporaryDirectory(t), 'none')
  const emitted = collectEmitted()
  const options = { clock: systemClock, report: emitted.emit, run: runCommand, journalSocket: '/nowhere/stdout' }
  const sink = createSystemLogSink({ ...options, loggerSocket })
  sink.record(critical('one'))
  await sink.flush()
  t.match(emitted.of('sink-failed'), [{ parameters: { sink: 'the system log', error: /logger/, count: 1 } }])
})

t.test('one logger runs at a time, and what cannot wait is counted', async (t) => {
  const requests: CommandRequest[] = []
  let finish: (result: CommandResult) => void = () => {}
  const run = (request: CommandRequest): Promise<CommandResult> => {
    requests.push(request)
    return new Promise((resolve) => {
      finish = resolve
    })
  }
  const done: CommandResult = {
    kind: 'done',
    exit: { kind: 'code', code: 0 },
    stdout: '',
    stderr: '',
    truncated: false,
  }
  const emitted = collectEmitted()
  const sink = createSystemLogSink({
    clock: new FakeClock(),
    report: emitted.emit,
    run,
    journalSocket: '/nowhere/stdout',
  })
  for (let number = 0; number < 600; number += 1) sink.record(critical(`${number}`))
  t.equal(requests.length, 1)
  t.match(emitted.of('sink-failed'), [{ parameters: { count: 1 } }])
  const flushed = sink.flush()
  finish(done)
  await eventually(() => requests.length === 2, 'the rest is sent')
  t.equal(requests[1]?.input?.split('\n').length, 501)
  finish(done)
  await flushed
  t.match(emitted.of('sink-recovered'), [{ parameters: { count: 99 } }])
})
