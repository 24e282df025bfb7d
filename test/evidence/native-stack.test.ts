import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { createNativeStackCollector, undoStop } from '../../src/evidence/native-stack.js'
import { milliseconds } from '../../src/time.js'
import {
  fixture,
  type HungService,
  makeFifo,
  recordingSignaller,
  requestFor,
  startHung,
  stateOf,
  until,
} from '../fixtures/evidence/hung-service.js'
import { buildC, makeFolder, needs } from '../fixtures/evidence/program.js'

const limit = milliseconds(8000)

t.test('no debugger is attached to a service with a thread in state D', async (t) => {
  const fifo = makeFifo(t)
  const service = await startHung(t, 'python3', [fixture('uninterruptible.py'), fifo])
  // The child that it waits for ends when its FIFO can be opened.
  t.teardown(() => closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)))
  await until(() => stateOf(service.pid) === 'D', 'state D')
  const collector = createNativeStackCollector(recordingSignaller())
  const finding = await collector.collect(requestFor(service, limit), limit, new AbortController().signal)
  t.match(finding, { kind: 'missing', reason: /state D/ })
  t.equal(stateOf(service.pid), 'D')
})

t.test('a debugger that is killed half-way leaves the service running', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const collector = createNativeStackCollector(recordingSignaller())
  // At many points of its work: before, while and after it attaches.
  for (const limitMs of [155, 200, 250, 300, 350, 400, 500, 700]) {
    const short = milliseconds(limitMs)
    await collector.collect(requestFor(service, short), short, new AbortController().signal)
    await until(() => stateOf(service.pid) === 'S', `the service to sleep again after ${limitMs} ms`)
  }
  t.equal(service.child.signalCode, null)
})

t.test('a stop that was left behind is taken back', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const platform = recordingSignaller()
  t.notOk(await undoStop(service.process.identity, platform), 'nothing is done without one')
  service.child.kill('SIGSTOP')
  await until(() => stateOf(service.pid) === 'T', 'the stop')
  t.ok(await undoStop(service.process.identity, platform))
  await until(() => stateOf(service.pid) === 'S', 'the service to go on')
})

const skip = needs('gcc', 'gdb')

t.test('a stop left in a thread that came into state D while gdb attached is taken back', { skip }, async (t) => {
  const service = await startHung(t, buildC(makeFolder(t), 'waits-in-vfork'), [])
  const collector = createNativeStackCollector(recordingSignaller())
  const short = milliseconds(500)
  for (let round = 0; round < 4; round++) {
    // The debugger needs longer to start than the thread is out of state D.
    await until(() => threadStates(service.pid).includes('D'), 'state D')
    await until(() => !threadStates(service.pid).includes('D'), 'the end of it')
    await collector.collect(requestFor(service, short), short, new AbortController().signal)
    // A stop would be taken when the thread comes back, and it would not go there again.
    await until(() => !threadStates(service.pid).includes('D'), 'the thread to come back')
    await until(() => threadStates(service.pid).join('') === 'SD', `the service to go on after round ${round}`)
  }
})

function threadStates(pid: number): readonly string[] {
  return readdirSync(`/proc/${pid}/task`).map((tid) => {
    const stat = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8')
    return stat.charAt(stat.lastIndexOf(')') + 2)
  })
}

t.test('without gdb and eu-stack, the sentence says what to install', async (t) => {
  const path = process.env.PATH
  t.teardown(() => {
    process.env.PATH = path
  })
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  process.env.PATH = '/nonexistent'
  const collector = createNativeStackCollector(recordingSignaller())
  const finding = await collector.collect(requestFor(service, limit), limit, new AbortController().signal)
  t.match(finding, { kind: 'missing', reason: /^neither gdb .* nor eu-stack .*install the package gdb or elfutils$/ })
})

t.test('a process that is gone or that ends under the debugger leaves a sentence', async (t) => {
  const collector = createNativeStackCollector(recordingSignaller())
  const take = (service: HungService) =>
    collector.collect(requestFor(service, limit), limit, new AbortController().signal)
  for (const afterMs of [0, 50, 150, 300]) {
    const service = await startHung(t, 'sleep', ['600'], { silent: true })
    const finding = take(service)
    await delay(afterMs)
    const exited = new Promise((resolve) => service.child.once('exit', resolve))
    service.child.kill('SIGKILL')
    const settled = await finding
    await exited
    if (settled.kind !== 'found') t.match(settled, { kind: 'missing', reason: /\w+ \w+/ }, `after ${afterMs} ms`)
    t.match(await take(service), { kind: 'missing', reason: /no longer exists/ })
  }
})
