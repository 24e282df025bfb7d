import { isUnit } from '../property/bounds.js'
import { findName } from '../property/change-target.js'
import type { PropertyDefinition } from '../property/definition.js'
import { definitionsOf, findDefinition, type PropertyProfile } from '../property/definitions.js'
import { type PropertyOrigin, resolveProperty } from '../property/resolution.js'
import type { PropertySnapshot } from '../property/store.js'
import { encodeValue } from '../property/stored-value.js'
import type { PropertyValue } from '../property/value.js'
import { formatValue } from '../property/value-text.js'
import type { Output } from './output.js'
import { layOutTable } from './table.js'

/** A property as it is shown. */
export interface PropertyRow {
  readonly name: string
  readonly value: PropertyValue
  readonly origin: PropertyOrigin
  /** Of a flag: what says so. */
  readonly by?: string
  /** Undefined for a private property that hangdog does not know. */
  readonly definition: PropertyDefinition | undefined
}

/** What is looked at. */
export interface RowScope {
  /** Undefined for the whole cluster. */
  readonly service: string | undefined
  readonly profile: PropertyProfile
}

/** All properties that the cluster, or a service, can have; of a service also those that hangdog does not know. */
export function listRows(snapshot: PropertySnapshot, scope: RowScope): readonly PropertyRow[] {
  const elsewhere = scope.service === undefined ? 'private' : 'common'
  const known = definitionsOf(scope.profile).filter((definition) => definition.scope !== elsewhere)
  return [
    ...known.map((definition) => definedRow(definition, snapshot, scope)),
    ...unknownRows(snapshot, scope.service),
  ]
}

/**
 * The properties of these names, in their order.
 * @throws HangdogError `usage` for a name that nobody knows
 */
export function findRows(
  names: readonly string[],
  snapshot: PropertySnapshot,
  scope: RowScope,
): readonly PropertyRow[] {
  return names.flatMap((given) => {
    const name = findName(given, { service: scope.service, stored: snapshot })
    const definition = findDefinition(name, scope.profile)
    if (definition !== undefined) return [definedRow(definition, snapshot, scope)]
    return unknownRows(snapshot, scope.service).filter((row) => row.name === name)
  })
}

function definedRow(definition: PropertyDefinition, snapshot: PropertySnapshot, scope: RowScope): PropertyRow {
  const { value, origin } = resolveProperty(definition, snapshot, scope.service, scope.profile)
  return { name: definition.name, value, origin, definition }
}

/** What is stored of a service and has no definition. */
export function unknownRows(snapshot: PropertySnapshot, service: string | undefined): readonly PropertyRow[] {
  const values = service === undefined ? undefined : snapshot.services.get(service)
  return [...(values ?? [])]
    .filter(([name]) => findDefinition(name) === undefined)
    .map(([name, value]): PropertyRow => ({ name, value, origin: 'private', definition: undefined }))
}

/** One string a line. */
export function layOutRows(rows: readonly PropertyRow[], output: Output): string[] {
  const cells = rows.map(({ name, value, origin, by, definition }) => [
    name,
    describeValue(value, definition),
    definition?.unit ?? '',
    by === undefined ? origin : `${origin} (${by})`,
    definition === undefined ? '' : formatValue(definition.default),
    describeRange(definition),
  ])
  return layOutTable(['NAME', 'VALUE', 'UNIT', 'ORIGIN', 'DEFAULT', 'BOUNDS'], cells, output)
}

/** A number with the shortest word for it. */
function describeValue(value: PropertyValue, definition: PropertyDefinition | undefined): string {
  const words = Object.entries(definition?.words ?? {}).filter(([, number]) => number === value.value)
  const [shortest] = words.map(([word]) => word).sort((a, b) => a.length - b.length)
  const text = formatValue(value)
  return shortest === undefined ? text : `${text} (${shortest})`
}

function describeRange(definition: PropertyDefinition | undefined): string {
  if (definition === undefined) return ''
  const { minimum, maximum, access } = definition
  const range = minimum === undefined || maximum === undefined ? [] : [`${minimum} to ${maximum}`]
  return [...range, ...(access === undefined ? [] : [access === 'root' ? 'by root' : access])].join(', ')
}

/** A row for other programs. Field names are stable. */
export function rowToJson({ name, value, origin, by, definition }: PropertyRow, service: string | undefined): object {
  const stored = encodeValue(value)
  return {
    ...(service !== undefined && { service }),
    name,
    value: stored.value,
    format: stored.format,
    unit: definition !== undefined && isUnit(definition.unit) ? definition.unit : null,
    origin,
    by: by ?? null,
    default: definition === undefined ? null : encodeValue(definition.default).value,
    minimum: definition?.minimum ?? null,
    maximum: definition?.maximum ?? null,
    scope: definition?.scope ?? 'private',
    access: definition?.access ?? null,
  }
}
