import type { PropertySnapshot, PropertyValues, RecordedChange, RecordedChangeSet } from './store.js'
import { isSameValue } from './value.js'

/** A change, and who made it; undefined when that is known no more. */
export interface AttributedChange {
  readonly change: RecordedChange
  readonly by: RecordedChangeSet['author'] | undefined
}

/**
 * What happened between two states, oldest first. Where the newer one remembers every change set since the older, each change is told
 * with its author; otherwise, as after the repair of a damaged store, what is different is told without.
 */
export function differenceOf(before: PropertySnapshot, after: PropertySnapshot): readonly AttributedChange[] {
  const since = after.recent.filter(({ generation }) => generation > before.generation)
  const isWhole = since[0]?.generation === before.generation + 1 && since.at(-1)?.generation === after.generation
  if (isWhole && since.length === after.generation - before.generation)
    return since.flatMap(({ author, changes }) => changes.map((change) => ({ change, by: author })))
  const services = new Set([...before.services.keys(), ...after.services.keys()])
  return [
    ...compare(before.common, after.common),
    ...[...services].flatMap((service) =>
      compare(before.services.get(service), after.services.get(service)).map((change) => ({ ...change, service })),
    ),
  ].map((change) => ({ change, by: undefined }))
}

function compare(before: PropertyValues = new Map(), after: PropertyValues = new Map()): readonly RecordedChange[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .filter((name) => !isSameValue(before.get(name), after.get(name)))
    .map((name) => ({ name, from: before.get(name), to: after.get(name) }))
}
