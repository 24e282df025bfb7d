import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import type { Hang } from '../../src/watch/verdict.js'

function captured(name: string, content: unknown): Exhibit {
  return { kind: 'captured', name, tookMs: 1, content }
}

function mainThreadIn(syscall: string): Exhibit {
  return captured('process', { threads: { count: 3, threads: [{ tid: 1, syscall }] } })
}

const internal = { function: 'listOnTimeout', url: 'node:internal/timers', line: 581, column: 1 }
const spin = { function: 'spin', url: 'file:///srv/app.js', line: 12, column: 3 }
const stack = captured('javascript-stack', { frames: [internal, spin] })
const nativeStack = captured('native-stack', {
  stacks: [
    'Thread 2 (Thread 0x7f LWP 2 "worker"):',
    '#0  0x00007f1 in other () from /lib/libother.so',
    'Thread 1 (Thread 0x7f LWP 1 "main"):',
    '#0  futex_wait (private=...) at ../nptl/futex.c:1',
    '#1  0x00007f1 in ___pthread_mutex_lock (mutex=...) at a.c:3',
    '#2  0x000055 in take_inventory () at stock.c:8',
  ],
})

const busy: Hang = { kind: 'busy-loop', cpuPercent: 98.7 }
const waiting: Hang = { kind: 'waiting', waitChannel: 'pipe_read' }
const futex: Hang = { kind: 'waiting', waitChannel: 'futex_wait_queue' }

const cases: readonly (readonly [string, Hang, readonly Exhibit[], string])[] = [
  ['a busy loop with a stack', busy, [stack], 'busy loop in spin (app.js:12), main thread on CPU 99 %'],
  [
    'a busy loop in native code',
    busy,
    [nativeStack],
    'busy loop in native function take_inventory, main thread on CPU 99 %',
  ],
  ['a busy loop without a stack', busy, [], 'unknown: busy, main thread on CPU 99 %, and no stack could be taken'],
  ['a read on a FIFO', waiting, [mainThreadIn('read(3) on FIFO /run/x')], 'waiting in read() on FIFO /run/x'],
  [
    'Atomics.wait',
    futex,
    [mainThreadIn('futex()'), stack],
    'main thread waits in Atomics.wait called from spin (app.js:12)',
  ],
  [
    'a native lock',
    futex,
    [mainThreadIn('futex()'), nativeStack],
    'main thread waits for a lock or a condition in take_inventory (futex)',
  ],
  [
    'an idle event loop',
    { kind: 'waiting', waitChannel: 'ep_poll' },
    [mainThreadIn('epoll_wait(5) on anon_inode:[eventpoll]')],
    'event loop is idle: main thread waits in epoll_wait() on anon_inode:[eventpoll], and what it waits for does not come',
  ],
  [
    'a wait without a system call',
    waiting,
    [],
    'unknown: it waits in kernel function pipe_read, and its system call could not be read',
  ],
  [
    'nothing readable',
    { kind: 'waiting', waitChannel: '' },
    [mainThreadIn('not read: not permitted')],
    'unknown: it waits, and neither system call nor wait channel could be read',
  ],
  [
    'state D',
    { kind: 'blocked-in-kernel', waitChannel: 'nfs_wait' },
    [mainThreadIn('openat() on /mnt/x')],
    'blocked in the kernel in openat() on /mnt/x, not to be interrupted (state D, wait channel nfs_wait)',
  ],
  [
    'a dead main thread',
    { kind: 'dead-main-thread' },
    [mainThreadIn('exit')],
    'the main thread has ended; 2 threads live on',
  ],
  [
    'a hold that lasted too long',
    { kind: 'held-too-long', reason: 'stopped' },
    [],
    'it is stopped for longer than a hold may last',
  ],
  [
    'a start that hangs',
    { kind: 'never-started' },
    [mainThreadIn('connect(4)')],
    'no sign of life since its start; main thread was in connect()',
  ],
  [
    'a trigger',
    { kind: 'triggered' },
    [stack],
    'the service itself asked to be treated as hung; JavaScript was in spin (app.js:12)',
  ],
  ['readings that do not tell', { kind: 'unknown', detail: 'no CPU figures' }, [], 'unknown: no CPU figures'],
]

for (const [title, hang, exhibits, expected] of cases) {
  t.test(`the cause of ${title} follows from its rule`, async (t) => {
    t.equal(describeCause(hang, exhibits), expected)
  })
}

t.test('exhibits of an unexpected form are taken for absent', async (t) => {
  const odd = [
    captured('process', 'text'),
    captured('javascript-stack', { frames: 'none' }),
    captured('native-stack', null),
  ]
  t.match(describeCause(waiting, odd), /^unknown: /)
})
