import t, { type Test } from 'tap'
import { Machine, type MachineOptions, type Outcome } from './machine.js'
import { findPreparation } from './preparation.js'

type Look = (t: Test, machine: Machine, outcome: Outcome) => void

const prepared = findPreparation()

/**
 * A test that runs a scenario in a virtual machine of its own, and looks at what the host saw. Skipped where none can be run.
 * @param disturb is done to the machine while it runs
 */
export function testScenario(
  title: string,
  options: MachineOptions,
  look: Look,
  disturb: (machine: Machine) => Promise<void> = async () => undefined,
): void {
  if (typeof prepared === 'string') {
    t.test(title, { skip: prepared }, () => undefined)
    return
  }
  t.test(title, async (t) => {
    const machine = await Machine.start(t, prepared, options)
    await disturb(machine)
    const outcome = await machine.finished
    t.match(outcome, { code: 0, late: false }, 'the machine came to its end in time')
    t.match(machine.serial, /scenario: ended with code 0\s/, 'each step of the scenario worked')
    t.equal(machine.file('left-running'), '', 'hangdog left nothing running')
    look(t, machine, outcome)
  })
}

/** The machine was up all the time and was switched off in the end. */
export function assertNeverReset(t: Test, machine: Machine, { boots }: Outcome): void {
  t.equal(boots.length, 1, 'it booted once')
  t.equal(countResets(machine), 0, 'QEMU saw no reset')
  t.notMatch(machine.serial, /hangdog: bugcheck|Kernel panic|sysrq:/)
}

/** How often QEMU reset the machine. The firmware resets it once more, a moment after. */
export function countResets({ qmpEvents }: Machine): number {
  const resets = qmpEvents.filter(({ event }) => event === 'RESET')
  return resets.filter(({ at }, index) => at - (resets[index - 1]?.at ?? Number.NEGATIVE_INFINITY) > 2000).length
}

/** Names of the events that hangdog logged at the n-th boot. */
export function eventNames(machine: Machine, boot = 1): readonly string[] {
  return machine.events(boot).map(({ name }) => name)
}
