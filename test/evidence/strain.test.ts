import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { describeCause } from '../../src/evidence/cause.js'
import { findGroupDirectories } from '../../src/evidence/control-group.js'
import { takeExhibit } from '../../src/evidence/exhibit.js'
import { readMemoryLimit, strainCollector } from '../../src/evidence/strain.js'
import { readKernelFile } from '../../src/platform/linux-proc.js'
import { milliseconds } from '../../src/time.js'
import type { Exhibit } from '../../src/watch/evidence.js'
import type { Hang } from '../../src/watch/verdict.js'
import { fixture, type HungService, realClock, requestFor, startHung } from '../fixtures/evidence/hung-service.js'

const limit = milliseconds(8000)
const waiting: Hang = { kind: 'waiting', waitChannel: 'unknown' }

const own = findGroupDirectories(
  readKernelFile('/proc/self/cgroup') ?? '',
  readKernelFile('/proc/self/mountinfo') ?? '',
)

const memoryLimits: Readonly<Record<string, string>> =
  own.memory === undefined ? { 'memory.max': '25165824' } : { 'memory.limit_in_bytes': '25165824' }
const cpuLimits: Readonly<Record<string, string>> =
  own.cpu === undefined ? { 'cpu.max': '5000 100000' } : { 'cpu.cfs_period_us': '100000', 'cpu.cfs_quota_us': '5000' }

/** A group below that of this process, with limits. @throws the system error where none can be made */
function makeGroup(controller: 'memory' | 'cpu', limits: Readonly<Record<string, string>>): string {
  const directory = join(own[controller] ?? own.unified ?? '/nonexistent', `hangdog-test-${controller}-${process.pid}`)
  mkdirSync(directory)
  try {
    for (const [name, value] of Object.entries(limits)) writeFileSync(join(directory, name), value)
    return directory
  } catch (error) {
    rmdirSync(directory)
    throw error
  }
}

function whyNoGroup(controller: 'memory' | 'cpu', limits: Readonly<Record<string, string>>): string | false {
  try {
    rmdirSync(makeGroup(controller, limits))
    return false
  } catch (error) {
    return `no control group with a limit can be made here: ${error}`
  }
}

/** The kernel takes the last process out a moment after its end. */
async function removeWhenEmpty(directory: string): Promise<void> {
  for (let round = 0; round < 100; round++) {
    try {
      rmdirSync(directory)
      return
    } catch {
      await delay(50)
    }
  }
}

async function expectCause(t: Test, service: HungService, expected: RegExp, hang: Hang): Promise<Exhibit | undefined> {
  const end = Date.now() + 20_000
  for (;;) {
    const exhibit = await takeExhibit(realClock, strainCollector, requestFor(service, limit), limit)
    const cause = describeCause(hang, exhibit === undefined ? [] : [exhibit])
    if (!expected.test(cause) && Date.now() < end) continue
    t.match(cause, expected)
    return exhibit
  }
}

