import type { Test } from 'tap'
import type { Machine, Outcome } from './machine.js'
import { eventNames, testScenario } from './scenario.js'
import { assertWell } from './untouched.js'

/** Nobody took the service for hung, and it is the same process as in the beginning. */
function assertUntouched(t: Test, machine: Machine, outcome: Outcome): void {
  assertWell(t, machine, outcome)
  t.notOk(eventNames(machine).includes('hang-recovery'))
}

const interruptionMs = 20_000

async function interrupt(machine: Machine, how: 'pause' | 'starve'): Promise<void> {
  await machine.said('ready')
  await machine[how](interruptionMs)
  machine.tell('interrupted')
}

// The guest cannot see this one: its clocks stand still as well. Nothing may follow from it.
testScenario(
  'a virtual machine that is paused for four times the limit has no hung service',
  { scenario: 'interrupted-machine' },
  (t, machine, outcome) => {
    t.same(
      machine.qmpEvents.map(({ event }) => event),
      ['RESUME', 'STOP', 'RESUME', 'SHUTDOWN'],
    )
    assertUntouched(t, machine, outcome)
  },
  (machine) => interrupt(machine, 'pause'),
)

testScenario(
  'a virtual machine that did not run for four times the limit, while its clocks did, has no hung service',
  { scenario: 'interrupted-machine' },
  (t, machine, outcome) => {
    assertUntouched(t, machine, outcome)
    const stalls = machine.events().filter(({ name }) => name === 'supervisor-stalled')
    const longest = Math.max(0, ...stalls.map(({ parameters }) => Number(parameters.stalledMs)))
    t.ok(longest > interruptionMs / 2, `the stall was noticed (${longest} ms)`)
  },
  (machine) => interrupt(machine, 'starve'),
)

testScenario(
  'a service in a frozen control group is held as frozen, and watched again when thawed',
  { scenario: 'frozen' },
  (t, machine, outcome) => {
    assertUntouched(t, machine, outcome)
    t.match(machine.file('group'), /^\/sys\/fs\/cgroup\/hangdog\/web-/)
    const holds = machine.events().filter(({ name }) => name === 'hold-started' || name === 'hold-ended')
    t.same(
      holds.map(({ name, parameters }) => [name, parameters.reason]),
      [
        ['hold-started', 'frozen'],
        ['hold-ended', 'frozen'],
      ],
    )
    t.ok(Number(holds[1]?.parameters.heldMs) > 5000)
  },
)
