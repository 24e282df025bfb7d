import { z } from 'zod'
import type { Machine } from './machine.js'
import { testScenario } from './scenario.js'

/** Each in ms after the last heartbeat; null for never. */
const round = z.object({
  source: z.enum(['stream', 'notify']),
  action: z.union([z.literal(1), z.literal(2)]),
  reported: z.number().nullable(),
  dead: z.number().nullable(),
  /** The starvation was ended, because nothing had been done by then. */
  relieved: z.number().nullable(),
})

type Round = z.infer<typeof round>

/** Of the services, in ms. */
const limit = 4000

/** Between looks of the observer, and the coarsest of its clocks, in ms. */
const slack = 50

const rounds = (machine: Machine): readonly Round[] =>
  machine.lines('rounds.jsonl').map((line) => round.parse(JSON.parse(line)))

const describeRound = ({ source, action, reported, dead, relieved }: Round): string =>
  `${source}, action ${action}: reported ${reported} ms, dead ${dead} ms after the last beat, relieved ${relieved}`

for (const starved of ['calm', 'processors', 'memory'] as const) {
  testScenario(
    `a service hangs while the machine is starved (${starved}): it is reported or ended, at the latest when it is starved no more`,
    {
      scenario: 'starvation',
      limitMs: 900_000,
      memoryMiB: 1024,
      kernelArguments: [`HD_STARVED=${starved}`, 'HD_SOURCES=stream,notify'],
    },
    (t, machine) => {
      const seen = rounds(machine)
      for (const one of seen) t.comment(`starved of ${starved}: ${describeRound(one)}`)
      t.strictSame(
        seen.map(({ source, action }) => [source, action]),
        [
          ['stream', 1],
          ['stream', 2],
          ['notify', 1],
          ['notify', 2],
        ],
      )
      for (const one of seen) {
        const done = one.action === 1 ? one.reported : one.dead
        t.ok(done !== null && done > limit - slack, `not before its limit, and not never: ${describeRound(one)}`)
        if (starved === 'calm') t.equal(one.relieved, null, 'a machine with nothing to do needs no relief')
        if (one.source === 'notify' && one.action === 2)
          t.equal(one.relieved, null, 'the guard ends what it hears by itself while the machine is starved')
        if (one.action === 1) t.equal(one.dead, null, 'what is only reported goes on')
      }
    },
  )
}
