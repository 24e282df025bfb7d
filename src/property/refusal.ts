import { type ErrorCode, HangdogError } from '../errors.js'
import { definitions } from './definitions.js'
import { suggestNames } from './nearest-name.js'
import { shownText } from './shown-text.js'
import type { PropertySnapshot } from './store.js'

/** What was to be done with a property. */
export type PropertyVerb = 'set' | 'reset' | 'find'

interface RefusalContext {
  readonly service?: string | undefined
  /** Default `usage`. */
  readonly code?: ErrorCode
}

/** The error about a property, and about the service whose it is. */
export function refuse(
  verb: PropertyVerb,
  name: string,
  expected: string,
  { service, code = 'usage' }: RefusalContext,
): HangdogError {
  const whose = service === undefined ? '' : ` of service "${service}"`
  return new HangdogError(code, `cannot ${verb} property "${shownText(name)}"${whose}: expected ${expected}`)
}

/** The error about a name that nobody knows; it suggests those that may have been meant. */
export function refuseUnknown(
  verb: PropertyVerb,
  name: string,
  context: RefusalContext & { readonly stored: PropertySnapshot },
): HangdogError {
  const stored = context.service === undefined ? undefined : context.stored.services.get(context.service)
  const near = suggestNames(name, [...definitions.map((each) => each.name), ...(stored?.keys() ?? [])])
  const expected =
    near.length === 0 ? 'a known property ("hangdog prop list" shows them)' : `a known property, such as ${join(near)}`
  return refuse(verb, name, expected, context)
}

/** Names shown at most. */
const mostNames = 5

function join(names: readonly string[]): string {
  const shown = names.slice(0, mostNames)
  if (shown.length < names.length) return `${shown.join(', ')} and ${names.length - shown.length} more`
  return shown.length === 1 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`
}

/** A value as it was written, in quotes unless it is a number. */
export function describeGiven(text: string): string {
  return /^-?[\d.]+$/.test(text) ? shownText(text) : `"${shownText(text)}"`
}
