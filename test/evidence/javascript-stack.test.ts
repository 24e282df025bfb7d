import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { takeExhibit } from '../../src/evidence/exhibit.js'
import { createJavaScriptStackCollector } from '../../src/evidence/javascript-stack.js'
import { milliseconds } from '../../src/time.js'
import {
  fixture,
  type HungService,
  listeningPorts,
  makeFifo,
  realClock,
  recordingSignaller,
  requestFor,
  startHung,
  stateOf,
  until,
} from '../fixtures/evidence/hung-service.js'

const randomPort = ['--import', fixture('random-inspector-port.mjs')]
const limit = milliseconds(5000)

function collect(platform: ReturnType<typeof recordingSignaller>) {
  const collector = createJavaScriptStackCollector(platform)
  return (service: HungService, within = limit) =>
    collector.collect(requestFor(service, within), within, new AbortController().signal)
}

t.test('a program called node that does not catch SIGUSR1 is not sent it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'hangdog-evidence-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const program = join(folder, 'node')
  copyFileSync('/bin/sleep', program)
  const service = await startHung(t, program, ['600'], { silent: true })
  const platform = recordingSignaller()
  t.match(await collect(platform)(service), { kind: 'missing', reason: /does not catch SIGUSR1/ })
  t.strictSame(platform.sent, [])
})

t.test('the inspector is closed again after a hang in the handling of input', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-loop.mjs'), '4000', 'on-input'])
  t.match(await collect(recordingSignaller())(service), { kind: 'found', content: { frames: [{ function: 'spin' }] } })
  t.equal(listeningPorts(service.pid), 1, 'open while the hang lasts')
  await until(() => service.lines.includes('went on'), 'the service to go on')
  await until(() => listeningPorts(service.pid) === 0, 'the inspector to be closed')
  t.equal(service.child.exitCode, null)
})

t.test('a fixed port is free again at once, and stays closed after the hang', async (t) => {
  const port = `--inspect-port=${30_000 + (process.pid % 10_000)}`
  const service = await startHung(t, process.execPath, [port, fixture('busy-loop.mjs'), '4000'])
  t.match(await collect(recordingSignaller())(service), { kind: 'found' })
  await until(() => listeningPorts(service.pid) === 0, 'the port to be free')
  t.notOk(service.lines.includes('went on'), 'while the hang lasts')
  await until(() => service.lines.includes('went on'), 'the service to go on')
  await until(
    () => service.lines.filter((line) => line.startsWith('Debugger listening')).length === 2,
    'Node to open it again',
  )
  await until(() => listeningPorts(service.pid) === 0, 'the inspector to be closed')
  t.equal(service.child.exitCode, null)
})

t.test('an inspector that opens late, after a native call came back, is closed again', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('native-for-a-while.mjs'), '3000'])
  const found = await collect(recordingSignaller())(service, milliseconds(1000))
  t.match(found, { kind: 'missing', reason: /blocked in native code/ })
  await until(() => service.lines.includes('went on'), 'the service to go on')
  await until(
    () => service.lines.some((line) => line.startsWith('Debugger listening')),
    'the inspector to open, as SIGUSR1 asked for',
  )
  await until(() => listeningPorts(service.pid) === 0, 'the inspector to be closed')
  t.equal(service.child.exitCode, null)
})

t.test('an inspector that opened late is used by the next capture, and closed by it', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('native-for-a-while.mjs'), '2000'])
  const take = collect(recordingSignaller())
  t.match(await take(service, milliseconds(500)), { kind: 'missing', reason: /blocked in native code/ })
  await until(() => service.lines.includes('went on'), 'the service to go on')
  t.match(await take(service), { kind: 'found', content: { loop: 'idle' } })
  await until(() => listeningPorts(service.pid) === 0, 'the inspector to be closed')
})

t.test('a main thread that sleeps in one system call all the time is not sent the signal', async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, process.execPath, [...randomPort, fixture('fifo-open.mjs'), fifo])
  const platform = recordingSignaller()
  t.match(await collect(platform)(service), { kind: 'missing', reason: /blocked in native code, in open(at)?\(\)/ })
  t.strictSame(platform.sent, [])
  writeFileSync(fifo, 'x')
  await until(() => service.lines.includes('went on'), 'the service to go on')
  t.equal(listeningPorts(service.pid), 0)
})

t.test('a program that reads on and on is not disturbed by the signal, which would end it', async (t) => {
  for (let round = 0; round < 4; round++) {
    const service = await startHung(t, process.execPath, [...randomPort, fixture('reads-on.mjs'), makeFifo(t)])
    const platform = recordingSignaller()
    t.match(await collect(platform)(service), { kind: 'missing', reason: /waits in read\(\) time|code, in read\(\)/ })
    t.strictSame(platform.sent, [])
    t.equal(service.child.exitCode, null)
  }
})

