import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createJavaScriptStackCollector } from '../../src/evidence/javascript-stack.js'
import { milliseconds } from '../../src/time.js'
import {
  fixture,
  type HungService,
  listeningPorts,
  makeFifo,
  recordingSignaller,
  requestFor,
  startHung,
  until,
} from '../fixtures/evidence/hung-service.js'

const randomPort = ['--import', fixture('random-inspector-port.mjs')]
const limit = milliseconds(5000)

function collect(platform: ReturnType<typeof recordingSignaller>) {
  const collector = createJavaScriptStackCollector(platform)
  return (service: HungService) => collector.collect(requestFor(service, limit), limit, new AbortController().signal)
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

t.test(
  'an inspector that opened late, after a native call came back, is used and closed by the next capture',
  async (t) => {
    const fifo = makeFifo(t)
    const service = await startHung(t, process.execPath, [...randomPort, fixture('fifo-open.mjs'), fifo])
    const take = collect(recordingSignaller())
    t.match(await take(service), { kind: 'missing', reason: /blocked in native code/ })
    writeFileSync(fifo, 'x')
    await until(() => service.lines.includes('went on'), 'the service to go on')
    await until(() => listeningPorts(service.pid) === 1, 'the inspector to open')
    t.match(await take(service), { kind: 'missing', reason: /event loop is idle/ })
    await until(() => listeningPorts(service.pid) === 0, 'the inspector to be closed')
  },
)

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
  const platform = recordingSignaller()
  t.match(await collect(platform)(service), { kind: 'missing', reason: /state T/ })
  t.strictSame(platform.sent, [])
})
