import type { PropertyDefinition } from './definition.js'
import type { PropertyValue } from './value.js'
import { refuseValue } from './value-range.js'

/** What a definition takes, for people: `6 to 4294967295 s`, `0 to 3 (or disable, log, terminate, bugcheck)`, `a text`. */
export function describeBounds(definition: PropertyDefinition): string {
  const { minimum, maximum, unit, words, format } = definition
  if (minimum === undefined || maximum === undefined)
    return format === 'SZ' ? 'a text' : `a value of the format ${format}`
  const range = `${minimum} to ${maximum}${isUnit(unit) ? ` ${unit}` : ''}`
  return words === undefined ? range : `${range} (or ${Object.keys(words).join(', ')})`
}

/** Whether a unit is written after a number; a count is not. */
export function isUnit(unit: string): boolean {
  return unit !== '' && unit !== 'count'
}

/** Whether a definition takes a value. @returns what was expected, when it does not */
export function refuseByDefinition(definition: PropertyDefinition, value: PropertyValue): string | undefined {
  if (value.format !== definition.format) return `the format ${definition.format}`
  return isWithin(value.value, definition)
    ? (refuseValue(value) ?? definition.refuse?.(value))
    : describeBounds(definition)
}

function isWithin(value: PropertyValue['value'], { minimum, maximum }: PropertyDefinition): boolean {
  if (typeof value !== 'number') return true
  return Number.isInteger(value) && value >= (minimum ?? value) && value <= (maximum ?? value)
}
