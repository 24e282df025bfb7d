import type { PropertyDefinition } from './definition.js'
import { definitions, findDefinition } from './definitions.js'
import { suggestNames } from './nearest-name.js'
import { type PropertyVerb, refuse, refuseUnknown } from './refusal.js'
import type { PropertySnapshot } from './store.js'
import { type PropertyValue, type SettableFormat, settableFormats } from './value.js'

/** For what, by whom and from where something is changed. */
export interface ChangeContext {
  /** The service whose private property it is; undefined for a common one. */
  readonly service?: string | undefined
  /** What is stored so far: a private property that hangdog does not know keeps its spelling and its format. */
  readonly stored: PropertySnapshot
  /** Of the effective user; undefined where there are no such numbers. */
  readonly user: number | undefined
  /** `data` when a file says it and not the command line; default `usage`. */
  readonly code?: 'usage' | 'data'
  /** Checks of texts that the definitions, which lie below the parts that heed them, cannot make. @returns what was expected */
  readonly refuseText?: (name: string, text: string) => string | undefined
  /** Whether a private property that hangdog does not know may be made, as in MSCS; without a format it is a text. */
  readonly mayCreate?: boolean
}

/**
 * A name as it is spelt in the definitions, or in what is stored of a service.
 * @throws HangdogError `usage`, suggesting the nearest name, when nobody knows it
 */
export function findName(name: string, { service, stored }: Pick<ChangeContext, 'service' | 'stored'>): string {
  const found = findDefinition(name)?.name ?? findStored(name, service, stored)?.name
  if (found === undefined) throw refuseUnknown('find', name, { service, stored })
  return found
}

/** What a name stands for. */
export type PropertyTarget =
  | { readonly kind: 'defined'; readonly definition: PropertyDefinition }
  | { readonly kind: 'unknown'; readonly name: string; readonly format: SettableFormat }

/**
 * Finds what is to be changed.
 * @param format the one that was given with the value, if any
 * @throws HangdogError when nobody knows the name, or the property cannot be set there
 */
export function findTarget(
  verb: PropertyVerb,
  name: string,
  context: ChangeContext,
  format: SettableFormat | undefined,
): PropertyTarget {
  const definition = findDefinition(name)
  if (definition !== undefined) {
    checkScope(verb, definition, context)
    return { kind: 'defined', definition }
  }
  const stored = findStored(name, context.service, context.stored)
  const found = format ?? settableFormats.find((each) => each === stored?.value.format) ?? newFormat(verb, name)
  const may = stored !== undefined || (context.mayCreate === true && context.service !== undefined)
  if (!may || found === undefined) throw refuseUnknown(verb, name, context)
  return { kind: 'unknown', name: stored?.name ?? checkNewName(name, context), format: found }
}

/**
 * As in MSCS, what is new and comes without a format is a text; but not under a name that is nearly one of ours, which is more likely to
 * be misspelt.
 */
function newFormat(verb: PropertyVerb, name: string): SettableFormat | undefined {
  const isMisspelt =
    suggestNames(
      name,
      definitions.map((each) => each.name),
    ).length > 0
  return verb === 'set' && !isMisspelt ? 'SZ' : undefined
}

function findStored(
  name: string,
  service: string | undefined,
  { services }: PropertySnapshot,
): { readonly name: string; readonly value: PropertyValue } | undefined {
  if (service === undefined) return undefined
  const wanted = name.toLowerCase()
  for (const [key, value] of services.get(service) ?? []) {
    if (key.toLowerCase() === wanted) return { name: key, value }
  }
  return undefined
}

/** Without what the grammars of our command lines give a meaning, so that each stored name can be written there. */
const newName = /^[\p{L}\p{N}_][\p{L}\p{N}_. -]{0,254}$/u

function checkNewName(name: string, context: ChangeContext): string {
  if (newName.test(name)) return name
  const expected = 'a name of up to 255 letters, digits, "_", ".", "-" and blanks'
  throw refuse('set', name, expected, context)
}

function checkScope(verb: PropertyVerb, { name, scope }: PropertyDefinition, context: ChangeContext): void {
  if (context.service !== undefined && scope === 'common') {
    throw refuse(verb, name, 'a property of a service, not one of the whole cluster', context)
  }
  if (context.service === undefined && scope === 'private') {
    throw refuse(verb, name, 'the name of a service, not none: only services have this property', context)
  }
}
