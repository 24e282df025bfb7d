import type { Test } from 'tap'
import { keptIncidents, stepTexts } from './kept-incident.js'
import type { Machine, MachineOptions, Outcome } from './machine.js'
import { assertNeverReset, countResets, eventNames, testScenario } from './scenario.js'

/** One in hardware, which remembers a reset, and one in the kernel's software, which cannot. */
const drivers = ['i6300esb', 'softdog'] as const
type Driver = (typeof drivers)[number]

const identities: Readonly<Record<Driver, string>> = { i6300esb: 'i6300ESB timer', softdog: 'Software Watchdog' }

function machineWith(driver: Driver, scenario: string, more: Partial<MachineOptions> = {}): MachineOptions {
  return {
    scenario,
    ...more,
    kernelArguments: [`HD_DRIVER=${driver}`, ...(more.kernelArguments ?? [])],
    devices: [...(driver === 'i6300esb' ? ['-device', 'i6300esb'] : []), ...(more.devices ?? [])],
  }
}

function parametersOf(machine: Machine, name: string, boot = 1): Readonly<Record<string, unknown>> {
  return machine.events(boot).find((event) => event.name === name)?.parameters ?? {}
}

/** The watchdog reset it, and the next hangdog says so. */
function assertReset(t: Test, machine: Machine, { boots }: Outcome, driver: Driver): void {
  t.equal(boots.length, 2, 'it was reset once')
  const byHardware = machine.qmpEvents.filter(({ event }) => event === 'WATCHDOG').length
  t.equal(byHardware, driver === 'i6300esb' ? 1 : 0, 'QEMU saw the hardware act')
  t.ok(countResets(machine) >= 1)
  const { finding } = parametersOf(machine, 'machine-reset-found', 2)
  t.match(finding, /^hangdog had started the watchdog \/dev\/watchdog0 \(10s, at .*\) and did not end in order; /)
  t.match(
    finding,
    driver === 'i6300esb'
      ? /watchdog0 \(i6300ESB timer\) remembers: watchdog reset \(0x20\)$/
      : /no watchdog remembers a reset/,
  )
}

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
    t.ok((machine.file('vmcore')?.length ?? 0) > 1_000_000, 'the memory was dumped')
    t.match(stepTexts(keptIncidents(machine)[0]), [/^bugcheck by sysrq c/])
  },
)
