import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { createEvidenceCollector } from '../../src/evidence/collector.js'
import { parseGoroutines } from '../../src/evidence/go-cause.js'
import { createGoStackCollector } from '../../src/evidence/go-stack.js'
import { milliseconds } from '../../src/time.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import {
  contentOf,
  type HungService,
  realClock,
  recordingSignaller,
  requestFor,
  startHung,
  stateOf,
} from '../fixtures/evidence/hung-service.js'
import { buildGo, makeFolder, needs } from '../fixtures/evidence/program.js'

const limit = milliseconds(15_000)
const never = new AbortController().signal
const waiting = { kind: 'waiting', waitChannel: 'futex_wait_queue' } as const
const skip = needs('go', 'gdb')

function capture(service: HungService, platform = recordingSignaller()): Promise<readonly Exhibit[]> {
  return createEvidenceCollector({ clock: realClock, platform }).capture(requestFor(service, 15_000))
}

t.test('goroutines that wait for locks are named, and the program goes on', { skip }, async (t) => {
  const service = await startHung(t, buildGo(makeFolder(t), 'two-locks'), [])
  const platform = recordingSignaller()
  const exhibits = await capture(service, platform)
  t.match(
    describeCause(waiting, exhibits),
    /^goroutine 1 waits for a lock in main\.transfer \(two-locks\.go(:\d+)?\); goroutine \d+ waits for a lock in main\.transfer \(two-locks\.go(:\d+)?\)$/,
  )
  t.ok(contentOf(exhibits, 'go-stack'))
  t.strictSame(platform.sent, [], 'no SIGQUIT, which would end it')
  t.notOk(exhibits.find(({ name }) => name === 'native-stack'))
  t.equal(service.child.exitCode, null)
  t.equal(stateOf(service.pid), 'S')
})

t.test('a goroutine that is busy is named with what it runs', { skip }, async (t) => {
  const service = await startHung(t, buildGo(makeFolder(t), 'busy-loop'), [])
  t.match(
    describeCause({ kind: 'busy-loop', cpuPercent: 100 }, await capture(service)),
    /^busy: goroutine \d+ in main\.spin \(busy-loop\.go:\d+\), process on CPU 100 %$/,
  )
})

t.test('without debugging data that is said, and the native stack is taken', { skip }, async (t) => {
  const service = await startHung(t, buildGo(makeFolder(t), 'two-locks', ['-ldflags=-s -w']), [])
  const exhibits = await capture(service)
  t.match(
    exhibits.find(({ name }) => name === 'go-stack'),
    { kind: 'missing', reason: /^gdb read no goroutines: the program was built without debugging data/ },
  )
  t.ok(exhibits.find(({ name }) => name === 'native-stack'))
})

t.test('without gdb the sentence says what to install', { skip: needs('go') }, async (t) => {
  const path = process.env.PATH
  t.teardown(() => {
    process.env.PATH = path
  })
  const service = await startHung(t, buildGo(makeFolder(t), 'two-locks'), [])
  process.env.PATH = '/nonexistent'
  const finding = await createGoStackCollector(recordingSignaller()).collect(requestFor(service, 5000), limit, never)
  t.match(finding, { kind: 'missing', reason: /^gdb could not be started .*install the package gdb$/ })
})

t.test('what Go prints itself reads the same', (t) => {
  const dump = [
    'SIGQUIT: quit',
    'PC=0x460201 m=0 sigcode=0',
    '',
    'goroutine 1 [semacquire, 5 minutes]:',
    'sync.runtime_SemacquireMutex(0x0?, 0x0?, 0x0?)',
    '\t/usr/lib/go/src/runtime/sema.go:77 +0x26',
    'main.transfer(0xc00001c0a8, 0x5f7a58)',
    '\t/src/two-locks.go:19 +0x8c',
    '',
    'goroutine 18 [running]:',
    '\tgoroutine running on other thread; stack unavailable',
    'created by main.main',
    '\t/src/two-locks.go:28 +0xb3',
  ]
  t.match(parseGoroutines(dump), [
    {
      id: 1,
      state: 'semacquire',
      frames: [
        { function: 'sync.runtime_SemacquireMutex', at: 'sema.go:77' },
        { function: 'main.transfer', at: 'two-locks.go:19' },
      ],
    },
    { id: 18, state: 'running' },
  ])
  t.end()
})
