import type { PropertyDefinition } from '../property/definition.js'
import { formatValue, formatWords, parseFormat } from '../property/value-text.js'
import type { Candidate } from './completion-candidate.js'

/** What can be said of properties: of one service, or of the whole cluster. */
export type PropertyPlace = 'common' | 'private'

/** What is done with a property. What cannot be changed is offered for reading only. */
export type PropertyUse = 'read' | 'write'

/** The properties that can be named there. */
export function selectProperties(
  definitions: readonly PropertyDefinition[],
  place: PropertyPlace,
  use: PropertyUse,
): readonly PropertyDefinition[] {
  return definitions.filter(
    ({ scope, access }) => (scope === 'both' || scope === place) && (use === 'read' || access !== 'read-only'),
  )
}

export function nameProperties(definitions: readonly PropertyDefinition[]): readonly Candidate[] {
  return definitions.map(({ name, meaning }) => ({ value: name, description: meaning }))
}

/**
 * Completes NAME=VALUE:FORMAT: first the name, after `=` what the value can be, after a colon how it can be written.
 * @param text as far as it was typed
 * @param others names of properties that are not known in advance
 */
export function completeAssignment(
  definitions: readonly PropertyDefinition[],
  text: string,
  others: readonly Candidate[] = [],
): readonly Candidate[] {
  const equals = text.indexOf('=')
  if (equals < 0)
    return [...nameProperties(definitions), ...others].map((each) => ({ ...each, value: `${each.value}=` }))
  const name = text.slice(0, equals).toLowerCase()
  const definition = definitions.find((each) => each.name.toLowerCase() === name)
  const value = text.slice(equals + 1)
  const colon = value.lastIndexOf(':')
  const prefix = colon < 0 ? text.slice(0, equals + 1) : text.slice(0, equals + 1 + colon + 1)
  const found = colon < 0 ? listValues(definition, value) : listFormats(definition)
  return found.map((each) => ({ ...each, value: `${prefix}${each.value}` }))
}

/** Completes NAME,NAME…: the last name; those before it stay and are not offered again. @param others as for `completeAssignment` */
export function completeNameList(
  definitions: readonly PropertyDefinition[],
  text: string,
  others: readonly Candidate[] = [],
): readonly Candidate[] {
  const names = text.split(',').slice(0, -1)
  const given = new Set(names.map((name) => name.toLowerCase()))
  return [...nameProperties(definitions), ...others]
    .filter(({ value }) => !given.has(value.toLowerCase()))
    .map((each) => ({ ...each, value: [...names, each.value].join(',') }))
}

/** More numbers than that are named by their bounds. */
const fewNumbers = 10

function listValues(definition: PropertyDefinition | undefined, typed: string): readonly Candidate[] {
  if (definition === undefined) return []
  const { words, minimum, maximum, unit, default: byDefault } = definition
  // Numbers and words for them say the same thing twice: whoever begins with a digit wants numbers.
  if (words !== undefined && !/^\d/.test(typed)) {
    return Object.entries(words).map(([word, value]) => ({ value: word, description: String(value) }))
  }
  const values = new Map<string, string>()
  const add = (value: number, description: string): void => {
    const known = values.get(String(value))
    values.set(String(value), [known, description].filter((text) => text !== undefined && text !== '').join(', '))
  }
  const isShort = minimum !== undefined && maximum !== undefined && maximum - minimum < fewNumbers
  if (isShort) for (let value = minimum; value <= maximum; value++) add(value, '')
  const text = formatValue(byDefault)
  if (text !== '') values.set(text, ['default', unit].filter((part) => part !== '').join(', '))
  if (!isShort && minimum !== undefined) add(minimum, 'smallest')
  if (!isShort && maximum !== undefined) add(maximum, 'largest')
  return [...values].map(([value, description]) => ({ value, description }))
}

/** The words for the format that the property has; all of them for a property that is not known in advance. */
function listFormats(definition: PropertyDefinition | undefined): readonly Candidate[] {
  return formatWords
    .map((value) => ({ value, description: parseFormat(value, 'a format') }))
    .filter(({ description }) => definition === undefined || description === definition.format)
}