t.test(
  'a service that thrashes at its memory limit is told by its faults',
  { skip: whyNoGroup('memory', memoryLimits) },
  async (t) => {
    const group = makeGroup('memory', memoryLimits)
    t.teardown(() => removeWhenEmpty(group))
    const folder = mkdtempSync(join(tmpdir(), 'hangdog-strain-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'data')
    const file = openSync(path, 'w')
    for (let piece = 0; piece < 96; piece++) writeSync(file, Buffer.alloc(1024 * 1024, piece + 1))
    fsyncSync(file)
    closeSync(file)
    const service = await startHung(t, 'python3', [fixture('thrash.py'), path, group])
    const expected = /^thrashing: [\d,]+ major faults a second at its memory limit of 24 MiB$/
    const exhibit = await expectCause(t, service, expected, {
      kind: 'blocked-in-kernel',
      waitChannel: 'folio_wait_bit',
    })
    t.match(exhibit, {
      content: { majorFaultsPerSecond: Number, memory: { limitBytes: 25165824, isOutOfMemory: false } },
    })
    await ended(service)
  },
)

t.test(
  'a service without CPU time left is told by its throttling',
  { skip: whyNoGroup('cpu', cpuLimits) },
  async (t) => {
    const group = makeGroup('cpu', cpuLimits)
    t.teardown(() => removeWhenEmpty(group))
    const loop = `echo $$ > ${group}/cgroup.procs; echo hung; while :; do :; done`
    const service = await startHung(t, 'sh', ['-c', loop])
    const expected =
      /^throttled: its control group, which may use 0\.05 CPUs, had no CPU time left for (100|[6-9]\d) % of the time$/
    await expectCause(t, service, expected, waiting)
    await ended(service)
  },
)

t.test('a process that has ended leaves a sentence', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  await ended(service)
  const exhibit = await takeExhibit(realClock, strainCollector, requestFor(service, limit), limit)
  t.match(exhibit, { kind: 'missing', reason: /could not be read twice/ })
})

t.test('a healthy sleeper is under no strain', async (t) => {
  const service = await startHung(t, 'sleep', ['600'], { silent: true })
  const exhibit = await takeExhibit(realClock, strainCollector, requestFor(service, limit), limit)
  t.match(exhibit, { kind: 'captured', content: { cpuPercent: 0, majorFaultsPerSecond: 0, waitedForCpu: [] } })
  t.notMatch(describeCause(waiting, exhibit === undefined ? [] : [exhibit]), /thrash|throttl|starv/)
})

t.test('groups are found in both versions, below the group that is mounted, and not outside of it', async (t) => {
  const mountinfo = [
    '30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
    '31 25 0:27 /pod /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '32 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct',
    '33 25 0:29 / /proc rw - proc proc rw',
  ].join('\n')
  t.strictSame(findGroupDirectories('5:memory:/pod/a:b\n4:cpu,cpuacct:/\n1:name=systemd:/x\n0::/web\n', mountinfo), {
    memory: '/sys/fs/cgroup/memory/a:b',
    cpu: '/sys/fs/cgroup/cpu,cpuacct',
    cpuacct: '/sys/fs/cgroup/cpu,cpuacct',
    unified: '/sys/fs/cgroup/unified/web',
  })
  t.strictSame(findGroupDirectories('5:memory:/podium\n0::/../other\n', mountinfo), {})
  t.strictSame(findGroupDirectories('', ''), {})
})

t.test('the memory limit is read in both versions', async (t) => {
  const directories = {}
  const second = { 'memory.current': '100', 'memory.max': '200', 'memory.events': 'low 0\nmax 7\noom 1\noom_kill 2\n' }
  t.strictSame(readMemoryLimit({ directories, files: second }), {
    bytes: 100,
    limitBytes: 200,
    oomKills: 2,
    limitHits: 7,
    isOutOfMemory: false,
  })
  const first = {
    'memory.usage_in_bytes': '100',
    'memory.limit_in_bytes': '200',
    'memory.failcnt': '9',
    'memory.oom_control': 'oom_kill_disable 1\nunder_oom 1\noom_kill 3\n',
  }
  const stuck = { bytes: 100, limitBytes: 200, oomKills: 3, limitHits: 9, isOutOfMemory: true }
  t.strictSame(readMemoryLimit({ directories, files: first }), stuck)
  t.strictSame(readMemoryLimit({ directories, files: { 'memory.max': 'max' } }), { isOutOfMemory: false })
  t.strictSame(readMemoryLimit(undefined), { isOutOfMemory: false })
  const exhibit = { kind: 'captured', name: 'strain', tookMs: 1, content: { waitedForCpu: [], memory: stuck } } as const
  t.match(describeCause(waiting, [exhibit]), /^its control group is out of memory at its memory limit of 200 B/)
})

async function ended({ child }: HungService): Promise<void> {
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}
