import { HangdogError } from '../errors.js'
import type { Fault } from './fault.js'

/** On a loaded machine a thread that is always ready gets too small a share of a CPU to be called busy for it. */
const busy: Fault['expected']['hang'] = ['busy-loop', 'unknown']
/** The same where other threads than the main one are busy. */
const busyAside: Fault['expected']['hang'] = ['busy-loop', 'waiting']

/** Every way to hang that can be ordered. No file or function has a name that would give away what a cause is to say. */
export const faults: readonly Fault[] = [
  {
    kind: 'endless-loop',
    summary: 'a loop that never ends, in JavaScript',
    language: 'node',
    needs: [],
    heartbeat: 'node',
    expected: { hang: busy, cause: naming(/addUpForEver/, /endless-loop\.[jt]s:\d+/) },
    program: { kind: 'node', file: 'endless-loop' },
  },
  {
    kind: 'regular-expression',
    summary: 'a regular expression that backtracks without end',
    language: 'node',
    needs: [],
    heartbeat: 'node',
    expected: { hang: busy, cause: naming(/RegExp|regular expression/, /checkAddress/, /check-address\.[jt]s:\d+/) },
    program: { kind: 'node', file: 'check-address' },
  },
  {
    kind: 'fifo-read',
    summary: 'a synchronous read on a FIFO that nobody writes to',
    language: 'node',
    needs: ['mkfifo'],
    heartbeat: 'node',
    expected: { hang: ['waiting'], cause: naming(/\bread\b/, /FIFO/, /\borders\b/) },
    program: { kind: 'node', file: 'fifo-read' },
  },
  {
    kind: 'atomics-wait',
    summary: 'Atomics.wait on the main thread, for a notification that never comes',
    language: 'node',
    needs: [],
    heartbeat: 'node',
    expected: { hang: ['waiting'], cause: naming(/Atomics\.wait/, /waitForTurn/, /atomics-wait\.[jt]s:\d+/) },
    program: { kind: 'node', file: 'atomics-wait' },
  },
  {
    kind: 'unsettled-promise',
    summary: 'a promise that never settles, while the event loop turns',
    language: 'node',
    needs: [],
    heartbeat: 'stream',
    expected: { hang: ['waiting'], cause: naming(/event loop is idle/) },
    program: { kind: 'node', file: 'unsettled-promise' },
  },
  {
    kind: 'pool-exhausted',
    summary: "all threads of libuv's pool blocked, while the event loop turns",
    language: 'node',
    needs: ['mkfifo'],
    heartbeat: 'stream',
    expected: { hang: ['waiting'], cause: naming(/pool/, /\bopen|FIFO|feed-\d/) },
    program: { kind: 'node', file: 'pool-exhausted' },
  },
  {
    kind: 'stuck-worker',
    summary: 'a worker thread in a loop that never ends, while the main thread is fine',
    language: 'node',
    needs: [],
    heartbeat: 'stream',
    expected: { hang: busyAside, cause: naming(/worker/, /countForEver/, /pricing\.[jt]s:\d+/) },
    program: { kind: 'node', file: 'stuck-worker' },
  },
  {
    kind: 'full-pipe',
    summary: 'a log written to a pipe that is full, whose reader does not read',
    language: 'node',
    needs: ['mkfifo', 'tail'],
    heartbeat: 'node',
    expected: { hang: ['waiting'], cause: naming(/\bwrite\b/, /FIFO|pipe/, /tail|reader/) },
    program: { kind: 'node-unread', file: 'full-pipe' },
  },
  {
    kind: 'dead-peer',
    summary: 'an answer over TCP that never comes',
    language: 'node',
    needs: [],
    heartbeat: 'stream',
    expected: { hang: ['waiting'], cause: naming(/127\.0\.0\.1:\d+/) },
    program: { kind: 'node', file: 'dead-peer' },
  },
  {
    kind: 'listen-queue',
    summary: 'a port whose listen queue is full, while the process is up',
    language: 'python',
    needs: ['python3'],
    heartbeat: 'tcp',
    expected: { hang: ['waiting'], cause: naming(/listen|backlog/, /queue|backlog|wait/, /port \d+|127\.0\.0\.1:\d+/) },
    program: { kind: 'python', file: 'listen_queue.py' },
  },
  {
    kind: 'python-deadlock',
    summary: 'two threads of a Python program, each waiting for a lock that the other holds',
    language: 'python',
    needs: ['python3'],
    heartbeat: 'stream',
    expected: {
      hang: ['waiting'],
      cause: naming(/lock/, /transfer_there \(transfers\.py:\d+/, /transfer_back \(transfers\.py:\d+/),
    },
    program: { kind: 'python', file: 'transfers.py' },
  },
  {
    kind: 'file-lock',
    summary: 'a lock on a file that another process holds and does not give back',
    language: 'python',
    needs: ['python3'],
    heartbeat: 'stream',
    expected: { hang: ['waiting'], cause: naming(/flock/, /ledger\.lock/, /held by (?:process|pid) \d+/) },
    program: { kind: 'python', file: 'file_lock.py' },
  },
  {
    kind: 'java-deadlock',
    summary: 'two threads of a Java program, each waiting for a lock that the other holds',
    language: 'java',
    needs: ['java', 'javac'],
    heartbeat: 'stream',
    expected: { hang: ['waiting'], cause: naming(/deadlock/, /transfer-1/, /transfer-2/) },
    program: { kind: 'java', main: 'Transfers', options: [] },
  },
  {
    kind: 'java-gc',
    summary: 'a Java heap that is nearly full, so that all time goes to collecting garbage',
    language: 'java',
    needs: ['java', 'javac'],
    heartbeat: 'stream',
    expected: { hang: busyAside, cause: naming(/garbage|\bGC\b/) },
    // The limit on collector overhead would end the hang with an error.
    program: {
      kind: 'java',
      main: 'Rows',
      options: ['-Xmx48m', '-XX:+UseSerialGC', '-XX:-UseGCOverheadLimit'],
    },
  },
  {
    kind: 'go-deadlock',
    summary: 'goroutines that wait for each other, while the Go runtime is alive',
    language: 'go',
    needs: ['go'],
    heartbeat: 'stream',
    expected: { hang: ['waiting'], cause: naming(/goroutine/, /transferThere/, /transferBack/) },
    program: { kind: 'go', file: 'goroutines.go' },
  },
  {
    kind: 'c-deadlock',
    summary: 'two POSIX threads, each waiting for a mutex that the other holds',
    language: 'c',
    needs: ['gcc'],
    heartbeat: 'stream',
    expected: { hang: ['waiting'], cause: naming(/deadlock/, /transfer_there/, /transfer_back/) },
    program: { kind: 'c', file: 'two-mutexes.c' },
  },
  {
    kind: 'zombie-main-thread',
    summary: 'the main thread has ended, other threads live on',
    language: 'c',
    needs: ['gcc'],
    heartbeat: 'stream',
    expected: { hang: ['dead-main-thread'], cause: naming(/main thread has ended/, /\d+ other threads? lives? on/) },
    program: { kind: 'c', file: 'zombie-main-thread.c' },
  },
  {
    kind: 'fuse-mount',
    summary: 'a read on a FUSE mount whose server is stopped: not to be interrupted (state D)',
    language: 'c',
    needs: ['gcc', 'root', '/dev/fuse'],
    heartbeat: 'stream',
    expected: { hang: ['blocked-in-kernel'], cause: naming(/kernel/, /\bread\b/, /files\/ledger/) },
    program: { kind: 'c', file: 'fuse-mount.c' },
  },
  {
    kind: 'stopped',
    summary: 'stopped by SIGSTOP: held, and a hang only when it lasts',
    language: 'c',
    needs: ['gcc'],
    heartbeat: 'stream',
    expected: { hang: ['held-too-long'], held: 'stopped', cause: naming(/stopped for longer than a hold may last/) },
    program: { kind: 'c', file: 'stopped.c' },
  },
  {
    kind: 'memory-thrash',
    summary: 'a control group at its memory limit, whose pages are read from disk again and again',
    language: 'c',
    needs: ['gcc', 'root', 'memory cgroup', 'disk'],
    heartbeat: 'stream',
    expected: {
      hang: ['blocked-in-kernel', 'waiting', 'busy-loop', 'unknown'],
      cause: naming(/memory/, /limit|pressure/),
    },
    program: { kind: 'c', file: 'table.c' },
  },
]

/** @throws HangdogError `usage` when there is no such kind */
export function findFault(kind: string): Fault {
  const found = faults.find((fault) => fault.kind === kind)
  if (found !== undefined) return found
  const kinds = faults.map((fault) => fault.kind).join(', ')
  throw new HangdogError('usage', `cannot run the fault "${kind}": expected one of ${kinds}`)
}

/** A sentence that says all of this, in any order. */
function naming(...parts: readonly RegExp[]): RegExp {
  return new RegExp(parts.map(({ source }) => `(?=.*(?:${source}))`).join(''), 'i')
}
