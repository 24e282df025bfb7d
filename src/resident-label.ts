import { z } from 'zod'
import type { RunDescription } from './platform/platform.js'

/** What the guard process keeps of a run for the next hangdog. */
export interface ResidentLabel {
  readonly service: string
  readonly run: RunDescription
  /** What its heartbeat sources had given it as environment. */
  readonly given: Readonly<Record<string, string>>
}

const schema = z.object({
  version: z.literal(1),
  service: z.string(),
  run: z.object({
    identity: z.object({ pid: z.int().positive(), startTime: z.string() }),
    startedAt: z.iso.datetime(),
    command: z.string(),
    marker: z.string(),
    former: z.array(z.object({ pid: z.int().positive(), startTime: z.string() })).exactOptional(),
    group: z.string().exactOptional(),
    outputFile: z.string().exactOptional(),
  }),
  given: z.record(z.string(), z.string()),
})

export function encodeResident(label: ResidentLabel): string {
  return JSON.stringify({ version: 1, ...label })
}

/** @returns undefined for what another hangdog wrote in another form */
export function decodeResident(text: string): ResidentLabel | undefined {
  try {
    return schema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
