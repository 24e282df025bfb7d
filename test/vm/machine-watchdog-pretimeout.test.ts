import { machineWith, parametersOf } from './machine-watchdog.js'
import { testScenario } from './scenario.js'

testScenario(
  "hangdog's JavaScript blocks: the kernel panics at the pretimeout, where it was told to, before the hardware acts",
  // The kernel's clock and that of the emulated hardware do not run alike; with 20 s there is room between their ends.
  machineWith('i6300esb', 'watchdog-blocked', { kernelArguments: ['HD_GOVERNOR=panic', 'HD_TIMEOUT=20'] }),
  (t, machine, { boots }) => {
    t.equal(boots.length, 2)
    t.match(parametersOf(machine, 'machine-watchdog-armed').notes, /the kernel is told 5s before \(panic\)/)
    t.match(machine.serial, /Kernel panic - not syncing: watchdog pretimeout event/)
    t.notOk(
      machine.qmpEvents.some(({ event }) => event === 'WATCHDOG'),
      'the hardware did not act',
    )
    t.match(parametersOf(machine, 'machine-reset-found', 2).finding, /did not end in order/)
  },
)
