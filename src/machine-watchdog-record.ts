import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { writeDurably } from './durable-file.js'
import type { StateDirectory } from './state-directory.js'

/** What one hangdog last did with the machine's watchdog, for the boot after a reset. */
export type MachineWatchdogRecord = z.infer<typeof recordForm>

const recordForm = z.object({
  bootId: z.string(),
  /** `armed`: it has not been left in order. `left-running`: it could not be stopped. `idle`: there was none, or it was stopped. */
  phase: z.enum(['idle', 'armed', 'left-running']),
  device: z.string(),
  timeoutMs: z.number(),
  at: z.string(),
})

function fileOf({ root }: StateDirectory, instance: string): string {
  return join(root, `machine-watchdog-${instance}.json`)
}

/** Undefined when there is none or it is not whole: then nothing is known, and nothing follows from it. */
export async function readWatchdogRecord(
  state: StateDirectory,
  instance: string,
): Promise<MachineWatchdogRecord | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(fileOf(state, instance), 'utf8'))
    const parsed = recordForm.safeParse(found)
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}

/** @throws the system error */
export async function writeWatchdogRecord(
  state: StateDirectory,
  instance: string,
  record: MachineWatchdogRecord,
): Promise<void> {
  await writeDurably(fileOf(state, instance), `${JSON.stringify(record)}\n`)
}