t.test('a port that another process holds is reported, and no signal is sent', async (t) => {
  const port = `--inspect-port=${40_000 + (process.pid % 10_000)}`
  const holder = await startHung(t, process.execPath, [port, '--inspect', fixture('idle-loop.mjs')])
  t.equal(listeningPorts(holder.pid), 1)
  const service = await startHung(t, process.execPath, [port, fixture('busy-loop.mjs'), '600000'])
  const platform = recordingSignaller()
  t.match(await collect(platform)(service), { kind: 'missing', reason: /is taken by another process/ })
  t.strictSame(platform.sent, [])
})

t.test('a stopped service is not sent anything', async (t) => {
  const service = await startHung(t, process.execPath, [...randomPort, fixture('idle-loop.mjs')])
  service.child.kill('SIGSTOP')
  await until(() => stateOf(service.pid) === 'T', 'it to stop')
  const platform = recordingSignaller()
  t.match(await collect(platform)(service), { kind: 'missing', reason: /state T/ })
  t.strictSame(platform.sent, [])
})

t.test('a pause is our own although it came in one packet with the answers, and is ended', async (t) => {
  const port = `--inspect=127.0.0.1:${50_000 + (process.pid % 10_000)}`
  const service = await startHung(t, process.execPath, [fixture('scripted-inspector.mjs'), 'pauses-when-asked', port])
  t.match(await collect(recordingSignaller())(service), {
    kind: 'found',
    content: { pausedBefore: false, frames: [{ function: 'spin', url: 'file:///srv/app.js', line: 12, column: 3 }] },
  })
  await until(() => service.lines.includes('Debugger.resume'), 'the service to be let go on')
})

t.test('a port that answers with another protocol, or without an end, is given up', async (t) => {
  for (const behaviour of ['changes-protocol', 'never-stops']) {
    const port = `--inspect=127.0.0.1:${40_000 + (process.pid % 10_000)}`
    const service = await startHung(t, process.execPath, [fixture('scripted-inspector.mjs'), behaviour, port])
    const collector = createJavaScriptStackCollector(recordingSignaller())
    const take = () => takeExhibit(realClock, collector, requestFor(service, limit), limit)
    t.match(await take(), { kind: 'missing' }, behaviour)
    t.match(await take(), { kind: 'missing', reason: /^(?!its turn)/ }, 'the next one has its turn')
    await until(() => listeningPorts(service.pid) === 1, 'it to listen on')
    service.child.kill('SIGKILL')
    await new Promise((resolve) => service.child.once('close', resolve))
  }
})

t.test("another debugger's pause is read and left as it is", async (t) => {
  const port = `--inspect=127.0.0.1:${50_000 + ((process.pid + 1) % 10_000)}`
  const service = await startHung(t, process.execPath, [fixture('scripted-inspector.mjs'), 'is-paused-already', port])
  t.match(await collect(recordingSignaller())(service), { kind: 'found', content: { pausedBefore: true } })
  await until(() => service.lines.includes('closed'), 'the session to end')
  t.notOk(service.lines.includes('Debugger.resume'))
})

t.test('Node goes on after its stack was taken through an inspector that was open before', async (t) => {
  const inspect = '--inspect=127.0.0.1:0'
  const service = await startHung(t, process.execPath, [inspect, fixture('busy-loop.mjs'), '3000'])
  t.match(await collect(recordingSignaller())(service), { kind: 'found', content: { pausedBefore: false } })
  await until(() => service.lines.includes('went on'), 'the service to go on')
})

t.test('a Node program is never ended by the signal, however young it is', async (t) => {
  const args = ['--import', new URL('../../dist/heartbeat/register.js', import.meta.url).href, fixture('idle-loop.mjs')]
  const environment = { HANGDOG_SOCKET: '/nonexistent', HANGDOG_TOKEN: 'x' }
  for (let round = 0; round < 10; round++) {
    const service = await startHung(t, process.execPath, args, { silent: true, settleMs: 0, environment })
    const platform = recordingSignaller()
    const take = collect(platform)
    // Begins before it catches the signal; the signal is sent at the first moment that is allowed.
    let early = 0
    for (; platform.sent.length === 0 && early < 2000; early++) await take(service)
    t.match(platform.sent, [{ pid: service.pid, signal: 'SIGUSR1' }], `after ${early} attempts`)
    await until(() => service.lines.some((line) => line.startsWith('Debugger listening')), 'the inspector to open')
    t.equal(service.child.signalCode, null)
    service.child.kill('SIGKILL')
  }
})

t.test('a process that ends while its stack is taken leaves a sentence', async (t) => {
  for (const afterMs of [0, 5, 20, 60, 120]) {
    const service = await startHung(t, process.execPath, [...randomPort, fixture('busy-loop.mjs'), '600000'])
    const finding = collect(recordingSignaller())(service).catch((error: unknown) => ({
      kind: 'missing',
      reason: String(error),
    }))
    await delay(afterMs)
    service.child.kill('SIGKILL')
    const settled = await finding
    if (settled.kind !== 'found') t.match(settled, { kind: 'missing', reason: /\w+ \w+/ }, `after ${afterMs} ms`)
  }
})
