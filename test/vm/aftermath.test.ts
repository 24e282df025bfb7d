import { joinedEvents, keptIncidents, stepTexts } from './kept-incident.js'
import { countResets, testScenario } from './scenario.js'

testScenario(
  'without a crash kernel, the record in pstore is joined with the incident; a panic of another cause is told apart',
  { scenario: 'kernel-record', kernelArguments: ['memmap=1M$0x70000000', 'printk.always_kmsg_dump=1'] },
  (t, machine, { boots }) => {
    t.equal(boots.length, 3)
    const [bugcheck, cutOff, ...more] = keptIncidents(machine)
    t.same(more, [])
    t.match(stepTexts(bugcheck), [/^bugcheck by sync, then sysrq b/])
    t.match(bugcheck?.aftermath, {
      bootThen: boots[0],
      bootNow: boots[1],
      end: { kind: 'bugcheck-reset', by: 'kernel-record', incident: bugcheck?.id },
      kernelRecords: [{ reason: 'emergency', named: true, file: 'aftermath/01-emergency.txt' }],
      crashDumps: [],
      missing: [],
    })
    t.match(joinedEvents(machine, 2), [{ incident: bugcheck?.id, end: 'bugcheck-reset' }])
    t.match(machine.serial, /Kernel panic - not syncing: Out of memory/)
    t.match(cutOff?.aftermath, {
      bootThen: boots[1],
      bootNow: boots[2],
      end: { kind: 'other-panic', by: 'kernel-record', cause: /^Out of memory: .*panic_on_oom/ },
    })
    const later = cutOff?.aftermath?.kernelRecords ?? []
    t.ok(
      later.some(({ reason, named }) => reason === 'panic' && !named),
      'the record of the panic is kept',
    )
    t.match(joinedEvents(machine, 3), [{ incident: cutOff?.id, end: 'other-panic' }])
  },
)

testScenario(
  'a machine that is reset from outside during a recovery leaves no trace, and hangdog says so',
  { scenario: 'reset' },
  (t, machine, { boots }) => {
    t.equal(boots.length, 2)
    t.equal(countResets(machine), 1)
    const [incident, ...more] = keptIncidents(machine)
    t.same(more, [])
    t.match(incident, { outcome: 'interrupted', action: 'terminate' })
    t.match(incident?.aftermath, {
      bootThen: boots[0],
      bootNow: boots[1],
      sameBoot: false,
      end: { kind: 'without-trace' },
      kernelRecords: [],
      crashDumps: [],
    })
    t.match(joinedEvents(machine, 2), [{ end: 'without-trace' }])
  },
  async (machine) => {
    await machine.said('ready')
    await machine.reset()
  },
)

testScenario(
  'hangdog that was killed with no incident open: the next one says what became of the machine',
  { scenario: 'hangdog-dies', devices: ['-device', 'i6300esb'] },
  (t, machine, { boots }) => {
    t.equal(boots.length, 3)
    const watchdog = machine.qmpEvents.find(({ event }) => event === 'WATCHDOG')
    t.match(watchdog?.data, { action: 'reset' })
    const said = (boot: number) =>
      machine.events(boot).flatMap(({ name, parameters }) => (name === 'run-cut-off' ? [parameters] : []))
    t.same(said(1), [])
    t.match(said(2), [{ instance: 'web', end: 'watchdog-reset', summary: /i6300ESB/ }])
    t.match(said(3), [
      { instance: 'web', end: 'orderly-reboot' },
      { instance: 'web', end: 'hangdog-died' },
    ])
    t.notMatch(machine.file('told.jsonl'), /run-cut-off/, 'each is told once')
    t.equal(machine.file('marks'), '', 'who stops in order leaves no mark')
    t.same(keptIncidents(machine), [])
  },
)
