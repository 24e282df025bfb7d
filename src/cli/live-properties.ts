import { callControl } from '../control/client.js'
import { instanceNames, type LiveInstance, liveInstances } from '../control/instances.js'
import { describeError } from '../errors.js'
import type { PropertyChange } from '../property/store.js'
import { settableFormats } from '../property/value.js'
import { parseValue } from '../property/value-text.js'
import type { StateDirectory } from '../state-directory.js'
import type { ServiceStatus } from '../watch/status.js'
import type { Output } from './output.js'
import type { PropertyRow } from './property-row.js'

/** Of services that keep their own value; the rest is counted. */
const mostNotes = 5

/**
 * Has the hangdogs of a state directory apply what was stored, and says on stderr what does not follow. It never fails: the change is
 * stored, and a hangdog that cannot be asked sees the file change.
 */
export async function announceChanges(
  directory: StateDirectory,
  changes: readonly PropertyChange[],
  output: Output,
): Promise<void> {
  try {
    const { live, silent } = await liveInstances(directory)
    for (const { name, reason } of silent) output.note(notApplied(name, reason))
    await Promise.all(live.map(({ name, path }) => announce(name, path, changes, output)))
    await noteUnwatched(live, changes, output)
  } catch (error) {
    output.note(`note: ${describeError(error)}`)
  }
}

async function announce(
  instance: string,
  path: string,
  changes: readonly PropertyChange[],
  output: Output,
): Promise<void> {
  try {
    const { overridden, problem } = await callControl(path, 'apply-properties', {})
    if (problem !== null) output.note(notApplied(instance, problem))
    const kept = overridden.filter(({ service, name }) =>
      changes.some((change) => change.name === name && (change.service ?? service) === service),
    )
    for (const { service, name, by } of kept.slice(0, mostNotes)) {
      const effective = await callControl(path, 'properties', { service })
      const flag = effective.find((each) => each.service === service && each.name === name && each.origin === 'flag')
      const kind = flag === undefined ? `its own limit, not ${name}` : `${name}=${flag.value}`
      output.note(`note: service "${service}" keeps ${kind} (${by})`)
    }
    if (kept.length > mostNotes) output.note(`note: so do ${kept.length - mostNotes} others`)
  } catch (error) {
    output.note(notApplied(instance, describeError(error)))
  }
}

/** Who misspells a service should learn of it, though a service may well be set up before it is watched. */
async function noteUnwatched(
  live: readonly LiveInstance[],
  changes: readonly PropertyChange[],
  output: Output,
): Promise<void> {
  const named = new Set(changes.flatMap(({ service }) => service ?? []))
  if (live.length === 0 || named.size === 0) return
  const watched = new Set(await servicesOf(live))
  for (const service of named) {
    if (!watched.has(service)) output.note(`note: no hangdog that runs now watches a service "${service}"`)
  }
}

function notApplied(instance: string, reason: string): string {
  return `note: instance "${instance}" did not say that it applied the change: ${reason}`
}

/** What the hangdog that watches a service goes by, by name; empty when none does. Those that do not answer are left out. */
export async function askProperties(
  directory: StateDirectory,
  service: string,
): Promise<ReadonlyMap<string, Pick<PropertyRow, 'value' | 'origin' | 'by'>>> {
  // Most often there is none; looking for files is all it costs then.
  if ((await instanceNames(directory).catch(() => [])).length === 0) return new Map()
  const { live } = await liveInstances(directory)
  const answers = await Promise.all(live.map(({ path }) => askOne(path, service)))
  return new Map(answers.flat())
}

async function askOne(path: string, service: string) {
  try {
    const properties = await callControl(path, 'properties', { service })
    return properties.flatMap(({ name, value, format: given, origin, by }) => {
      const format = settableFormats.find((each) => each === given)
      if (format === undefined) return []
      const known = parseValue(value, format, `property "${name}"`)
      return [[name, { value: known, origin, ...(origin === 'flag' && { by }) }] as const]
    })
  } catch {
    // It watches other services, or ends just now.
    return []
  }
}

/** The names of all services that are watched now. */
export async function liveServices(directory: StateDirectory): Promise<readonly string[]> {
  return servicesOf((await liveInstances(directory)).live)
}

async function servicesOf(live: readonly LiveInstance[]): Promise<readonly string[]> {
  const answers = await Promise.all(
    live.map(({ path }) => callControl(path, 'status', {}).catch((): readonly ServiceStatus[] => [])),
  )
  return answers.flat().map(({ service }) => service)
}
