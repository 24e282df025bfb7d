import type { Emit } from './event/event.js'
import { LiveProperties } from './live-properties.js'
import { isAlive, thisProcess } from './process-identity.js'
import type { PropertyProfile } from './property/definitions.js'
import { openFileStore } from './property/file-store.js'
import type { StateDirectory } from './state-directory.js'
import type { Clock } from './time.js'
import type { RecoveryAction } from './watch/policy.js'

export interface PropertyParts {
  readonly state: Pick<StateDirectory, 'root'>
  readonly clock: Clock
  readonly emit: Emit
  readonly profile?: PropertyProfile
  readonly actionWithoutStore?: RecoveryAction
}

/** The properties of the file in the state directory, kept in force. */
export function assembleProperties(parts: PropertyParts): LiveProperties {
  const { state, clock, emit, profile, actionWithoutStore } = parts
  const store = openFileStore({
    directory: state.root,
    clock,
    identity: { self: thisProcess, isAlive },
    trouble: ({ text }) => properties.damageFound(text),
  })
  const properties = new LiveProperties({ store, emit, clock, profile: profile ?? 'current', actionWithoutStore })
  return properties
}
