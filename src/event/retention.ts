import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isCoreFile } from '../core-file.js'
import { describeError } from '../errors.js'
import type { StateDirectory } from '../state-directory.js'
import { type Clock, type Milliseconds, type Scheduled, seconds } from '../time.js'
import type { Emit } from './event.js'
import { listHistoryFiles } from './rotation.js'

export interface RetentionLimits {
  /** What is older is removed. Default 30 days. */
  readonly maxAge: Milliseconds
  /** All that may be removed together; beyond it the oldest goes first. Default 500 MB. */
  readonly maxBytes: number
}

export const defaultRetention: RetentionLimits = { maxAge: seconds(30 * 24 * 3600), maxBytes: 500_000_000 }

export interface Pruned {
  readonly events: number
  readonly incidents: number
}

/**
 * Removes old history files and closed incidents. Files that are written to and incidents that are not closed stay, unless nothing
 * was written there for the whole age: they then belong to a hangdog that is no more. What cannot be removed is left.
 */
export async function prune(
  directories: Pick<StateDirectory, 'events' | 'incidents'>,
  limits: RetentionLimits,
  now: Date,
): Promise<Pruned> {
  const items = [...(await listEvents(directories.events)), ...(await listIncidents(directories.incidents))]
  items.sort((a, b) => b.writtenAt - a.writtenAt)
  const pruned = { events: 0, incidents: 0 }
  let kept = 0
  for (const item of items) {
    const old = now.getTime() - item.writtenAt > limits.maxAge
    const surplus = item.removable && kept + item.bytes > limits.maxBytes
    if ((old || surplus) && (await remove(item.path))) pruned[item.kind] += 1
    else kept += item.removable ? item.bytes : 0
  }
  return pruned
}

export interface RetentionOptions {
  readonly directories: Pick<StateDirectory, 'events' | 'incidents'>
  readonly clock: Clock
  readonly emit: Emit
  readonly limits?: RetentionLimits
}

/** Each night at a quiet minute, in local time. */
const schedule = '17 3 * * *'

/** The first round comes soon after the start, for machines that are off at night, but not among the work of starting. */
const firstRound = seconds(60)

/**
 * Prunes a minute after the start and then every night. node-cron is loaded with the first round, not at start; it sets one timer
 * for the next round (of a day at most) and does not wake the process in between.
 */
export function startRetention(options: RetentionOptions): { close(): void } {
  let closed = false
  let task: { destroy(): void | Promise<void> } | undefined
  const first: Scheduled = options.clock.schedule(firstRound, async () => {
    await round(options)
    const { schedule: plan } = await import('node-cron')
    if (!closed)
      task = plan(schedule, () => round(options), { unref: true, noOverlap: true, suppressMissedWarning: true })
  })
  return {
    close: () => {
      closed = true
      first.cancel()
      void task?.destroy()
    },
  }
}

async function round({ directories, clock, emit, limits }: RetentionOptions): Promise<void> {
  try {
    const { events, incidents } = await prune(directories, limits ?? defaultRetention, clock.wallNow())
    if (events + incidents > 0) emit({ name: 'history-pruned', parameters: { events, incidents } })
  } catch (error) {
    const parameters = { sink: 'the history (removing old files)', error: describeError(error), count: 0 }
    emit({ name: 'sink-failed', parameters })
  }
}

interface Item {
  readonly kind: keyof Pruned
  readonly path: string
  readonly writtenAt: number
  readonly bytes: number
  /** For the sake of room; for its age alone everything is. */
  readonly removable: boolean
}

async function listEvents(directory: string): Promise<readonly Item[]> {
  const files = await listHistoryFiles(directory)
  return files.map(({ path, rotated, bytes, writtenAt }) => ({
    kind: 'events',
    path,
    writtenAt,
    bytes,
    removable: rotated,
  }))
}

async function listIncidents(directory: string): Promise<readonly Item[]> {
  const names = await readdir(directory).catch(() => [])
  const items: Item[] = []
  for (const name of names) {
    const path = join(directory, name)
    // What is not a directory is the draft of an incident that was never opened.
    const files: readonly string[] = await readdir(path, { recursive: true }).catch(() => [])
    // Cores have a limit of their own: one of them would have the history of months removed.
    const counted = files.filter((file) => !isCoreFile(file))
    const found = await Promise.all(
      [path, ...counted.map((file) => join(path, file))].map((at) => stat(at).catch(() => undefined)),
    )
    items.push({
      kind: 'incidents',
      path,
      writtenAt: Math.max(...found.map((file) => file?.mtimeMs ?? 0)),
      bytes: found.reduce((sum, file) => sum + (file?.isFile() ? file.size : 0), 0),
      removable: files.includes('closed.json'),
    })
  }
  return items
}

async function remove(path: string): Promise<boolean> {
  try {
    await rm(path, { recursive: true })
    return true
  } catch {
    return false
  }
}
