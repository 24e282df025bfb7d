import { keptIncidents, stepTexts } from './kept-incident.js'
import { assertNeverReset, countResets, eventNames, testScenario } from './scenario.js'

testScenario(
  'a hang with action 3 and consent resets the machine, and its incident survives',
  { scenario: 'bugcheck' },
  (t, machine, { boots }) => {
    t.equal(boots.length, 2)
    t.equal(countResets(machine), 1)
    t.match(machine.serial, /sysrq: Resetting/)
    t.equal(eventNames(machine).at(-1), 'bugcheck-requested', 'it was said before it was done')
    t.match(JSON.parse(machine.file('found.json') ?? ''), { service: 'web', state: 'interrupted', outcome: null })
    const [incident, ...more] = keptIncidents(machine)
    t.same(more, [])
    t.match(incident, { service: 'web', state: 'closed', outcome: 'interrupted', action: 'bugcheck', damagedLines: 0 })
    t.equal(incident?.writer.bootId, boots[0])
    t.match(stepTexts(incident), [/^bugcheck by sync, then sysrq b/])
    t.ok(machine.serial.includes(`incident ${incident?.id}`), "the kernel's log names the incident")
    t.match(machine.events(2).find(({ name }) => name === 'incident-interrupted')?.parameters, {
      incident: incident?.id,
    })
  },
)

testScenario(
  'without consent, and on a machine that is not up for long, the service is terminated and the machine goes on',
  { scenario: 'refused' },
  (t, machine, outcome) => {
    assertNeverReset(t, machine, outcome)
    const refusals = machine.events().filter(({ id }) => id === 15825)
    t.match(
      refusals.map(({ parameters }) => parameters.reason),
      [/^no consent on this machine/, /^the machine has been up for \d+ s only/],
    )
    const incidents = keptIncidents(machine)
    t.equal(refusals.length, 2)
    t.same(
      incidents.map((incident) => incident.outcome),
      ['recovered', 'recovered'],
    )
    for (const incident of incidents) {
      t.match(stepTexts(incident), [/^bugcheck refused: /, /^terminate pid /, /^gone after \d+ ms/])
    }
  },
)

testScenario('the third bugcheck within the period is refused', { scenario: 'loop-guard' }, (t, machine, { boots }) => {
  t.equal(boots.length, 3)
  t.equal(countResets(machine), 2)
  t.match(eventNames(machine, 1), ['supervisor-started'])
  t.equal(eventNames(machine, 1).at(-1), 'bugcheck-requested')
  t.equal(eventNames(machine, 2).at(-1), 'bugcheck-requested')
  t.match(machine.events(3).find(({ id }) => id === 15825)?.parameters, { reason: /^2 bugchecks in the last 24h/ })
  t.notOk(eventNames(machine, 3).includes('bugcheck-requested'))
  t.match(
    keptIncidents(machine).map(({ outcome, writer }) => [outcome, writer.bootId]),
    [
      ['interrupted', boots[0]],
      ['interrupted', boots[1]],
      ['recovered', boots[2]],
    ],
  )
})
