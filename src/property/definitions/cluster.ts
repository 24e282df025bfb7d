import type { PropertyDefinition } from '../definition.js'
import { dword } from './build.js'

interface Bounds {
  readonly from?: number
  readonly to?: number
  readonly byDefault: number
  readonly unit?: string
  readonly access?: 'read-only'
}

/** What MSCS has for the heartbeats between the nodes of a cluster. To be stored; the cluster part will heed them. */
export const clusterDefinitions: readonly PropertyDefinition[] = [
  cluster(
    'SameSubnetDelay',
    { from: 250, to: 2000, byDefault: 1000, unit: 'ms' },
    'M-SSD',
    'Between two heartbeats within a subnet.',
  ),
  cluster(
    'SameSubnetThreshold',
    { from: 3, to: 120, byDefault: 10, unit: 'beats' },
    'M-SST',
    'Missed heartbeats until a route within a subnet counts as down.',
  ),
  cluster(
    'CrossSubnetDelay',
    { from: 250, to: 4000, byDefault: 1000, unit: 'ms' },
    'M-CSD',
    'Between two heartbeats across subnets.',
  ),
  cluster(
    'CrossSubnetThreshold',
    { from: 3, to: 120, byDefault: 20, unit: 'beats' },
    'M-CST',
    'Missed heartbeats until a route across subnets counts as down.',
  ),
  // The source names the bounds of the next two by symbols only; these are those of the subnets.
  cluster(
    'CrossSiteDelay',
    { from: 250, to: 4000, byDefault: 1000, unit: 'ms' },
    'M-XSITE',
    'Between two heartbeats across sites.',
  ),
  cluster(
    'CrossSiteThreshold',
    { from: 3, to: 120, byDefault: 20, unit: 'beats' },
    'M-XSITE',
    'Missed heartbeats until a route across sites counts as down.',
  ),
  cluster(
    'RouteHistoryLength',
    { to: 40, byDefault: 10, unit: 'beats' },
    'M-RHL',
    'Heartbeats that are told of after a route failed.',
  ),
  cluster(
    'PlumbAllCrossSubnetRoutes',
    { to: 2, byDefault: 0 },
    'M-PLUMB',
    'Whether all routes across subnets are made: 0 as needed, 1 always, 2 never.',
  ),
  cluster(
    'ClusSvcRegroupOpeningTimeout',
    { from: 1, to: 20, byDefault: 5, unit: 's', access: 'read-only' },
    'M-RG',
    'How long others are waited for in the opening stage of a regroup.',
  ),
  cluster(
    'ClusSvcRegroupPruningTimeout',
    { from: 1, to: 30, byDefault: 5, unit: 's', access: 'read-only' },
    'M-RG',
    'How long the leader of a regroup waits for full connectivity.',
  ),
  cluster(
    'ClusSvcRegroupStageTimeout',
    { from: 2, to: 30, byDefault: 5, unit: 's', access: 'read-only' },
    'M-RG',
    'How long others are waited for in each stage of a regroup.',
  ),
  cluster(
    'ClusSvcRegroupTickInMilliseconds',
    { from: 50, to: 1000, byDefault: 300, unit: 'ms', access: 'read-only' },
    'M-RG',
    'Between two messages of membership.',
  ),
  cluster(
    'QuorumArbitrationTimeMax',
    { from: 1, to: 3600, byDefault: 20, unit: 's' },
    'M-QMAX',
    'Longest arbitration for the quorum.',
  ),
  cluster(
    'QuorumArbitrationTimeMin',
    { from: 1, to: 3600, byDefault: 7, unit: 's' },
    'M-QMIN',
    'Shortest arbitration for the quorum.',
  ),
  cluster(
    'ResiliencyLevel',
    { from: 1, to: 2, byDefault: 2 },
    'M-RESL',
    'When an unreachable node is isolated: 1 only when it asks for it, 2 always.',
  ),
  cluster(
    'ResiliencyDefaultPeriod',
    { byDefault: 240, unit: 's' },
    'M-RESD',
    'How long an isolated node keeps its groups.',
  ),
  cluster(
    'QuarantineThreshold',
    { byDefault: 3, unit: 'count' },
    'M-QT',
    'Failures of a node within an hour before it is put in quarantine.',
  ),
  cluster(
    'QuarantineDuration',
    { byDefault: 7200, unit: 's' },
    'M-QD',
    'How long a node stays in quarantine; 4294967295 until it is let out by hand.',
  ),
  cluster(
    'EnableResourceDllDeadlockDetection',
    { to: 1, byDefault: 0 },
    'M-RDD',
    'Whether calls into resources are watched for deadlocks.',
  ),
  cluster(
    'ResourceDllDeadlockTimeout',
    { from: 180, byDefault: 240, unit: 's' },
    'M-RDD',
    'Longest call into a resource.',
  ),
  cluster(
    'ResourceDllDeadlockThreshold',
    { byDefault: 3, unit: 'count' },
    'M-RDD',
    'Calls that took too long within the period before it is a deadlock.',
  ),
  cluster(
    'ResourceDllDeadlockPeriod',
    { from: 180, byDefault: 1800, unit: 's' },
    'M-RDD',
    'The period of ResourceDllDeadlockThreshold.',
  ),
  // The source says minutes; an hour without an answer cannot be meant.
  cluster(
    'RequestReplyTimeout',
    { from: 5, to: 1440, byDefault: 60, unit: 's' },
    'M-RRT',
    'Longest wait for the answer to an update; a node that does not answer loses its membership.',
  ),
  cluster(
    'WitnessRestartInterval',
    { from: 5, to: 1440, byDefault: 15, unit: 'min' },
    'M-WRI',
    'Between two tries to start a failed witness.',
  ),
  cluster(
    'WitnessDatabaseWriteTimeout',
    { from: 1, to: 86_400, byDefault: 300, unit: 's' },
    'M-WDB',
    'Longest write to the witness.',
  ),
  cluster(
    'ShutdownTimeoutInMinutes',
    { to: 1440, byDefault: 20, unit: 'min' },
    'M-SHUT',
    'How long resources are waited for when the machine is shut down.',
  ),
  cluster('ClusterLogLevel', { to: 5, byDefault: 3 }, 'M-LOG', 'How much the cluster log tells: 0 nothing to 5 all.'),
  cluster('ClusterLogSize', { from: 8, to: 1024, byDefault: 300, unit: 'MB' }, 'M-LOG', 'Size of the cluster log.'),
  cluster(
    'MulticastClusterDisabled',
    { byDefault: 0 },
    'M-MCD',
    'With anything but 0, heartbeats are never multicast.',
  ),
]

function cluster(name: string, bounds: Bounds, source: string, meaning: string): PropertyDefinition {
  const { from = 0, to, byDefault, unit = '', access } = bounds
  return dword(name, byDefault, {
    scope: 'common',
    minimum: from,
    ...(to !== undefined && { maximum: to }),
    unit,
    meaning,
    ...(access !== undefined && { access }),
    usedBy: 'cluster',
    source,
  })
}
