import type { PropertyDefinition } from '../property/definition.js'
import type { Candidate } from './completion-candidate.js'
import { completeAssignment, completeNameList, selectProperties } from './completion-property.js'

/** What a cluster.exe command line is completed from. */
export interface ClusterWords {
  readonly definitions: readonly PropertyDefinition[]
  readonly services: () => Promise<readonly Candidate[]>
  /** Stored private properties of a service that no definition names. */
  readonly ownProperties: (service: string) => Promise<readonly Candidate[]>
}

/** As cluster.exe: shortened or in full, with a slash or a dash. */
const propertyOption = /^(?:\/|--?)(?:prop|priv)[a-z]*(:.*)?$/i
const objects: readonly Candidate[] = [{ value: 'resource', description: 'a service' }]
const useDefault: Candidate = { value: '/usedefault', description: 'back to their defaults' }
const resourceWord = /^(res|resource)$/i

/**
 * Completes what follows `hangdog cluster`, in the grammar of cluster.exe.
 * @param before the words between `cluster` and the cursor
 */
export async function completeCluster(
  before: readonly string[],
  text: string,
  { definitions, services, ownProperties }: ClusterWords,
): Promise<readonly Candidate[]> {
  const isResource = before.some((word) => resourceWord.test(word))
  const option = before.find((word) => propertyOption.test(word))
  const service = serviceOf(before)
  const findOthers = async (given: string) =>
    service !== undefined && isPrivate(given) ? await ownProperties(service) : []
  if (option !== undefined) {
    const named = option.includes(':')
      ? [useDefault]
      : completeAssignment(await selectFor(option, isResource, definitions), text, await findOthers(option))
    return withoutGiven(named, before)
  }
  if (resourceWord.test(before.at(-1) ?? '')) return await services()
  const [, name, list] = /^(\/[a-z]+:)(.*)$/i.exec(text) ?? []
  if (name !== undefined && list !== undefined) {
    if (!propertyOption.test(name)) return []
    const selected = await selectFor(name, isResource, definitions)
    return completeNameList(selected, list, await findOthers(name)).map((each) => ({
      ...each,
      value: `${name}${each.value}`,
    }))
  }
  return [...listOptions(isResource), ...(isResource ? [] : objects)]
}

/** Of a service, both options take its own properties; of the cluster, /priv takes one. */
async function selectFor(
  option: string,
  isResource: boolean,
  definitions: readonly PropertyDefinition[],
): Promise<readonly PropertyDefinition[]> {
  const writable = selectProperties(definitions, isResource ? 'private' : 'common', 'write')
  if (isResource || !isPrivate(option)) return writable
  const { clusterPrivate } = await import('./cluster-request.js')
  return writable.filter(({ name }) => name === clusterPrivate)
}

function isPrivate(option: string): boolean {
  return /^\W*priv/i.test(option)
}

function serviceOf(before: readonly string[]): string | undefined {
  const name = before[before.findIndex((word) => resourceWord.test(word)) + 1]
  return before.some((word) => resourceWord.test(word)) && name?.startsWith('/') === false ? name : undefined
}

function listOptions(isResource: boolean): readonly Candidate[] {
  const whose = isResource ? 'of the service' : 'of the cluster'
  return [
    { value: '/prop', description: `common properties ${whose}: list or set them` },
    { value: '/prop:', description: 'those properties, to be set to their defaults' },
    { value: '/priv', description: `private properties ${whose}: list or set them` },
    { value: '/priv:', description: 'those properties, to be set to their defaults' },
    ...(isResource ? [] : [{ value: '/cluster:', description: 'the cluster by its name' }]),
  ]
}

/** Without the names that are set on this line already. */
export function withoutGiven(candidates: readonly Candidate[], before: readonly string[]): readonly Candidate[] {
  const given = new Set(before.map(nameOf))
  return candidates.filter(({ value }) => !given.has(nameOf(value)))
}

function nameOf(assignment: string): string {
  return assignment.split('=', 1)[0]?.toLowerCase() ?? ''
}
