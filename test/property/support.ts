import type { PropertyDefinition } from '../../src/property/definition.js'
import { findDefinition } from '../../src/property/definitions.js'
import type { PropertySnapshot } from '../../src/property/store.js'
import type { PropertyValue } from '../../src/property/value.js'

export const dword = (value: number): PropertyValue => ({ format: 'DWORD', value })
export const sz = (value: string): PropertyValue => ({ format: 'SZ', value })

type Values = Readonly<Record<string, PropertyValue>>

/** A stored state with these values. */
export function snapshotOf(common: Values = {}, services: Readonly<Record<string, Values>> = {}): PropertySnapshot {
  return {
    generation: 1,
    common: new Map(Object.entries(common)),
    services: new Map(Object.entries(services).map(([service, values]) => [service, new Map(Object.entries(values))])),
    recent: [],
  }
}

/** A definition that must be there. */
export function definitionOf(name: string): PropertyDefinition {
  const found = findDefinition(name)
  if (found === undefined) throw new Error(`there is no property ${name}`)
  return found
}
