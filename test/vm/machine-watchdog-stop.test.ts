import { drivers, identities, machineWith } from './machine-watchdog.js'
import { assertNeverReset, eventNames, testScenario } from './scenario.js'

for (const driver of drivers) {
  testScenario(
    `SIGTERM for hangdog stops the watchdog, and the machine goes on (${driver})`,
    machineWith(driver, 'watchdog-orderly'),
    (t, machine, outcome) => {
      assertNeverReset(t, machine, outcome)
      t.match(machine.serial, /fed so far[\s\S]*hangdog stopped with code 0/)
      t.ok(eventNames(machine).includes('machine-watchdog-stopped'))
      t.equal(machine.file('state')?.trim(), 'inactive')
      t.notMatch(machine.file('watchdog.log'), /did not stop/)
      t.match(machine.serial, /the other one ended with code 69/)
      t.match(machine.file('other'), /cannot open the watchdog "\/dev\/watchdog0": somebody else feeds it already/)
      t.equal(machine.file('other-ran'), undefined, 'nothing was started')
      t.match(machine.file('doctor.jsonl'), new RegExp(`"machine-watchdog","state":"ok".*${identities[driver]}`))
    },
  )

  testScenario(
    `a watchdog that cannot be stopped is given all its time, and a successor takes it over (${driver})`,
    machineWith(driver, 'watchdog-nowayout', { kernelArguments: ['HD_DRIVER_OPTION=nowayout=1'] }),
    (t, machine, outcome) => {
      assertNeverReset(t, machine, outcome)
      const longest = driver === 'i6300esb' ? 2046 : 65_535
      t.same(machine.lines('state'), ['active', String(longest)])
      t.same(machine.lines('successor'), ['10'])
      t.match(machine.serial, /the successor fed it/)
      const armed = machine.events().filter(({ name }) => name === 'machine-watchdog-armed')
      t.match(armed[0]?.parameters.notes, /nothing can stop it \(nowayout\)/)
      t.notMatch(armed[0]?.parameters.notes, /taken over/)
      t.match(armed[1]?.parameters.notes, /it was running: taken over/)
      const left = machine.events().filter(({ name }) => name === 'machine-watchdog-left')
      t.match(left[0]?.parameters, { device: '/dev/watchdog0', reason: /nowayout/ })
      t.equal(left.length, 2)
      t.notMatch(machine.file('watchdog.log'), /nowayout prevents/, 'nobody tried to stop it')
    },
  )
}
