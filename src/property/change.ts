import { HangdogError } from '../errors.js'
import { describeBounds, refuseByDefinition } from './bounds.js'
import { type ChangeContext, findTarget } from './change-target.js'
import type { PropertyDefinition } from './definition.js'
import { describeGiven, type PropertyVerb, refuse } from './refusal.js'
import type { PropertyChange } from './store.js'
import { type PropertyValue, settableFormats } from './value.js'
import { refuseValue } from './value-range.js'
import { formatValue, type PropertyAssignment, parseValue } from './value-text.js'

/**
 * Checks what a command line assigns. Names and words are taken in any case; the change has the name as the definition spells it.
 * @throws HangdogError `usage` (or the code of the context) for an unknown name, a wrong scope, format or value, naming what was expected;
 * `permission` for a read-only property, or one that is for root alone
 */
export function checkAssignment(assignment: PropertyAssignment, context: ChangeContext): PropertyChange {
  const target = findTarget('set', assignment.name, context, assignment.format)
  if (target.kind === 'unknown') {
    return change(target.name, parseValue(assignment.text, target.format, `property "${target.name}"`), context)
  }
  const { definition } = target
  if (assignment.format !== undefined && assignment.format !== definition.format) {
    throw refuse('set', definition.name, `the format ${definition.format}, not ${assignment.format}`, context)
  }
  return checkDefined(definition, readText(assignment.text, definition, context), context, assignment.text)
}

/**
 * Checks a value that came with its format, such as that of a property list.
 * @throws HangdogError as `checkAssignment`
 */
export function checkValue(name: string, value: PropertyValue, context: ChangeContext): PropertyChange {
  const format = settableFormats.find((each) => each === value.format)
  if (format === undefined) {
    throw refuse('set', name, `one of the formats ${settableFormats.join(', ')}, not ${value.format}`, context)
  }
  const target = findTarget('set', name, context, format)
  const expected = refuseValue(value)
  if (expected !== undefined && target.kind === 'unknown') throw refuse('set', name, expected, context)
  if (target.kind === 'defined') return checkDefined(target.definition, value, context, formatValue(value))
  return change(target.name, value, context)
}

/**
 * Checks the way back to the default; of a property that hangdog does not know, its removal.
 * @throws HangdogError as `checkAssignment`
 */
export function checkReset(name: string, context: ChangeContext): PropertyChange {
  const target = findTarget('reset', name, context, undefined)
  if (target.kind === 'unknown') return change(target.name, undefined, context)
  checkAccess('reset', target.definition, context)
  return change(target.definition.name, undefined, context)
}

/** Refuses to change one property twice at once: which change would count? @throws HangdogError */
export function checkOnce(
  changes: readonly PropertyChange[],
  code: 'usage' | 'data' = 'usage',
): readonly PropertyChange[] {
  const seen = new Set<string>()
  for (const { service, name } of changes) {
    const key = JSON.stringify([service ?? null, name])
    if (seen.has(key)) throw new HangdogError(code, `cannot set property "${name}": expected it once, not twice`)
    seen.add(key)
  }
  return changes
}

function readText(text: string, definition: PropertyDefinition, context: ChangeContext): PropertyValue {
  const { name, format, words = {} } = definition
  const word = Object.keys(words).find((each) => each.toLowerCase() === text.toLowerCase())
  const value = word === undefined ? undefined : words[word]
  if (format === 'DWORD' && value !== undefined) return { format, value }
  try {
    return parseValue(text, format, `property "${name}"`)
  } catch (error) {
    // One error for everything that is no such number, with the bounds of the property and not those of its format.
    if (format !== 'DWORD' || !(error instanceof HangdogError)) throw error
    throw refuse('set', name, `${describeBounds(definition)}, not ${describeGiven(text)}`, context)
  }
}

/** @param given the value as it was written */
function checkDefined(
  definition: PropertyDefinition,
  value: PropertyValue,
  context: ChangeContext,
  given: string,
): PropertyChange {
  if (definition.access === 'read-only') checkAccess('set', definition, context)
  const expected = refuseByDefinition(definition, value) ?? refuseAbove(definition.name, value, context)
  if (expected !== undefined) {
    const found = value.format === definition.format ? describeGiven(given) : value.format
    // Some checks name the part that is wrong; the whole would be too much beside it.
    const whole = expected.includes(', not "') ? expected : `${expected}, not ${found}`
    throw refuse('set', definition.name, whole, context)
  }
  checkAccess('set', definition, context)
  return change(definition.name, value, context)
}

function refuseAbove(name: string, { value }: PropertyValue, { refuseText }: ChangeContext): string | undefined {
  return typeof value === 'string' ? refuseText?.(name, value) : undefined
}

function checkAccess(verb: PropertyVerb, { name, access }: PropertyDefinition, { user, service }: ChangeContext): void {
  const context = { service, code: 'permission' } as const
  if (access === 'read-only') throw refuse(verb, name, 'a property that can be set, not a read-only one', context)
  if (access === 'root' && user !== undefined && user !== 0) {
    throw refuse(verb, name, `to be run by root, not by user ${user}`, context)
  }
}

function change(name: string, value: PropertyValue | undefined, { service }: ChangeContext): PropertyChange {
  return service === undefined ? { name, value } : { service, name, value }
}
