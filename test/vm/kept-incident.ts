import { z } from 'zod'
import type { Machine } from './machine.js'

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
})

export type KeptIncident = z.infer<typeof keptIncident>

/** The incidents that a scenario's `keep_incidents kept.json` found, oldest first. */
export function keptIncidents(machine: Machine): readonly KeptIncident[] {
  return machine.lines('kept.json.shown').map((line) => keptIncident.parse(JSON.parse(line)))
}

export const stepTexts = (incident: KeptIncident | undefined): readonly string[] =>
  incident?.steps.map(({ text }) => text) ?? []
