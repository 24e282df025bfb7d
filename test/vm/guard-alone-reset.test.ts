import { keptByGuard } from './guard-alone.js'
import { countResets, testScenario } from './scenario.js'

testScenario(
  'hangdog is blocked, and there is no crash kernel: the guard alone resets the machine',
  { scenario: 'guard-alone' },
  (t, machine, outcome) => {
    const incident = keptByGuard(t, machine, outcome, /^bugcheck by sysrq b/)
    t.equal(countResets(machine), 1)
    t.match(machine.serial, /sysrq: Resetting/)
    const words = /hangdog: bugcheck 0x9E: service web \(pid \d+\) hung for 3000 ms, incident (\S+)/.exec(
      machine.serial,
    )
    t.equal(words?.[1], incident?.id, "the kernel's log names the incident")
  },
)
