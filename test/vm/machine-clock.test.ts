import { eventNames, testScenario } from './scenario.js'
import { assertWell } from './untouched.js'

testScenario(
  'a wall clock that is set by an hour, forward and back, is no silence, and hides none',
  { scenario: 'clock-steps' },
  (t, machine, outcome) => {
    assertWell(t, machine, outcome)
    const clock = machine.lines('clock').map(Number)
    const steps = clock.slice(1).map((at, index) => Math.round((at - (clock[index] ?? 0)) / 3600))
    t.same(steps, [-1, -1, 1], 'the clock was set')
    t.ok(eventNames(machine).includes('hang-recovery'), 'a hang after that is found')
  },
)
