import type { Test } from 'tap'
import type { Machine } from './machine.js'
import { moduleArguments } from './module-build.js'
import { assertNeverReset, testScenario } from './scenario.js'

testScenario(
  'the kernel module keeps its promises, and leaves the kernel as it was',
  { scenario: 'module', kernelArguments: moduleArguments() },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    assertChecks(t, machine, 'module.txt', 60)
    assertChecks(t, machine, 'limit.txt', 2)
    assertChecks(t, machine, 'nowayout.txt', 8)
    t.match(machine.file('sysfs.txt'), /api_version:1\n[\s\S]*countdowns:1\n[\s\S]*countdown0\/state:off\n/)
    t.match(machine.file('rmmod.txt'), /Module hangdog is in use/)
    t.match(machine.serial, /scenario: loaded 50 times/)
    assertHealthyKernel(t, machine.file('dmesg.txt'))
  },
)

testScenario(
  'a flood of calls, good and bad, does not harm the kernel',
  { scenario: 'module-fuzz', kernelArguments: [...moduleArguments(), 'HD_SECONDS=30'] },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    const text = machine.file('fuzz.txt') ?? ''
    const [calls, taken, ended] = [count(text, 'calls'), count(text, 'taken'), count(text, 'ended')]
    t.comment(
      `${calls} calls, ${taken} taken, ${ended} victims ended, ${machine.file('expiries.txt')?.trim()} expiries`,
    )
    t.ok(calls > 10_000 && taken > 1000, 'it came to its work')
    t.ok(ended > 10, 'and far enough for countdowns to end')
    t.equal(machine.file('left.txt'), '0\n', 'no countdown is left of those whose files are closed')
    assertChecks(t, machine, 'module.txt', 60)
    assertHealthyKernel(t, machine.file('dmesg.txt'))
  },
)

testScenario(
  'countdowns that are closed as they end, and run on for nowayout, are freed once and not used after it',
  { scenario: 'module-stress', kernelArguments: [...moduleArguments(), 'slub_debug=FZP', 'HD_SECONDS=30'] },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    const text = machine.file('stress.txt') ?? ''
    const [armed, calls, killed] = [count(text, 'armed'), count(text, 'calls'), count(text, 'killed')]
    const expiries = Number(machine.file('expiries.txt'))
    t.comment(`${armed} countdowns armed, ${expiries} ended, ${calls} calls beside, ${killed} owners killed`)
    t.ok(armed > 1000 && expiries > 500 && killed > 100, 'it came to its work')
    t.equal(count(text, 'left'), 0, 'each countdown is freed after its end')
    // A bad page, an oops, a warning: the log may have lost them in what was said of each closing.
    t.equal(Number(machine.file('tainted.txt')) & (32 | 128 | 512), 0)
    assertHealthyKernel(t, machine.file('dmesg.txt'))
    t.notMatch(machine.file('dmesg.txt'), /BUG kmalloc/)
  },
)

function count(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
}

/** Each line of the program's output is a check that held. */
function assertChecks(t: Test, machine: Machine, name: string, atLeast: number): void {
  const lines = machine.lines(name)
  t.same(
    lines.filter((line) => !line.startsWith('ok - ')),
    ['0 failed'],
    `all checks of ${name} held`,
  )
  t.ok(lines.length > atLeast, `${lines.length} lines in ${name}`)
}

/** The kernel's own log says nothing of trouble in the kernel. */
export function assertHealthyKernel(t: Test, log: string | undefined): void {
  t.ok(log !== undefined && log.length > 0, 'there is a kernel log')
  t.notMatch(log, /BUG:|WARNING:|Oops|general protection|scheduling while atomic|lockup|refcount_t|use-after-free/)
}
