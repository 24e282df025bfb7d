import { HangdogError } from '../errors.js'
import { checkOnce, checkReset, checkValue } from './change.js'
import type { ChangeContext } from './change-target.js'
import { findDefinition } from './definitions.js'
import { findRepeatedKey } from './repeated-key.js'
import { checkServiceName } from './service-name.js'
import { shownText } from './shown-text.js'
import type { PropertyChange, PropertySnapshot, PropertyValues } from './store.js'
import { decodeValue, encodeValue, type StoredValue } from './stored-value.js'
import type { PropertyValue } from './value.js'

/**
 * What is stored, as JSON. A property of a definition has its plain value; one that hangdog does not know says its format too. In a
 * document that is read, null stands for the default, and a word of the definition for its number.
 */
export interface PropertyDocument {
  readonly common?: Readonly<Record<string, DocumentValue>>
  readonly services?: Readonly<Record<string, Readonly<Record<string, DocumentValue>>>>
}

export type DocumentValue = StoredValue['value'] | StoredValue

/** @param service only this one; undefined for everything */
export function writeDocument(snapshot: PropertySnapshot, service?: string): PropertyDocument {
  if (service !== undefined)
    return { services: { [service]: writeValues(snapshot.services.get(service) ?? new Map()) } }
  const services = [...snapshot.services].map(([name, values]) => [name, writeValues(values)])
  return { common: writeValues(snapshot.common), services: Object.fromEntries(services) }
}

function writeValues(values: PropertyValues): Readonly<Record<string, DocumentValue>> {
  return Object.fromEntries([...values].map(([name, value]) => [name, writeValue(name, value)]))
}

function writeValue(name: string, value: PropertyValue): DocumentValue {
  const stored = encodeValue(value)
  return findDefinition(name)?.format === value.format ? stored.value : stored
}

/** Where a document comes from. */
export interface DocumentSource {
  /** For errors, such as a path. */
  readonly name: string
  /** The document may have this service only; undefined for everything. */
  readonly service: string | undefined
}

/**
 * Reads a document; what it does not name stays as it is.
 * @throws HangdogError `data` naming the key that is unknown or the value that is wrong; `permission` as for a single property
 */
export function readDocument(text: string, source: DocumentSource, given: ChangeContext): readonly PropertyChange[] {
  const context: ChangeContext = { ...given, code: 'data' }
  const document = readRecord(parse(text, source), 'an object with "common" and "services"', source)
  const known = source.service === undefined ? ['common', 'services'] : ['services']
  refuseUnknown(document, known, 'the document', source)
  const common = readRecord(document.common ?? {}, '"common" to be an object', source)
  const services = readRecord(document.services ?? {}, '"services" to be an object', source)
  if (source.service !== undefined) refuseUnknown(services, [source.service], '"services"', source)
  const ofServices = Object.entries(services).flatMap(([name, properties]) => {
    const service = checkServiceName(name, 'data')
    return readChanges(readRecord(properties, `"${name}" to be an object`, source), source, { ...context, service })
  })
  return checkOnce([...readChanges(common, source, context), ...ofServices], 'data')
}

function parse(text: string, source: DocumentSource): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'it cannot be parsed'
    throw new HangdogError('data', `cannot read properties from ${source.name}: expected JSON: ${reason}`, error)
  }
  const repeated = findRepeatedKey(text)
  if (repeated === undefined) return parsed
  const { key, within } = repeated
  throw refuse(`"${shownText(key)}"${within === undefined ? '' : ` in "${shownText(within)}"`} once, not twice`, source)
}

function readChanges(
  properties: Readonly<Record<string, unknown>>,
  source: DocumentSource,
  context: ChangeContext,
): readonly PropertyChange[] {
  return Object.entries(properties).map(([name, json]) => {
    if (json === null) return checkReset(name, context)
    // A name that hangdog does not know may be misspelt; only one that says its format is meant to be new.
    return checkValue(name, readValue(name, json, source), { ...context, mayCreate: isRecord(json) })
  })
}

function readValue(name: string, json: unknown, source: DocumentSource): PropertyValue {
  if (isRecord(json)) {
    refuseUnknown(json, ['format', 'value'], `property "${name}"`, source)
    return decodeValue(json, `cannot read property "${name}" from ${source.name}`)
  }
  if (typeof json === 'number') return { format: 'DWORD', value: json }
  if (typeof json === 'string') return wordValue(name, json) ?? { format: 'SZ', value: json }
  throw refuse(`property "${name}" to be a number, a text, or an object with "format" and "value"`, source)
}

function wordValue(name: string, text: string): PropertyValue | undefined {
  const { words = {} } = findDefinition(name) ?? {}
  const word = Object.keys(words).find((each) => each.toLowerCase() === text.toLowerCase())
  const value = word === undefined ? undefined : words[word]
  return value === undefined ? undefined : { format: 'DWORD', value }
}

function refuseUnknown(
  record: Readonly<Record<string, unknown>>,
  known: readonly string[],
  where: string,
  source: DocumentSource,
): void {
  const unknown = Object.keys(record).find((key) => !known.includes(key))
  if (unknown !== undefined) throw refuse(`${where} to have only ${known.join(', ')}, not "${unknown}"`, source)
}

function readRecord(value: unknown, expected: string, source: DocumentSource): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return value
  throw refuse(expected, source)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function refuse(expected: string, { name }: DocumentSource): HangdogError {
  return new HangdogError('data', `cannot read properties from ${name}: expected ${expected}`)
}
