import { readdir } from 'node:fs/promises'
import { layOutStateDirectory, type StateDirectory } from '../state-directory.js'
import type { Candidate } from './completion-candidate.js'

/** Names that are known on this machine at this moment. What cannot be had in time is left out; nothing here throws. */
export interface KnownNames {
  services(): Promise<readonly Candidate[]>
  /** Stored private properties of a service that no definition names. */
  ownProperties(service: string): Promise<readonly Candidate[]>
  /** Newest first. */
  incidents(): Promise<readonly Candidate[]>
}

/** A person waits for the answer, and a hangdog that is stopped gives none. */
const answerLimitMs = 250

/** More would be no help to anyone who has to choose. */
const mostIncidents = 100

/**
 * Looks for names when they are asked for. What that takes is loaded only then: most completions need no names.
 * @param stateDirectory as it was given on the command line; the default when it was not
 */
export function findNames(stateDirectory: string | undefined): KnownNames {
  const directory = layOutStateDirectory(stateDirectory)
  return {
    services: () => findServices(directory),
    ownProperties: (service) => orNone(listOwnProperties(directory, service)),
    incidents: async () => (await orNone(listIncidents(directory))).slice(0, mostIncidents).map(describeIncident),
  }
}

/** Those that are watched now, those that have properties of their own, and those that left an incident. */
async function findServices(directory: StateDirectory): Promise<readonly Candidate[]> {
  const [live, configured, incidents] = await Promise.all([
    orNone(listLive(directory)),
    orNone(listConfigured(directory)),
    orNone(listIncidents(directory)),
  ])
  const services = new Map<string, string>()
  for (const name of [...configured, ...incidents.map(serviceOf)]) services.set(name, 'not watched now')
  for (const { name, state } of live) services.set(name, state)
  return [...services].map(([value, description]) => ({ value, description }))
}

interface LiveService {
  readonly name: string
  readonly state: string
}

/** All instances are asked at once, so that one that does not answer costs one limit. */
async function listLive(directory: StateDirectory): Promise<readonly LiveService[]> {
  const [{ controlPath, instanceNames }, { callControl }] = await Promise.all([
    import('../control/instances.js'),
    import('../control/client.js'),
  ])
  const names = await instanceNames(directory)
  const answers = await Promise.all(
    names.map((name) => orNone(callControl(controlPath(directory, name), 'status', {}, answerLimitMs))),
  )
  return answers.flat().map(({ service, state }) => ({ name: service, state }))
}

async function listConfigured({ root }: StateDirectory): Promise<readonly string[]> {
  const { readStore } = await import('../property/store-reader.js')
  return [...(await readStore(root)).snapshot.services.keys()]
}

async function listOwnProperties({ root }: StateDirectory, service: string): Promise<readonly Candidate[]> {
  const [{ readStore }, { findDefinition }] = await Promise.all([
    import('../property/store-reader.js'),
    import('../property/definitions.js'),
  ])
  const stored = (await readStore(root)).snapshot.services.get(service) ?? new Map()
  return [...stored]
    .filter(([name]) => findDefinition(name) === undefined)
    .map(([value, { format }]) => ({ value, description: `of ${service}: ${format}` }))
}

async function listIncidents({ incidents }: StateDirectory): Promise<readonly string[]> {
  const { idPattern } = await import('../incident/incident-file.js')
  const names = await readdir(incidents)
  return names
    .filter((name) => idPattern.test(name))
    .sort()
    .reverse()
}

function describeIncident(id: string): Candidate {
  return { value: id, description: serviceOf(id) }
}

/** An id is a time, the service and six digits: no file needs to be read for it. */
function serviceOf(id: string): string {
  return id.slice(id.indexOf('-') + 1, id.lastIndexOf('-'))
}

async function orNone<T>(found: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await found
  } catch {
    return []
  }
}
