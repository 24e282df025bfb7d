import type { PropertyDefinition } from './definition.js'
import { clusterDefinitions } from './definitions/cluster.js'
import { machineDefinitions } from './definitions/machine.js'
import { scheduleDefinitions } from './definitions/schedule.js'
import { watchDefinitions } from './definitions/watch.js'

/** Which defaults are meant: those of today, or those of MSCS on Windows 2000 and 2003. */
export const propertyProfiles = ['current', 'windows2003'] as const
export type PropertyProfile = (typeof propertyProfiles)[number]

/** All properties that are known in advance, with the defaults of today. The documentation is made from this table. */
export const definitions: readonly PropertyDefinition[] = [
  ...watchDefinitions,
  ...scheduleDefinitions,
  ...machineDefinitions,
  ...clusterDefinitions,
]

/**
 * Defaults that were different in Windows 2000 and 2003. The delays and thresholds had no names yet: then a node beat every 1.2 s,
 * and six beats missed on all networks made it inactive. Of QuorumArbitrationTimeMax, 60 s is the oldest default that was published.
 */
const windows2003: Readonly<Record<string, number>> = {
  HangRecoveryAction: 2,
  SameSubnetDelay: 1200,
  SameSubnetThreshold: 6,
  CrossSubnetDelay: 1200,
  CrossSubnetThreshold: 6,
  QuorumArbitrationTimeMax: 60,
}

/** The definitions with the defaults of a profile. */
export function definitionsOf(profile: PropertyProfile): readonly PropertyDefinition[] {
  return tables[profile].all
}

/** A definition by name, in upper or lower case. */
export function findDefinition(name: string, profile: PropertyProfile = 'current'): PropertyDefinition | undefined {
  return tables[profile].byName.get(name.toLowerCase())
}

/** Names that later versions of MSCS have for the same thing; the published command lines use both. */
const otherNames = [['clussvchangtimeout', 'clussvcheartbeattimeout']] as const

interface DefinitionTable {
  readonly all: readonly PropertyDefinition[]
  /** By names in lower case. */
  readonly byName: ReadonlyMap<string, PropertyDefinition>
}

const tables: Readonly<Record<PropertyProfile, DefinitionTable>> = {
  current: makeTable(definitions),
  windows2003: makeTable(definitions.map(withOlderDefault)),
}

function makeTable(all: readonly PropertyDefinition[]): DefinitionTable {
  const byName = new Map(all.map((definition) => [definition.name.toLowerCase(), definition]))
  for (const [other, name] of otherNames) {
    const definition = byName.get(name)
    if (definition !== undefined) byName.set(other, definition)
  }
  return { all, byName }
}

function withOlderDefault(definition: PropertyDefinition): PropertyDefinition {
  const value = windows2003[definition.name]
  return value === undefined ? definition : { ...definition, default: { format: 'DWORD', value } }
}
