import type { Test } from 'tap'
import { z } from 'zod'
import type { Machine, Outcome } from './machine.js'
import { assertNeverReset } from './scenario.js'

const status = z.object({ state: z.string(), pid: z.number(), restarts: z.number(), hangs: z.number() })

/** The service was well until its state was kept, and nobody took it for hung by then. What was ordered after that is another matter. */
export function assertWell(t: Test, machine: Machine, outcome: Outcome): void {
  assertNeverReset(t, machine, outcome)
  const seen = status.parse(JSON.parse(machine.file('status.json') ?? ''))
  const started = machine.events().find(({ name }) => name === 'service-started')
  t.match(seen, { state: 'armed', restarts: 0, hangs: 0 })
  t.equal(seen.pid, started?.parameters.pid)
  t.equal(machine.file('kept.json'), '', 'there is no incident')
}
