import { hostname } from 'node:os'
import { HangdogError } from '../errors.js'
import { checkAssignment, checkOnce, checkReset } from '../property/change.js'
import { type ChangeContext, findName } from '../property/change-target.js'
import type { ClusterRequest, ClusterScope } from '../property/cluster-command-line.js'
import { findDefinition } from '../property/definitions.js'
import { checkServiceName } from '../property/service-name.js'
import { type ClusterLine, layOutCluster } from './cluster-view.js'
import { askProperties, liveServices } from './live-properties.js'
import type { Output } from './output.js'
import { listRows, type PropertyRow } from './property-row.js'
import { changeState, type PropertyState, readState } from './property-state.js'

type Request = Exclude<ClusterRequest, { readonly kind: 'help' }>
type ListRequest = Extract<Request, { readonly kind: 'list' }>

/** Does what a command line of cluster.exe asks for. @throws HangdogError as `hangdog prop` does */
export async function doClusterRequest(request: Request, path: string | undefined, output: Output): Promise<void> {
  const service = request.target.kind === 'service' ? request.target.service : undefined
  if (service !== undefined) checkServiceName(service)
  if (request.kind === 'list') {
    const state = await readState(path, output)
    const lines = request.target.kind === 'cluster' ? listCluster(request, state) : await listServices(request, state)
    await output.write(layOutCluster(headingOf(request), kindOf(request), lines, output))
    return
  }
  if (request.target.kind === 'service' && service === undefined) {
    throw new HangdogError('usage', 'cannot set properties of a resource: expected the name of a service, not none')
  }
  await changeState(path, output, (given) => {
    const context: ChangeContext = { ...given, service, mayCreate: request.scope === 'private' }
    const names = request.kind === 'set' ? request.assignments.map(({ name }) => name) : request.names
    if (service === undefined) for (const name of names) checkClusterScope(name, request.scope)
    return checkOnce(
      request.kind === 'set'
        ? request.assignments.map((assignment) => checkAssignment(assignment, context))
        : request.names.map((name) => checkReset(name, context)),
    )
  })
}

/** MSCS gives its cluster object one private property, in Windows Server 2003. */
export const clusterPrivate = 'MulticastClusterDisabled'

function checkClusterScope(name: string, scope: ClusterScope): void {
  if (scope === 'common' || findDefinition(name)?.name === clusterPrivate) return
  throw new HangdogError(
    'usage',
    `cannot set property "${name}": expected a private property of the cluster, which is ${clusterPrivate}; /prop takes the others`,
  )
}

function listCluster({ scope, names, cluster }: ListRequest, { snapshot }: PropertyState): readonly ClusterLine[] {
  const rows = listRows(snapshot, { service: undefined, profile: 'current' })
  const shown = rows.filter(({ name }) => (name === clusterPrivate) === (scope === 'private'))
  const wanted = names.map((name) => findName(name, { service: undefined, stored: snapshot }))
  return select(shown, wanted).map((row) => ({ object: nameOf(cluster), row }))
}

async function listServices(request: ListRequest, state: PropertyState): Promise<readonly ClusterLine[]> {
  const { names, scope, target } = request
  const one = target.kind === 'service' ? target.service : undefined
  const services = one === undefined ? await allServices(state) : [one]
  const wanted = names.map((name) =>
    findName(name, { service: holderOf(name, services, state), stored: state.snapshot }),
  )
  const lists = services.map(async (service) => {
    const stored = state.snapshot.services.get(service)
    const live = await askProperties(state.directory, service)
    const rows = listRows(state.snapshot, { service, profile: 'current' }).filter(({ name, definition }) =>
      scope === 'private' ? stored?.has(name) : definition !== undefined,
    )
    return select(rows, wanted).map((row) => ({ object: service, row: { ...row, ...live.get(row.name) } }))
  })
  return (await Promise.all(lists)).flat()
}

/** The service that has a property of that name, of those that are looked at. */
function holderOf(name: string, services: readonly string[], { snapshot }: PropertyState): string | undefined {
  const wanted = name.toLowerCase()
  return services.find((service) =>
    [...(snapshot.services.get(service)?.keys() ?? [])].some((each) => each.toLowerCase() === wanted),
  )
}

async function allServices({ snapshot, directory }: PropertyState): Promise<readonly string[]> {
  return [...new Set([...snapshot.services.keys(), ...(await liveServices(directory))])].sort()
}

function select(rows: readonly PropertyRow[], names: readonly string[]): readonly PropertyRow[] {
  if (names.length === 0) return rows
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  return rows.filter(({ name }) => wanted.has(name.toLowerCase()))
}

function headingOf({ scope, target, cluster }: ListRequest): string {
  const what = scope === 'private' ? 'private properties' : 'properties'
  if (target.kind === 'cluster') return `Listing ${what} for '${nameOf(cluster)}':`
  return `Listing ${what} for ${target.service === undefined ? 'all resources' : `'${target.service}'`}:`
}

function kindOf({ target }: ListRequest): string {
  return target.kind === 'cluster' ? 'Cluster' : 'Resource'
}

function nameOf(cluster: string | undefined): string {
  return cluster === undefined || cluster === '.' ? hostname() : cluster
}
