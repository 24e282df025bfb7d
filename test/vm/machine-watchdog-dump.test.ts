import { keptIncidents, stepTexts } from './kept-incident.js'
import { machineWith } from './machine-watchdog.js'
import { testScenario } from './scenario.js'

testScenario(
  'a crash dump that takes longer than the watchdog gives is not cut off',
  machineWith('i6300esb', 'watchdog-dump', { kernelArguments: ['crashkernel=256M'] }),
  (t, machine, { boots }) => {
    t.equal(boots.length, 2)
    t.match(machine.serial, /Kernel panic - not syncing: sysrq triggered crash/)
    t.match(machine.serial, /scenario: the dump ended with code 0/)
    t.notOk(
      machine.qmpEvents.some(({ event }) => event === 'WATCHDOG'),
      'the watchdog did not act',
    )
    const dumped = machine.lines('files').filter((line) => /^\.crash\/\d+\/dump\.\d+ \d{7,}$/.test(line))
    t.equal(dumped.length, 1, 'the memory was dumped')
    t.match(stepTexts(keptIncidents(machine)[0]), [/^bugcheck by sysrq c/])
  },
)
