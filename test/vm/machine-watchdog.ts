import type { Test } from 'tap'
import type { Machine, MachineOptions, Outcome } from './machine.js'
import { countResets } from './scenario.js'

/** One in hardware, which remembers a reset, and one in the kernel's software, which cannot. */
export const drivers = ['i6300esb', 'softdog'] as const
export type Driver = (typeof drivers)[number]

/** As they call themselves. */
export const identities: Readonly<Record<Driver, string>> = { i6300esb: 'i6300ESB timer', softdog: 'Software Watchdog' }

/** A machine with this watchdog. */
export function machineWith(driver: Driver, scenario: string, more: Partial<MachineOptions> = {}): MachineOptions {
  return {
    scenario,
    ...more,
    kernelArguments: [`HD_DRIVER=${driver}`, ...(more.kernelArguments ?? [])],
    devices: [...(driver === 'i6300esb' ? ['-device', 'i6300esb'] : []), ...(more.devices ?? [])],
  }
}

/** Of the first event of that name. */
export function parametersOf(machine: Machine, name: string, boot = 1): Readonly<Record<string, unknown>> {
  return machine.events(boot).find((event) => event.name === name)?.parameters ?? {}
}

/** The watchdog reset it, and the next hangdog says so. */
export function assertReset(t: Test, machine: Machine, { boots }: Outcome, driver: Driver): void {
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
