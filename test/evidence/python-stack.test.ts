import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { createEvidenceCollector } from '../../src/evidence/collector.js'
import { readText } from '../../src/evidence/proc-file.js'
import { readClientStacks } from '../../src/evidence/python-client.js'
import { parsePythonDump } from '../../src/evidence/python-dump.js'
import { createPythonStackCollector } from '../../src/evidence/python-stack.js'
import { milliseconds } from '../../src/time.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import {
  contentOf,
  fixture,
  type HungService,
  makeFifo,
  realClock,
  recordingSignaller,
  requestFor,
  startHung,
  stateOf,
  until,
} from '../fixtures/evidence/hung-service.js'
import { needs } from '../fixtures/evidence/program.js'

const limit = milliseconds(15_000)
const never = new AbortController().signal
const waiting = { kind: 'waiting', waitChannel: 'futex_wait_queue' } as const
const support = '/usr/share/gdb/auto-load/usr/bin/python3.11-gdb.py'
const debian = '/usr/bin/python3.11'
const skipGdb = needs('gdb') || (!(existsSync(support) && existsSync(debian)) && 'python3.11-dbg is not installed')

function capture(service: HungService, platform = recordingSignaller()): Promise<readonly Exhibit[]> {
  return createEvidenceCollector({ clock: realClock, platform }).capture(requestFor(service, 15_000))
}

t.test('with the client, threads that wait for locks are named by a signal and without a debugger', async (t) => {
  const service = await startHung(t, 'python3', [fixture('two-locks-client.py')])
  const platform = recordingSignaller()
  const evidence = createEvidenceCollector({ clock: realClock, platform, nativeStack: false })
  const exhibits = await evidence.capture(requestFor(service, 5000))
  t.match(contentOf(exhibits, 'python-stack'), { tool: 'faulthandler' })
  t.match(
    describeCause(waiting, exhibits),
    /^main thread waits for a lock in transfer \(two-locks\.py:12\); thread \d+ waits for a lock in transfer \(two-locks\.py:12\)$/,
  )
  t.strictSame(platform.sent, [{ pid: service.pid, signal: 'SIGSTKFLT' }])
  const again = await evidence.capture(requestFor(service, 5000))
  const { threads } = contentOf(again, 'python-stack')
  t.ok(Array.isArray(threads) && threads.length === 2, 'the second dump is read alone')
  t.equal(service.child.exitCode, null)
})

t.test('with the client, a loop in C code that holds the lock of the interpreter is named', async (t) => {
  const service = await startHung(t, 'python3', [fixture('busy-loop-client.py')])
  t.match(
    describeCause({ kind: 'busy-loop', cpuPercent: 100 }, await capture(service)),
    // On a loaded machine it may get no CPU while it is looked at.
    /^(busy: main thread in search \(busy-loop-client\.py:18\), on CPU \d+ %; process on CPU 100 %|unknown: busy, process on CPU 100 %, but no thread had a CPU when looked at; main thread was in search \(busy-loop-client\.py:18\))$/,
  )
})

t.test('without the client, gdb names threads that wait for locks', { skip: skipGdb }, async (t) => {
  const service = await startHung(t, debian, [fixture('two-locks.py')])
  const platform = recordingSignaller()
  // On a loaded machine gdb takes longer to load the debugging data than it is given in a capture.
  const patience = milliseconds(60_000)
  const finding = await createPythonStackCollector(platform, true).collect(requestFor(service, 60_000), patience, never)
  t.match(finding, { kind: 'found', content: { tool: 'gdb' } })
  const content = finding.kind === 'found' ? finding.content : undefined
  t.match(
    describeCause(waiting, [{ kind: 'captured', name: 'python-stack', tookMs: 0, content }]),
    /^main thread waits for a lock in transfer \(two-locks\.py:12\); thread \d+ waits for a lock in transfer \(two-locks\.py:12\)$/,
  )
  t.strictSame(platform.sent, [], 'a program without the client gets no signal')
  t.equal(service.child.exitCode, null)
})

