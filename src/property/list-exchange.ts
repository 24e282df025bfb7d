import { HangdogError } from '../errors.js'
import { checkOnce, checkValue } from './change.js'
import type { ChangeContext } from './change-target.js'
import { encodePropertyList, type PropertyEntry } from './property-list.js'
import { decodePropertyList } from './property-list-reader.js'
import type { PropertyChange, PropertyValues } from './store.js'
import type { PropertyValue } from './value.js'

/** The binary property list of what is stored of the cluster, or of a service. @throws HangdogError `data` when it is too long */
export function writeList(values: PropertyValues): Buffer {
  return encodePropertyList([...values].map(([name, value]) => ({ name, values: [value] })))
}

/**
 * Reads a binary property list for the cluster, or for a service. A list says the format of each value, so a private property that
 * hangdog does not know can be made by it.
 * @throws HangdogError `data` for a damaged list, an unknown common property, or a value that cannot be; `permission` as for a single one
 */
export function readListChanges(bytes: Uint8Array, given: ChangeContext): readonly PropertyChange[] {
  const context: ChangeContext = { ...given, code: 'data', mayCreate: true }
  const entries = decodePropertyList(bytes)
  return checkOnce(
    entries.map((entry) => checkValue(entry.name, onlyValue(entry), context)),
    'data',
  )
}

/** A server adds to an EXPAND_SZ what it expands to; that is not stored. */
function onlyValue({ name, values }: PropertyEntry): PropertyValue {
  const [value, ...more] = values.filter(({ format }) => format !== 'EXPANDED_SZ')
  if (value !== undefined && more.length === 0) return value
  throw new HangdogError('data', `cannot set property "${name}": expected one value, not ${values.length}`)
}
