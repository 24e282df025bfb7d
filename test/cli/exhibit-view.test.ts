import t from 'tap'
import { describeContent } from '../../src/cli/exhibit-view.js'

const call = (name: string) => ({ function: name, url: 'file:///srv/a.js', line: 5, column: 2 })

function linesOf(name: string, content: unknown): readonly string[] {
  return describeContent(name, content, false).lines
}

t.test('a stack of JavaScript shows its workers, and what is left out', async (t) => {
  t.strictSame(linesOf('javascript-stack', { frames: [call('f')], omitted: 9, builtIn: 'RegExp.exec' }), [
    'in RegExp.exec, which is built in',
    'at f (file:///srv/a.js:5:2)',
    'and 9 more calls',
  ])
  const workers = [
    { title: '[worker 1] index', frames: [call('scan')], omitted: 0 },
    { title: '[worker 2]', frames: [], notCaptured: 'it does not answer' },
  ]
  t.strictSame(linesOf('javascript-stack', { loop: 'idle', frames: [], workers, moreWorkers: 3 }), [
    'main thread',
    '  it runs no JavaScript: its event loop is idle',
    'worker thread [worker 1] index',
    '  at scan (file:///srv/a.js:5:2)',
    'worker thread [worker 2]',
    '  not captured: it does not answer',
    'and 3 more workers',
  ])
})

t.test('an idle loop without workers shows what is known of it', async (t) => {
  t.match(linesOf('javascript-stack', { loop: 'idle', frames: [], workers: [] }), ['loop: idle'])
})

t.test('strain and a core are told in sentences', async (t) => {
  const strain = {
    measuredMs: 150,
    cpuPercent: 3,
    majorFaultsPerSecond: 1900,
    waitedForCpu: [{ tid: 7, name: 'node', percent: 40 }],
    cpuLimit: 0.5,
    memory: { bytes: 64 * 1024 ** 2, limitBytes: 64 * 1024 ** 2, limitHits: 12, isOutOfMemory: true },
  }
  t.strictSame(linesOf('strain', strain), [
    'within 150 ms: 3 % of a CPU, 1,900 major faults a second',
    'thread 7 (node) waited for a CPU for 40 % of the time',
    'limit of its group: 0.5 CPUs',
    'memory of its group: 64 MiB of 64 MiB; 12 times at the limit',
    'its group is out of memory, and its tasks wait for some',
  ])
  const core = { what: 'minimal', file: 'core.7', bytes: 1.5 * 1024 ** 2, threads: 2, threadsWithoutRegisters: 1 }
  t.strictSame(linesOf('core', core), [
    'core.7: minimal, 1.5 MiB, 2 threads, 1 of them without registers; read it with gdb PROGRAM core.7',
  ])
})

t.test('what is damaged is shown as it is, and --all shows every field', async (t) => {
  t.strictSame(linesOf('core', { what: 'minimal' }), ['what: minimal'])
  t.strictSame(linesOf('strain', 'torn'), ['torn'])
  t.strictSame(describeContent('core', { what: 'full', file: 'core.7', bytes: 5 }, true).lines, [
    'what: full',
    'file: core.7',
    'bytes: 5',
  ])
})

t.test('the kernel stack of a thread that runs is empty, and not shown', async (t) => {
  const thread = { tid: 7, name: 'a', state: 'R', syscall: 'running', waitChannel: '', kernelStack: [''] }
  t.notMatch(linesOf('process', { threads: { threads: [thread] } }).join('\n'), /kernel stack/)
})