t.test('a client whose handler was taken away gets no signal', async (t) => {
  const code = `
import sys
sys.path.insert(0, ${JSON.stringify(fixture('../../../native/clients'))})
import faulthandler, hangdog, time
hangdog.start()
faulthandler.unregister(16)
print("hung", flush=True)
time.sleep(600)`
  const service = await startHung(t, 'python3', ['-c', code])
  const platform = recordingSignaller()
  const collector = createPythonStackCollector(platform, false)
  const finding = await collector.collect(requestFor(service, 5000), limit, never)
  t.strictSame(finding, { kind: 'missing', reason: 'it does not catch signal 16 any more' })
  t.strictSame(platform.sent, [])
  t.equal(service.child.exitCode, null)
})

t.test('without client and debugger, that is said', async (t) => {
  const service = await startHung(t, 'python3', [fixture('two-locks.py')])
  const collector = createPythonStackCollector(recordingSignaller(), false)
  t.match(await collector.collect(requestFor(service, 5000), limit, never), {
    kind: 'missing',
    reason: /client hangdog\.py/,
  })
})

t.test('a stopped service, and one that ends meanwhile, leave a sentence', async (t) => {
  const service = await startHung(t, 'python3', [fixture('two-locks-client.py')])
  const collector = createPythonStackCollector(recordingSignaller(), false)
  const take = () => collector.collect(requestFor(service, 5000), limit, never)
  service.child.kill('SIGSTOP')
  await until(() => stateOf(service.pid) === 'T', 'the stop')
  t.match(await take(), { kind: 'missing', reason: /state T/ })
  service.child.kill('SIGCONT')
  const finding = take()
  service.child.kill('SIGKILL')
  t.match(await finding, { kind: 'missing', reason: /\w+ \w+/ })
})

t.test('a stack of 10,000 frames is cut', async (t) => {
  const code = `
import sys, time
sys.path.insert(0, ${JSON.stringify(fixture('../../../native/clients'))})
import hangdog
hangdog.start()
sys.setrecursionlimit(20000)
def descend(n):
    if n: return descend(n - 1)
    print("hung", flush=True)
    time.sleep(600)
descend(10000)`
  const service = await startHung(t, 'python3', ['-c', code])
  const { threads, stacks } = contentOf(await capture(service), 'python-stack')
  t.match(threads, [{ tid: service.pid, frames: [{ function: 'descend' }] }])
  t.ok(Array.isArray(stacks) && stacks.length <= 1500)
})

t.test('a FIFO that is put in place of the memory of the client is not waited for', async (t) => {
  const service = await startHung(t, 'python3', [fixture('swaps-memory.py'), makeFifo(t)])
  const { identity } = service.process
  for (let round = 0; round < 40; round++) await readClientStacks(identity, recordingSignaller(), 30, never)
  // Had the kernel held two of these readings, there would be no place left for any other.
  t.match(await readText('/proc/self/stat'), { kind: 'read' })
})

t.test('lines that are no stack, binary data among them, are passed over', (t) => {
  const dump = [
    '\u0000\u001b[31mThread 0x12',
    'Thread 0x00007f5d0870e6c0 [worker] (most recent call first):',
    '  File "/a b/"odd", line 3.py", line 7 in run',
    '  ...',
    'Current thread 0x00007f5d09470b80 (most recent call first):',
    '  File "<string>", line ??? in <module>',
    '  <no Python frame>',
  ]
  t.strictSame(parsePythonDump(dump), [
    { pthread: 0x7f5d0870e6c0, frames: [{ file: '/a b/"odd", line 3.py', line: 7, function: 'run' }] },
    { pthread: 0x7f5d09470b80, frames: [{ file: '<string>', line: 0, function: '<module>' }] },
  ])
  t.strictSame(parsePythonDump([]), [])
  t.end()
})

t.test('the client does nothing where nobody watches', (t) => {
  const code =
    'import hangdog; print(hangdog.ready(), hangdog.beat(), hangdog.extend(1), hangdog.stopping(), hangdog.interval())'
  const env = { PATH: process.env.PATH ?? '', PYTHONPATH: fixture('../../../native/clients') }
  t.equal(execFileSync('python3', ['-c', code], { env, encoding: 'utf8' }).trim(), 'False False False False None')
  const gone = { ...env, NOTIFY_SOCKET: '/nonexistent/socket', WATCHDOG_USEC: '2000000' }
  t.equal(execFileSync('python3', ['-c', code], { env: gone, encoding: 'utf8' }).trim(), 'False False False False 0.5')
  t.end()
})
