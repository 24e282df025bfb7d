import { keptIncidents } from './kept-incident.js'
import { assertNeverReset, testScenario } from './scenario.js'

testScenario(
  'SIGTERM for hangdog never stops a machine that it may bugcheck, also with a service that hangs',
  { scenario: 'orderly-stop' },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    t.match(machine.serial, /stopped with code 0[\s\S]*stopped with code 137/)
    t.match(machine.file('well.jsonl'), /"name":"supervisor-stopped"/)
    t.match(machine.file('log-1.jsonl'), /"name":"kill-requested"[\s\S]*"name":"supervisor-stopped"/)
    t.notMatch(machine.file('log-1.jsonl'), /"name":"hang-recovery"/)
  },
)

testScenario(
  'SIGTERM for hangdog between the verdict and the bugcheck: the service is ended, the machine goes on',
  { scenario: 'stop-when-judged' },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    t.match(machine.file('log-1.jsonl'), /"name":"service-stopping"[\s\S]*"name":"supervisor-stopped"/)
    t.notMatch(machine.file('log-1.jsonl'), /"name":"bugcheck-requested"/)
    t.equal(keptIncidents(machine).length, 1)
  },
)
