import t from 'tap'
import type { ProcessStat } from '../../src/platform/linux-proc.js'
import { createSharedTable, findTree, type ProcessTable } from '../../src/platform/linux-tree.js'
import { zero } from '../../src/time.js'

const stat = (pid: number, part: Partial<ProcessStat> = {}): ProcessStat => ({
  pid,
  name: 'x',
  stateLetter: 'S',
  parent: 1,
  group: pid,
  session: pid,
  cpuTime: zero,
  threads: 1,
  startTime: '200',
  ...part,
})

function table(...stats: readonly ProcessStat[]): ProcessTable {
  const by = (key: (one: ProcessStat) => number) =>
    new Map(stats.map((one) => [key(one), stats.filter((other) => key(other) === key(one))]))
  return {
    byPid: new Map(stats.map((one) => [one.pid, one])),
    byParent: by((one) => one.parent),
    byGroup: by((one) => one.group),
    bySession: by((one) => one.session),
  }
}

const identity = { pid: 50, startTime: '100' }
const leader = stat(50, { startTime: '100' })
const pids = (found: readonly ProcessStat[]) => found.map(({ pid }) => pid).sort()

const cases: readonly [string, readonly ProcessStat[], readonly number[]][] = [
  ['the leader alone', [leader, stat(60)], [50]],
  [
    'children and their children, whatever their session',
    [leader, stat(60, { parent: 50 }), stat(61, { parent: 60 })],
    [50, 60, 61],
  ],
  ['orphans of the group', [leader, stat(60, { group: 50 })], [50, 60]],
  ['orphans of the session', [leader, stat(60, { session: 50 })], [50, 60]],
  ['what descends from an orphan', [leader, stat(60, { session: 50 }), stat(61, { parent: 60 })], [50, 60, 61]],
  ['a group that outlives its leader', [stat(60, { group: 50 })], [60]],
  [
    'no zombie, but what descends from it',
    [leader, stat(60, { parent: 50, stateLetter: 'Z' }), stat(61, { parent: 60 })],
    [50, 61],
  ],
  ['a zombie leader with live threads', [stat(50, { startTime: '100', stateLetter: 'Z', threads: 2 })], [50]],
  [
    'nothing of one that took over the number',
    [stat(50, { startTime: '300' }), stat(60, { parent: 50, group: 50 })],
    [],
  ],
  ['nothing that is older than the service', [leader, stat(60, { group: 50, startTime: '99' })], [50]],
  ['nothing of nobody', [], []],
]
for (const [what, stats, expected] of cases) {
  t.test(`the tree of a service holds ${what}`, async (t) => {
    t.same(pids(findTree(table(...stats), { identity, known: [] })), expected)
  })
}

t.test('what is known otherwise is part of the tree while its start time is the same', async (t) => {
  const stats = table(stat(70), stat(71, { parent: 70 }), stat(72))
  const known = [
    { pid: 70, startTime: '200' },
    { pid: 72, startTime: '199' },
  ]
  t.same(pids(findTree(stats, { identity, known })), [70, 71])
})

t.test('one reading of the table is shared for some milliseconds, but not with who needs a newer one', async (t) => {
  let now = 1000
  const read = createSharedTable(() => now)
  const first = read(Number.NEGATIVE_INFINITY)
  now = 1005
  t.equal(read(Number.NEGATIVE_INFINITY), first)
  t.equal(read(1000), first)
  const second = read(1001)
  t.not(second, first)
  now = 1011
  t.not(read(Number.NEGATIVE_INFINITY), second)
  t.ok(first.byPid.has(process.pid))
})
