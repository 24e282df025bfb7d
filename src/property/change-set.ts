import {
  type Author,
  type PropertyChange,
  type PropertySnapshot,
  type PropertyValues,
  type RecordedChange,
  rememberedChanges,
} from './store.js'
import { isSameValue, type PropertyValue } from './value.js'

/** What a store holds before anything is written to it. */
export const emptySnapshot: PropertySnapshot = { generation: 0, common: new Map(), services: new Map(), recent: [] }

/** What is recorded beside the changes. */
export interface ChangeStamp {
  /** That the changes make; greater than that of the state before. */
  readonly generation: number
  readonly author: Author
  readonly at: Date
}

/**
 * The state after a change set, the same for every store. Of several changes of one property the last one counts. A service without
 * values is left out.
 * @returns undefined when it makes no difference
 */
export function applyChanges(
  before: PropertySnapshot,
  changes: readonly PropertyChange[],
  { generation, author, at }: ChangeStamp,
): PropertySnapshot | undefined {
  const made = lastOfEach(changes).flatMap((change): readonly RecordedChange[] => {
    const from = storedValue(before, change)
    return isSameValue(from, change.value) ? [] : [{ ...target(change), from, to: change.value }]
  })
  if (made.length === 0) return undefined
  const services = new Map([...before.services].map(([name, values]) => [name, new Map(values)]))
  const common = new Map(before.common)
  for (const { service, name, to } of made) {
    put(service === undefined ? common : valuesOf(services, service), name, to)
  }
  for (const [name, values] of services) if (values.size === 0) services.delete(name)
  const recent = [...before.recent, { generation, author, at: at.toISOString(), changes: made }]
  return { generation, common, services, recent: recent.slice(-rememberedChanges) }
}

function lastOfEach(changes: readonly PropertyChange[]): readonly PropertyChange[] {
  const last = new Map<string, PropertyChange>()
  for (const change of changes) last.set(JSON.stringify([change.service ?? null, change.name]), change)
  return [...last.values()]
}

function target({ service, name }: PropertyChange): { readonly service?: string; readonly name: string } {
  return service === undefined ? { name } : { service, name }
}

function storedValue({ common, services }: PropertySnapshot, { service, name }: PropertyChange) {
  const values: PropertyValues | undefined = service === undefined ? common : services.get(service)
  return values?.get(name)
}

function valuesOf(services: Map<string, Map<string, PropertyValue>>, service: string): Map<string, PropertyValue> {
  const values = services.get(service) ?? new Map<string, PropertyValue>()
  services.set(service, values)
  return values
}

function put(values: Map<string, PropertyValue>, name: string, value: PropertyValue | undefined): void {
  if (value === undefined) values.delete(name)
  else values.set(name, value)
}
