import { joinedEvents, keptIncidents, stepTexts } from './kept-incident.js'
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
    t.ok(eventNames(machine, 2).includes('incident-interrupted'))
    const found = incident?.aftermath
    t.match(found, { bootThen: boots[0], bootNow: boots[1], sameBoot: false, missing: [] })
    t.match(found?.end, { kind: 'bugcheck-panic', by: 'crash-dump', incident: incident?.id })
    const [dump, ...others] = found?.crashDumps ?? []
    t.same(others, [])
    t.match(dump, { named: true, directory: /^\/var\/crash\/\d{12}$/, image: { complete: true } })
    const files = new Map(machine.lines('files').map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]))
    const sizes = [...files].filter(([name]) => name?.startsWith('.crash/'))
    t.ok(
      sizes.some(([name, bytes]) => name?.includes('/dump.') && bytes > 1_000_000),
      'the memory was dumped, and is where it was',
    )
    const copied = [...files].filter(([name]) => name?.startsWith(`incidents/${incident?.id}/aftermath/`))
    t.same(
      copied.map(([name]) => name),
      [`incidents/${incident?.id}/aftermath/01-crash-dmesg.txt`],
      'only the log was copied',
    )
    t.match(joinedEvents(machine, 2), [{ incident: incident?.id, end: 'bugcheck-panic' }])
    t.match(machine.file('kept.json'), /"outcome":"interrupted","end":"bugcheck-panic"/)
  },
)
