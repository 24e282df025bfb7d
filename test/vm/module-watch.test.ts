import { moduleArguments } from './module-build.js'
import { assertNeverReset, countResets, eventNames, testScenario } from './scenario.js'

const wellWithoutHangdog = /after 25 s without hangdog the countdown is armed, the process [SR]\s/

testScenario(
  'a service that hangs while hangdog is stopped is terminated by the kernel module, one that is well is not',
  { scenario: 'module-stopped', kernelArguments: [...moduleArguments(), 'HD_ACTION=2'] },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    t.match(machine.serial, wellWithoutHangdog)
    t.equal(machine.file('limit.txt'), '7000\n')
    t.match(machine.file('dmesg.txt'), /hangdog: "web" \(pid \d+\) did not beat for 7000 ms: SIGKILL, result 0/)
    t.match(machine.serial, /hangdog ended with code 137/)
    const acted = machine.events().find(({ name }) => name === 'kernel-acted')
    t.match(acted?.parameters, { error: 0 }, 'hangdog says afterwards what was done in its place')
    t.notOk(eventNames(machine).includes('kill-requested'), 'and has done nothing itself')
  },
)

testScenario(
  'a service that hangs while hangdog is stopped makes the kernel module panic, with action 3',
  { scenario: 'module-stopped', kernelArguments: [...moduleArguments(), 'HD_ACTION=3'] },
  (t, machine, { boots }) => {
    t.equal(boots.length, 2)
    t.equal(countResets(machine), 1)
    t.match(machine.serial, wellWithoutHangdog)
    t.match(machine.serial, /Kernel panic - not syncing: BugCheck 9E, \{\d+, 7000, 0, 0\}/)
    t.notMatch(machine.serial, /sysrq:/, 'it was not hangdog')
    t.notOk(eventNames(machine).includes('bugcheck-requested'))
  },
)

testScenario(
  'a service keeps its countdown in the kernel when hangdog is killed; an orderly stop leaves none',
  { scenario: 'module-hangdog-gone', kernelArguments: moduleArguments() },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    t.match(machine.serial, /without hangdog the countdown is armed, there are 1\s/)
    t.match(machine.serial, /the service is gone, countdowns left: 0\s/)
    t.match(machine.serial, /after the stop, countdowns left: 0\s/)
    t.match(machine.file('dmesg.txt'), /SIGKILL, result 0/)
  },
)

testScenario(
  'hangdog that the kernel watches is killed when its JavaScript blocks, and not before',
  { scenario: 'module-own', kernelArguments: moduleArguments() },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    t.match(machine.serial, /well for three limits: expiries 0, the kernel watches pid 0 from hangdog\s/)
    t.match(machine.serial, /hangdog stopped with code 0\s/)
    t.match(machine.serial, /after the stop: countdowns 0, expiries 1\s/)
    t.match(machine.file('well.jsonl'), /"name":"own-watch-expired"/, 'a hang that was only logged is said afterwards')
    t.match(machine.serial, /scenario: hangdog ended with code 137, countdowns 0, expiries 2\s/)
    t.match(machine.file('dmesg.txt'), /hangdog: "hangdog" \(pid \d+\) did not beat for 5000 ms: SIGKILL, result 0/)
    t.notOk(eventNames(machine).includes('own-watch-failed'))
    const armed = machine.events().filter(({ name }) => name === 'own-watch-armed')
    t.match(
      armed.map(({ parameters }) => parameters.action),
      [/kills hangdog, and does not panic/, 'panics', /kills hangdog, and does not panic \(no consent/],
    )
  },
)

testScenario(
  'hangdog that blocks makes the kernel module panic, where the machine consents',
  { scenario: 'module-own-panic', kernelArguments: moduleArguments() },
  (t, machine, { boots }) => {
    t.equal(boots.length, 2)
    t.equal(countResets(machine), 1)
    t.match(machine.serial, /Kernel panic - not syncing: BugCheck 9E, \{\d+, 15000, 0, 0\}/)
    t.notMatch(machine.serial, /sysrq:/, 'it was not hangdog')
    const cutOff = machine.events(2).filter(({ name }) => name === 'run-cut-off')
    t.match(cutOff, [{ parameters: { instance: 'web' } }], 'the next one says that it was cut off')
  },
)
