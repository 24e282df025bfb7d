import type { Test } from 'tap'
import { nativeAddon } from '../support/native.js'
import { keptIncidents, stepTexts } from './kept-incident.js'
import type { Machine, Outcome } from './machine.js'
import { machineWith } from './machine-watchdog.js'
import { countResets, eventNames, testScenario } from './scenario.js'

/** What the guard wrote before it stopped the machine is an incident after the next boot. */
function assertKept(t: Test, machine: Machine, { boots }: Outcome, how: RegExp): string {
  t.equal(boots.length, 2)
  t.equal(eventNames(machine, 1).at(-1), 'service-status', 'hangdog itself had nothing to say any more')
  t.match(machine.serial, /scenario: hangdog is blocked/)
  t.match(machine.file('guard-files'), /^web-[0-9a-f]{8}\.rec$/m)
  t.equal(machine.file('guard-files-after'), '')
  const [incident, ...more] = keptIncidents(machine)
  t.same(more, [])
  t.match(incident, { service: 'web', outcome: 'interrupted', action: 'bugcheck', writer: { bootId: boots[0] } })
  t.match(stepTexts(incident), [/^the guard acts: hangdog did not answer/, how])
  t.match(
    machine.events(2).find(({ name }) => name === 'guard-record-kept'),
    { incident: incident?.id },
  )
  return incident?.id ?? 'none'
}

const { skip } = nativeAddon()

if (skip === false) {
  testScenario(
    'hangdog is blocked: the guard alone panics the machine, and the dump and the record name the same incident',
    {
      scenario: 'guard-alone',
      kernelArguments: ['crashkernel=256M', 'crash_kexec_post_notifiers'],
      devices: ['-device', 'pvpanic,events=3', '-action', 'panic=none'],
    },
    (t, machine, outcome) => {
      const id = assertKept(t, machine, outcome, /^bugcheck by sysrq c/)
      t.match(machine.serial, /Kernel panic - not syncing: sysrq triggered crash/)
      const dump = machine.file('vmcore-dmesg.txt') ?? ''
      t.match(dump, /hangdog: bugcheck 0x9E: service web \(pid \d+\) hung for 3000 ms, incident /)
      t.ok(dump.includes(`incident ${id}`), 'the dump names the incident')
    },
  )

  testScenario(
    'hangdog is blocked and feeds no watchdog: the guard gives the machine the time for its dump',
    machineWith('i6300esb', 'guard-alone', {
      kernelArguments: ['crashkernel=256M', 'HD_DUMP_TAKES=40'],
    }),
    (t, machine, outcome) => {
      assertKept(t, machine, outcome, /^bugcheck by sysrq c/)
      t.match(machine.serial, /scenario: the dump ended with code 0/)
      t.notOk(
        machine.qmpEvents.some(({ event }) => event === 'WATCHDOG'),
        'the watchdog did not act',
      )
    },
  )

  testScenario(
    'hangdog is blocked, and there is no crash kernel: the guard alone resets the machine',
    { scenario: 'guard-alone' },
    (t, machine, outcome) => {
      const id = assertKept(t, machine, outcome, /^bugcheck by sysrq b/)
      t.equal(countResets(machine), 1)
      t.match(machine.serial, /sysrq: Resetting/)
      t.ok(machine.serial.includes(`incident ${id}`), "the kernel's log names the incident")
    },
  )
}
