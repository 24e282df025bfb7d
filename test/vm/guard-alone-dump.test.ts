import { keptByGuard } from './guard-alone.js'
import { machineWith } from './machine-watchdog.js'
import { testScenario } from './scenario.js'

testScenario(
  'hangdog is blocked: the guard alone panics the machine, and the dump names the incident that it recorded',
  {
    scenario: 'guard-alone',
    kernelArguments: ['crashkernel=256M', 'crash_kexec_post_notifiers'],
    devices: ['-device', 'pvpanic,events=3', '-action', 'panic=none'],
  },
  (t, machine, outcome) => {
    const incident = keptByGuard(t, machine, outcome, /^bugcheck by sysrq c/)
    t.match(machine.serial, /Kernel panic - not syncing: sysrq triggered crash/)
    t.match(incident?.aftermath?.end, { kind: 'bugcheck-panic', by: 'crash-dump', incident: incident?.id })
    t.match(incident?.aftermath?.crashDumps, [{ named: true }])
  },
)

testScenario(
  'hangdog is blocked and feeds no watchdog: the guard gives the machine the time for its dump',
  machineWith('i6300esb', 'guard-alone', {
    kernelArguments: ['crashkernel=256M', 'HD_DUMP_TAKES=40'],
  }),
  (t, machine, outcome) => {
    keptByGuard(t, machine, outcome, /^bugcheck by sysrq c/)
    t.match(machine.serial, /scenario: the dump ended with code 0/)
    t.notOk(
      machine.qmpEvents.some(({ event }) => event === 'WATCHDOG'),
      'the watchdog did not act',
    )
  },
)
