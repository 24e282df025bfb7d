import { assertReset, drivers, identities, machineWith, parametersOf } from './machine-watchdog.js'
import { eventNames, testScenario } from './scenario.js'

for (const driver of drivers) {
  testScenario(
    `hangdog is killed with the watchdog armed: the machine is reset, and the next boot says why (${driver})`,
    machineWith(driver, 'watchdog-killed'),
    (t, machine, outcome) => {
      t.match(machine.serial, /scenario: fed so far/)
      assertReset(t, machine, outcome, driver)
      t.equal(machine.file('bootstatus')?.trim(), driver === 'i6300esb' ? '32' : '0')
      const found = eventNames(machine, 2).filter((name) => name === 'machine-reset-found')
      t.equal(found.length, 1, 'it is said once for a boot')
      t.match(parametersOf(machine, 'machine-watchdog-armed'), {
        device: '/dev/watchdog0',
        identity: identities[driver],
        timeout: '10s',
        interval: '2s',
      })
    },
  )

  testScenario(
    `hangdog's JavaScript blocks with the watchdog armed: the machine is reset (${driver})`,
    machineWith(driver, 'watchdog-blocked'),
    (t, machine, outcome) => {
      t.match(machine.serial, /scenario: blocked/)
      assertReset(t, machine, outcome, driver)
    },
  )
}
