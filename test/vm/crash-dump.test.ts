import { keptIncidents, stepTexts } from './kept-incident.js'
import { eventNames, testScenario } from './scenario.js'

testScenario(
  'a hang with action 3 and a crash kernel ends in a panic, and the dump names the incident',
  {
    scenario: 'crash-dump',
    // With the notifiers run first, QEMU hears of a panic that a crash kernel takes over.
    kernelArguments: ['crashkernel=256M', 'crash_kexec_post_notifiers'],
    devices: ['-device', 'pvpanic,events=3', '-action', 'panic=none'],
  },
  (t, machine, { boots }) => {
    t.equal(boots.length, 2)
    t.match(machine.serial, /Kernel panic - not syncing: sysrq triggered crash/)
    t.ok(
      machine.qmpEvents.some(({ event }) => event === 'GUEST_CRASHLOADED'),
      'QEMU saw the panic',
    )
    t.match(machine.serial, /scenario: the dump ended with code 0/)
    const [incident, ...more] = keptIncidents(machine)
    t.same(more, [])
    t.match(incident, { outcome: 'interrupted', action: 'bugcheck', writer: { bootId: boots[0] } })
    t.match(stepTexts(incident), [/^bugcheck by sysrq c/])
    const dump = machine.file('vmcore-dmesg.txt') ?? ''
    t.ok(dump.includes(`hangdog: bugcheck 0x9E: service web`))
    t.ok(dump.includes(`incident ${incident?.id}`), 'the dump names the incident')
    t.ok((machine.file('vmcore')?.length ?? 0) > 1_000_000, 'the memory was dumped')
    t.ok(eventNames(machine, 2).includes('incident-interrupted'))
  },
)
