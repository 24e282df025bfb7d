import { z } from 'zod'
import type { Machine } from './machine.js'

/** What the machine said of how it went down. */
const keptAftermath = z.object({
  bootThen: z.string(),
  bootNow: z.string(),
  sameBoot: z.boolean(),
  end: z.looseObject({ kind: z.string() }),
  summary: z.string(),
  kernelRecords: z.array(z.looseObject({ named: z.boolean() })),
  crashDumps: z.array(z.looseObject({ named: z.boolean() })),
  watchdogs: z.array(z.looseObject({ identity: z.string() })),
  missing: z.array(z.looseObject({ name: z.string() })),
})

/** What these tests read of `hangdog incident show --json`. */
const keptIncident = z.object({
  id: z.string(),
  service: z.string(),
  state: z.string(),
  outcome: z.string().nullable(),
  action: z.string(),
  damagedLines: z.number(),
  writer: z.object({ bootId: z.string() }),
  steps: z.array(z.object({ text: z.string() })),
  aftermath: keptAftermath.nullable(),
})

export type KeptIncident = z.infer<typeof keptIncident>

/** The incidents that a scenario's `keep_incidents kept.json` found, oldest first. */
export function keptIncidents(machine: Machine): readonly KeptIncident[] {
  return machine.lines('kept.json.shown').map((line) => keptIncident.parse(JSON.parse(line)))
}

export const stepTexts = (incident: KeptIncident | undefined): readonly string[] =>
  incident?.steps.map(({ text }) => text) ?? []

/** What hangdog said at the n-th boot of the incidents that it joined with what the machine remembers. */
export const joinedEvents = (machine: Machine, boot: number) =>
  machine.events(boot).flatMap(({ name, parameters }) => (name === 'incident-joined' ? [parameters] : []))
