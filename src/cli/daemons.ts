import { callControl } from '../control/client.js'
import { type Instances, type LiveInstance, liveInstances } from '../control/instances.js'
import { HangdogError } from '../errors.js'
import { findStateDirectory, type StateDirectory } from '../state-directory.js'
import type { ServiceStatus } from '../watch/status.js'
import type { Output } from './output.js'

/** The status of a service, and the hangdog that watches it. */
export interface InstanceStatus extends ServiceStatus {
  readonly instance: string
}

/**
 * The hangdogs that run with a state directory; those that do not answer are named on stderr.
 * @throws HangdogError `unavailable` when none answers
 */
export async function findDaemons(
  path: string | undefined,
  output: Output,
): Promise<{ readonly directory: StateDirectory; readonly live: readonly LiveInstance[] }> {
  const directory = findStateDirectory(path)
  const instances = await liveInstances(directory)
  for (const { name, reason } of instances.silent) output.note(`instance "${name}" does not answer: ${reason}`)
  if (instances.live.length === 0) throw noDaemon(directory, instances)
  return { directory, live: instances.live }
}

function noDaemon({ root }: StateDirectory, { silent }: Instances): HangdogError {
  const found = silent.length > 0 ? 'no hangdog answers' : 'no hangdog runs'
  return new HangdogError(
    'unavailable',
    `cannot ask for services: ${found} with the state directory "${root}"; start one with "hangdog run -- COMMAND" or "hangdog supervise"`,
  )
}

/**
 * The status of all services, or of those of one name. An instance that stops meanwhile is left out.
 * @throws HangdogError `usage` when there is no such service, naming those that there are
 */
export async function askStatus(
  live: readonly LiveInstance[],
  service: string | undefined,
): Promise<readonly InstanceStatus[]> {
  const asked = await Promise.all(live.map(askOne))
  return selectService(asked.flat(), service)
}

/** @throws HangdogError `usage` when there is no such service, naming those that there are */
export function selectService(all: readonly InstanceStatus[], service: string | undefined): readonly InstanceStatus[] {
  if (service === undefined) return all
  const found = all.filter((status) => status.service === service)
  if (found.length > 0) return found
  const known = [...new Set(all.map((status) => status.service))].join(', ')
  throw new HangdogError('usage', `cannot find service "${service}": expected one of ${known}`)
}

async function askOne({ name, path }: LiveInstance): Promise<readonly InstanceStatus[]> {
  try {
    return addInstance(name, await callControl(path, 'status', {}))
  } catch (error) {
    if (error instanceof HangdogError && error.code === 'unavailable') return []
    throw error
  }
}

export function addInstance(instance: string, all: readonly ServiceStatus[]): readonly InstanceStatus[] {
  return all.map((status) => ({ instance, ...status }))
}
