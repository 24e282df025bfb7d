import t from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import type { Hang } from '../../src/watch/verdict.js'

function captured(name: string, content: unknown): Exhibit {
  return { kind: 'captured', name, tookMs: 1, content }
}

function mainThreadIn(syscall: string, ...children: readonly unknown[]): Exhibit {
  const state = syscall === 'running' ? 'R' : 'S'
  return captured('process', { threads: { count: 3, threads: [{ tid: 1, state, syscall }] }, children })
}

function missing(name: string, reason: string): Exhibit {
  return { kind: 'missing', name, tookMs: 1, reason }
}

/** A stack of Node's main thread below which there is JavaScript. */
function nodeStack(...functions: readonly string[]): Exhibit {
  const frames = [...functions, 'Builtins_CEntry_Return1_ArgvOnStack_BuiltinExit', 'node::Start']
  const lines = frames.map((name, index) => `#${index}  0x000000000122542a in ${name} ()`)
  return captured('native-stack', { stacks: ['Thread 1 (Thread 0x7f LWP 1 "node"):', ...lines] })
}

const internal = { function: 'listOnTimeout', url: 'node:internal/timers', line: 581, column: 1 }
const spin = { function: 'spin', url: 'file:///srv/app.js', line: 12, column: 3 }
const zlib = { function: 'gzipSync', url: 'node:zlib', line: 7, column: 1 }
const jsonLines = [
  'v8::internal::JsonParser<unsigned char>::ScanJsonString(bool)',
  'v8::internal::MaybeHandle<v8::internal::Object> v8::internal::JsonParser<unsigned char>::ParseJsonValue<false>()',
  'v8::internal::Builtin_JsonParse(int, unsigned long*, v8::internal::Isolate*)',
]
const spawnLines = [
  '__GI_epoll_pwait',
  'uv__io_poll',
  'node::SyncProcessRunner::Spawn(v8::FunctionCallbackInfo<int> const&)',
]
const execSync = { function: 'execSync', url: 'node:child_process', line: 961, column: 1 }
const beatTurn = {
  function: 'turnTaken',
  url: new URL('../../src/heartbeat/register.js', import.meta.url).href,
  line: 9,
}
const polling = 'epoll_pwait(13) on anon_inode:[eventpoll]'
const stack = captured('javascript-stack', { frames: [internal, spin] })
const atomicsWait = captured('javascript-stack', { frames: [spin, internal], builtIn: 'Atomics.wait' })
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
  ['a busy loop with a stack', busy, [stack], 'busy loop in spin (app.js:12), process on CPU 99 %'],
  [
    'a busy loop in native code',
    busy,
    [nativeStack],
    'busy, last seen in native function take_inventory, process on CPU 99 %',
  ],
  ['a busy loop without a stack', busy, [], 'unknown: busy, process on CPU 99 %, and no stack could be taken'],
  [
    'an inner JSON.parse',
    busy,
    [mainThreadIn('running'), nodeStack(...jsonLines)],
    'busy, last seen in native function v8::internal::Builtin_JsonParse, process on CPU 99 %',
  ],
  [
    'a built-in function of V8',
    busy,
    [nodeStack('Builtins_MergeAt')],
    'busy, last seen in native function Builtins_MergeAt, process on CPU 99 %',
  ],
  [
    'plain JavaScript that does not answer',
    busy,
    [nodeStack('Builtins_InterpreterEntryTrampoline')],
    'unknown: busy, process on CPU 99 %, and no stack could be taken',
  ],
  [
    'busy threads beside a main thread that waits',
    { kind: 'busy-loop', cpuPercent: 183 },
    [mainThreadIn('futex()'), atomicsWait],
    'busy, process on CPU 183 %, but when looked at, main thread waits in Atomics.wait called from spin (app.js:12)',
  ],
  [
    'a busy loop that several looks have found, below a call of Node',
    busy,
    [
      mainThreadIn('running'),
      captured('javascript-stack', {
        frames: [{ function: 'inner', url: 'node:zlib', line: 1, column: 1 }, zlib, spin, internal],
        samples: { count: 3, spanMs: 40, steady: 1, samePlace: false, ended: false },
        runtime: { heap: { usedBytes: 96, limitBytes: 100 } },
      }),
    ],
    'busy loop in spin (app.js:12), in its call of gzipSync of node:zlib, process on CPU 99 %, so at 3 looks in 40 ms; its heap is at 96 % of the limit',
  ],
  [
    'a collection of garbage that waits for its helpers',
    busy,
    [
      mainThreadIn('futex()'),
      captured('javascript-stack', { frames: [spin], samples: { count: 3, spanMs: 40, steady: 0 } }),
    ],
    'busy loop in spin (app.js:12), process on CPU 99 %, so at 3 looks in 40 ms',
  ],
  [
    'a built-in function',
    busy,
    [
      captured('javascript-stack', {
        frames: [spin],
        builtIn: 'String.replace',
        samples: { count: 3, spanMs: 40, steady: 0, samePlace: true },
      }),
    ],
    'main thread has been inside String.replace, called by spin (app.js:12), process on CPU 99 %, so at 3 looks in 40 ms',
  ],
  [
    'a pause of another debugger',
    waiting,
    [captured('javascript-stack', { pausedBefore: true, frames: [spin] })],
    'main thread stands still in spin (app.js:12): another debugger has paused it through its inspector',
  ],
  [
    'a loop that came to an end of what it was in',
    { kind: 'waiting', waitChannel: 'ep_poll' },
    [
      mainThreadIn(polling),
      captured('javascript-stack', {
        frames: [spin],
        samples: { count: 1, spanMs: 0, steady: 0, ended: true },
        runtime: { resources: { TCPServerWrap: 1 }, peers: [], poolSize: 4 },
      }),
    ],
    'event loop is idle: pending in it: 1 TCPServerWrap',
  ],
  [
    'two busy workers',
    busy,
    [
      captured('javascript-stack', {
        loop: 'idle',
        frames: [],
        workers: [
          { title: '[worker 1]', frames: [spin], samples: { count: 2, spanMs: 20, steady: 0 } },
          { title: '[worker 2]', frames: [spin], samples: { count: 1, spanMs: 0, steady: 0, ended: true } },
          { title: '[worker 3]', frames: [spin], samples: { count: 2, spanMs: 20, steady: 0 } },
        ],
      }),
    ],
    "worker thread [worker 1] is busy in spin (app.js:12), process on CPU 99 %, so at 2 looks in 20 ms; the main thread's event loop turns; 1 more of its workers is busy too",
  ],
  [
    'a call that stays, on a machine too busy to tell by CPU time',
    { kind: 'unknown', detail: 'the process is running and used 28 % of a CPU' },
    [
      mainThreadIn('running'),
      captured('javascript-stack', { frames: [spin, internal], samples: { count: 3, spanMs: 40, steady: 0 } }),
    ],
    'main thread is in spin (app.js:12), so at 3 looks in 40 ms; the process is running and used 28 % of a CPU',
  ],
  [
    'evaluated code',
    busy,
    [captured('javascript-stack', { frames: [{ function: 'run', url: '', line: 2, column: 1 }] })],
    'busy loop in run (evaluated code:2), process on CPU 99 %',
  ],
  ['a read on a FIFO', waiting, [mainThreadIn('read(3) on FIFO /run/x')], 'waiting in read() on FIFO /run/x'],
  [
    'Atomics.wait',
    futex,
    [mainThreadIn('futex()'), atomicsWait],
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
    [
      mainThreadIn('epoll_wait(5) on anon_inode:[eventpoll]'),
      captured('javascript-stack', { loop: 'idle', frames: [] }),
    ],
    'event loop is idle: main thread waits in epoll_wait() on anon_inode:[eventpoll], and what it waits for does not come',
  ],
  [
    'an event loop that turns for the beat alone',
    { kind: 'waiting', waitChannel: 'ep_poll' },
    [mainThreadIn(polling), captured('javascript-stack', { frames: [beatTurn, internal] })],
    'event loop is idle: main thread waits in epoll_pwait() on anon_inode:[eventpoll], and what it waits for does not come',
  ],
  [
    'a wait for events of which nothing else is known',
    { kind: 'waiting', waitChannel: 'ep_poll' },
    [mainThreadIn(polling), missing('javascript-stack', 'not permitted')],
    'main thread waits for events in epoll_pwait() on anon_inode:[eventpoll]',
  ],
  [
    'execSync',
    { kind: 'waiting', waitChannel: 'ep_poll' },
    [mainThreadIn(polling, { pid: 77, name: 'sh', state: 'S' }), nodeStack(...spawnLines)],
    'main thread waits for a child process that it runs synchronously (spawnSync, execSync); its only child is sh (pid 77)',
  ],
  [
    'execSync in a loop',
    { kind: 'waiting', waitChannel: 'ep_poll' },
    [mainThreadIn(polling), captured('javascript-stack', { frames: [internal, execSync, spin] })],
    'main thread waits for a child process that it runs synchronously (spawnSync, execSync), called from spin (app.js:12)',
  ],
  [
    'a pause that the inspector itself made',
    { kind: 'waiting', waitChannel: 'pipe_read' },
    [mainThreadIn('futex()'), stack],
    'main thread is in spin (app.js:12), and was waiting in pipe_read',
  ],
  [
    'a master whose worker is stopped',
    { kind: 'waiting', waitChannel: 'sigsuspend' },
    [mainThreadIn('rt_sigsuspend()', { pid: 7, name: 'nginx', state: 'T' }, { pid: 8, name: 'nginx', state: 'S' })],
    'waiting in rt_sigsuspend(); its child nginx (pid 7) is stopped (T)',
  ],
  [
    'a wait without a system call',
    waiting,
    [],
    'unknown: it waits in kernel function pipe_read, and its system call could not be read',
  ],
  [
    'nothing readable',
    { kind: 'waiting', waitChannel: 'unknown' },
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
    'the main thread has ended; 2 other threads live on',
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
