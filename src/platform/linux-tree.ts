import { listProcesses, type ProcessStat, readStat } from './linux-proc.js'
import type { ProcessIdentity } from './platform.js'

/** All processes of the machine at one moment, by number and by what they belong to. */
export interface ProcessTable {
  readonly byPid: ReadonlyMap<number, ProcessStat>
  readonly byParent: ReadonlyMap<number, readonly ProcessStat[]>
  readonly byGroup: ReadonlyMap<number, readonly ProcessStat[]>
  readonly bySession: ReadonlyMap<number, readonly ProcessStat[]>
}

/** Reads the stat of every process: about 10 µs each. */
export function readProcessTable(): ProcessTable {
  const byPid = new Map<number, ProcessStat>()
  for (const pid of listProcesses()) {
    const stat = readStat(pid)
    if (stat !== undefined) byPid.set(stat.pid, stat)
  }
  const all = [...byPid.values()]
  return {
    byPid,
    byParent: groupBy(all, (stat) => stat.parent),
    byGroup: groupBy(all, (stat) => stat.group),
    bySession: groupBy(all, (stat) => stat.session),
  }
}

function groupBy(all: readonly ProcessStat[], key: (stat: ProcessStat) => number): Map<number, ProcessStat[]> {
  const groups = new Map<number, ProcessStat[]>()
  for (const stat of all) {
    const group = groups.get(key(stat))
    if (group === undefined) groups.set(key(stat), [stat])
    else group.push(stat)
  }
  return groups
}

/**
 * How long one reading of the table serves all who ask, in ms. When a hundred services hang at once, they hang within the same few
 * milliseconds, and each kill is checked against the start time again anyway.
 */
const shareMs = 5

/** Hands out one reading to all that ask within a few milliseconds. */
export function createSharedTable(now: () => number): (newerThan: number) => ProcessTable {
  let table: ProcessTable | undefined
  let readAt = Number.NEGATIVE_INFINITY
  let share = shareMs
  return (newerThan) => {
    const started = now()
    if (table === undefined || started - readAt > share || readAt < newerThan) {
      table = readProcessTable()
      // From its start: a process forked while the table was read may be missing.
      readAt = started
      // On a machine with very many processes the reading must not become all that hangdog does.
      share = Math.max(shareMs, 2 * (now() - started))
    }
    return table
  }
}

/** A service's process as the root of all it started, in a session of its own. */
export interface TreeRoot {
  readonly identity: ProcessIdentity
  /** Further processes known to belong to it: of its control group, or found by its marker. */
  readonly known: readonly ProcessIdentity[]
  /** Processes that were the service's before it handed over, and whose groups and sessions are still its own. */
  readonly former?: readonly ProcessIdentity[]
  /** Start of the run: nothing of it is older. Default: that of `identity`. */
  readonly since?: string
}

/**
 * The service's process, its group and session, what is known otherwise, and all descendants of these. Zombies without other threads
 * are left out, but not what descends from them.
 */
export function findTree(table: ProcessTable, root: TreeRoot): readonly ProcessStat[] {
  const { pid, startTime } = root.identity
  const leader = table.byPid.get(pid)
  const since = root.since ?? startTime
  const found = new Map<number, ProcessStat>()
  const queue: ProcessStat[] = []
  const add = (stat: ProcessStat) => {
    if (found.has(stat.pid) || isOlder(stat, since)) return
    found.set(stat.pid, stat)
    queue.push(stat)
  }
  // While any process is in the group or session, the kernel gives its number to nobody else. So when the number belongs to
  // another process now, group and session do too; when it belongs to nobody, they are still those of the service.
  if (leader === undefined || leader.startTime === startTime) {
    if (leader !== undefined) add(leader)
    for (const stat of table.byGroup.get(pid) ?? []) add(stat)
    for (const stat of table.bySession.get(pid) ?? []) add(stat)
  }
  const former = root.former ?? []
  for (const one of former) {
    for (const stat of [...(table.byGroup.get(one.pid) ?? []), ...(table.bySession.get(one.pid) ?? [])]) add(stat)
  }
  for (const identity of [...root.known, ...former]) {
    const stat = table.byPid.get(identity.pid)
    if (stat?.startTime === identity.startTime) add(stat)
  }
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const child of table.byParent.get(next.pid) ?? []) add(child)
  }
  return [...found.values()].filter((stat) => !hasEnded(stat))
}

/** Nothing of it runs any more; it waits to be reaped. A zombie leader with live threads has not ended. */
export function hasEnded(stat: ProcessStat): boolean {
  return (stat.stateLetter === 'Z' || stat.stateLetter === 'X') && stat.threads <= 1
}

/** Started before the service, so it cannot be of the service, whatever its numbers say. */
export function isOlder(stat: ProcessStat, startTime: string): boolean {
  return Number(stat.startTime) < Number(startTime)
}

/** Parents that are followed upwards; no sane tree is deeper. */
const deepestTree = 64

/**
 * Identifies a process of a service: one of its session (each service has its own), or one that descends from it.
 * @param servicePids its own, and those before it that still stand for it
 */
export function identifyMember(servicePids: readonly number[], pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid)
  if (stat === undefined) return undefined
  const identity = { pid, startTime: stat.startTime }
  if (servicePids.includes(stat.session)) return identity
  let at: ProcessStat | undefined = stat
  for (let step = 0; step < deepestTree && at !== undefined && at.parent > 1; step++) {
    if (servicePids.includes(at.parent)) return identity
    at = readStat(at.parent)
  }
  return undefined
}
