import { refuseByDefinition } from './bounds.js'
import type { PropertyDefinition } from './definition.js'
import { findDefinition, type PropertyProfile } from './definitions.js'
import type { PropertySnapshot, PropertyValues } from './store.js'
import type { PropertyValue } from './value.js'

/** Where a value comes from, the strongest first: the command line or file of a service, its private property, the common one, or nobody. */
export type PropertyOrigin = 'flag' | 'private' | 'common' | 'default'

export interface ResolvedProperty {
  readonly value: PropertyValue
  readonly origin: PropertyOrigin
}

/**
 * The value that the stored state gives a property; flags are not known here.
 *
 * A stored value that the definition does not take counts as none: only a version of hangdog with other bounds, or something that is not
 * hangdog, can have put it there, and a service has to be watched all the same.
 * @param service whose private value comes first; undefined asks for the whole cluster
 */
export function resolveProperty(
  definition: PropertyDefinition,
  snapshot: PropertySnapshot,
  service?: string,
  profile: PropertyProfile = 'current',
): ResolvedProperty {
  const own = service === undefined || definition.scope === 'common' ? undefined : snapshot.services.get(service)
  const ofService = usable(definition, own)
  if (ofService !== undefined) return { value: ofService, origin: 'private' }
  const ofCluster = usable(definition, definition.scope === 'private' ? undefined : snapshot.common)
  if (ofCluster !== undefined) return { value: ofCluster, origin: 'common' }
  const { default: value } = findDefinition(definition.name, profile) ?? definition
  return { value, origin: 'default' }
}

function usable(definition: PropertyDefinition, values: PropertyValues | undefined): PropertyValue | undefined {
  const value = values?.get(definition.name)
  return value === undefined || refuseByDefinition(definition, value) !== undefined ? undefined : value
}
