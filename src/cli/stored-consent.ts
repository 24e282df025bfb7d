import { isAlive, thisWriter } from '../incident/writer.js'
import { findDefinition } from '../property/definitions.js'
import { openFileStore } from '../property/file-store.js'
import { resolveProperty } from '../property/resolution.js'
import type { StateDirectory } from '../state-directory.js'
import { systemClock } from '../system-clock.js'

/** Whether BugCheckConsent is given; not, where the stored properties cannot be read. */
export async function readConsent({ root }: Pick<StateDirectory, 'root'>): Promise<boolean> {
  const definition = findDefinition('BugCheckConsent')
  if (definition === undefined) return false
  const store = openFileStore({ directory: root, clock: systemClock, identity: { self: thisWriter, isAlive } })
  try {
    return resolveProperty(definition, await store.read()).value.value === 1
  } catch {
    return false
  }
}
