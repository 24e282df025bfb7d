import t from 'tap'
import type { MachineReading, ProcessReading } from '../../src/platform/platform.js'
import { instant, milliseconds as ms } from '../../src/time.js'
import { defaultPolicy } from '../../src/watch/policy.js'
import { type HeldSoFar, judge, type Sample } from '../../src/watch/verdict.js'
import { alive } from '../support/scripted-platform.js'

function sample(at: number, process: ProcessReading, machine: MachineReading = {}): Sample {
  return { at: instant(at), process, machine }
}

function verdictOf(before: Sample | undefined, now: Sample, heldSoFar: HeldSoFar = {}, starting = false) {
  return judge({ before, now, limits: defaultPolicy.holds, heldSoFar, starting })
}

const cases: readonly [string, ReturnType<typeof verdictOf>, unknown][] = [
  ['no process', verdictOf(undefined, sample(1000, { kind: 'gone' })), { kind: 'gone' }],
  ['a zombie that nobody has reaped yet', verdictOf(undefined, sample(1000, alive('zombie'))), { kind: 'gone' }],
  [
    'a zombie main thread with others alive',
    verdictOf(undefined, sample(1000, alive('zombie', { threads: 3 }))),
    { hang: { kind: 'dead-main-thread' } },
  ],
  [
    'CPU grows by the clock',
    verdictOf(sample(0, alive('running')), sample(1000, alive('running', { cpuTime: ms(990) }))),
    { hang: { kind: 'busy-loop', cpuPercent: 99 } },
  ],
  [
    'a busy loop caught between two slices',
    verdictOf(sample(0, alive('sleeping')), sample(1000, alive('sleeping', { cpuTime: ms(800) }))),
    { hang: { kind: 'busy-loop', cpuPercent: 80 } },
  ],
  [
    'asleep',
    verdictOf(sample(0, alive('sleeping')), sample(1000, alive('sleeping', { waitChannel: 'pipe_read' }))),
    { hang: { kind: 'waiting', waitChannel: 'pipe_read' } },
  ],
  [
    'uninterruptible',
    verdictOf(undefined, sample(1000, alive('uninterruptible', { waitChannel: 'nfs_wait' }))),
    { hang: { kind: 'blocked-in-kernel', waitChannel: 'nfs_wait' } },
  ],
  [
    'running, with nothing to compare',
    verdictOf(undefined, sample(1000, alive('running'))),
    { hang: { kind: 'unknown' } },
  ],
  ['stopped', verdictOf(undefined, sample(1000, alive('stopped'))), { kind: 'held', reason: 'stopped' }],
  ['traced', verdictOf(undefined, sample(1000, alive('traced', { tracerPid: 9 }))), { kind: 'held', reason: 'traced' }],
  [
    'a tracer that lets it run is no excuse',
    verdictOf(undefined, sample(1000, alive('sleeping', { tracerPid: 9 }))),
    { kind: 'hung' },
  ],
  [
    'frozen',
    verdictOf(undefined, sample(1000, alive('sleeping', { frozen: true }))),
    { kind: 'held', reason: 'frozen' },
  ],
  [
    'frozen for longer than a freeze may last',
    verdictOf(undefined, sample(1000, alive('sleeping', { frozen: true })), { frozen: defaultPolicy.holds.frozen }),
    { hang: { kind: 'held-too-long', reason: 'frozen' } },
  ],
  [
    'starved',
    verdictOf(
      sample(0, alive('running', { runQueueWait: ms(0) }), { cpuPressure: ms(0) }),
      sample(1000, alive('running', { runQueueWait: ms(900) }), { cpuPressure: ms(950) }),
    ),
    { kind: 'held', reason: 'starved' },
  ],
  [
    'waits for a CPU while others do not: not starved but odd',
    verdictOf(
      sample(0, alive('running', { runQueueWait: ms(0) }), { cpuPressure: ms(0) }),
      sample(1000, alive('running', { runQueueWait: ms(900) }), { cpuPressure: ms(100) }),
    ),
    { kind: 'hung' },
  ],
  [
    'a busy loop among hogs gets its share of CPU and is no victim',
    verdictOf(
      sample(0, alive('running', { runQueueWait: ms(0) }), { cpuPressure: ms(0) }),
      sample(1000, alive('running', { runQueueWait: ms(700), cpuTime: ms(300) }), { cpuPressure: ms(1000) }),
    ),
    { kind: 'hung' },
  ],
  [
    'starved a second time in one silence',
    verdictOf(
      sample(0, alive('running', { runQueueWait: ms(0) }), { cpuPressure: ms(0) }),
      sample(1000, alive('running', { runQueueWait: ms(900) }), { cpuPressure: ms(950) }),
      { starved: ms(1000) },
    ),
    { hang: { kind: 'held-too-long', reason: 'starved' } },
  ],
  [
    'silent since its start',
    verdictOf(undefined, sample(1000, alive('sleeping')), {}, true),
    { hang: { kind: 'never-started' } },
  ],
  [
    'stopped since its start',
    verdictOf(undefined, sample(1000, alive('stopped')), {}, true),
    { kind: 'held', reason: 'stopped' },
  ],
]

for (const [title, got, expected] of cases) {
  t.test(title, async (t) => {
    t.match(got, expected)
  })
}
