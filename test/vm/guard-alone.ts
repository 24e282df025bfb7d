import type { Test } from 'tap'
import { type KeptIncident, keptIncidents, stepTexts } from './kept-incident.js'
import type { Machine, Outcome } from './machine.js'
import { eventNames } from './scenario.js'

/** What the guard wrote alone before it stopped the machine is an incident after the next boot. @returns that incident */
export function keptByGuard(t: Test, machine: Machine, { boots }: Outcome, how: RegExp): KeptIncident | undefined {
  t.equal(boots.length, 2)
  t.match(machine.serial, /scenario: hangdog is blocked/)
  t.notOk(eventNames(machine, 1).includes('hang-recovery'), 'hangdog itself had nothing to say any more')
  t.match(machine.file('guard-files'), /^web-[0-9a-f]{8}\.rec$/m)
  t.equal(machine.file('guard-files-after'), '')
  const [incident, ...more] = keptIncidents(machine)
  t.same(more, [])
  t.match(incident, { service: 'web', outcome: 'interrupted', action: 'bugcheck', writer: { bootId: boots[0] } })
  t.match(stepTexts(incident), [/^the guard acts: hangdog did not answer/, how])
  const names = eventNames(machine, 2)
  t.ok(names.includes('guard-record-kept') && names.includes('incident-joined'))
  return incident
}
