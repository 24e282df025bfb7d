import { keptIncidents, stepTexts } from './kept-incident.js'
import { assertNeverReset, testScenario } from './scenario.js'

testScenario(
  '`systemctl stop` of hangdog never stops a machine that it may bugcheck, whatever its service is doing',
  { scenario: 'systemctl-stop', stage: 'systemd-stage' },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    for (const name of ['well', 'silent', 'judged']) {
      t.match(machine.file(`${name}.state`), /^ActiveState=(inactive|failed)$/m, name)
      t.match(machine.file(`${name}.jsonl`), /"name":"service-stopping"[\s\S]*"name":"supervisor-stopped"/, name)
    }
    t.match(machine.file('well.state'), /^Result=success$/m)
    t.match(machine.file('killed.state'), /Result=timeout/, 'systemd killed hangdog with an incident open')
    for (const name of ['well', 'silent', 'judged', 'killed']) {
      t.notMatch(machine.file(`${name}.jsonl`), /"name":"bugcheck-(requested|failed)"/, name)
    }
    const [judged, killed, ...more] = keptIncidents(machine).filter(({ action }) => action === 'bugcheck')
    t.same(more, [])
    for (const incident of [judged, killed]) t.notMatch(stepTexts(incident).join('\n'), /^bugcheck by/m)
    t.match(stepTexts(judged), [/^bugcheck refused: the service was asked to stop/, /^terminate pid/, /^gone after/])
    t.match(killed, { outcome: 'interrupted', aftermath: { sameBoot: true, end: { kind: 'hangdog-died' } } })
  },
)
