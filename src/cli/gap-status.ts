import type { LiveInstance } from '../control/instances.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import type { InstanceStatus } from './daemons.js'
import { askGaps } from './gap-sources.js'
import type { Output } from './output.js'

/** How far the beats of a channel were apart, against its limit. Field names are stable; spans in ms. */
export interface GapSummary {
  readonly channel: string
  /** Wall time, ISO 8601 in UTC: nothing was counted before. */
  readonly since: string
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly limitMs: number
  /** The longest gap as a share of the limit. */
  readonly maxPercent: number
  /** Silences that no beat ended. */
  readonly hangs: number
}

export interface WithGaps {
  readonly gaps: readonly GapSummary[]
}

/** Adds to each status what its hangdog has counted. */
export async function addGaps(
  all: readonly InstanceStatus[],
  live: readonly LiveInstance[],
  output: Output,
): Promise<readonly (InstanceStatus & WithGaps)[]> {
  const [recordsOf, { figuresOf }] = await Promise.all([findRecords(live, output), import('../advice/figures.js')])
  return all.map((status) => ({
    ...status,
    gaps: recordsOf(status).map((record): GapSummary => {
      const { channel, since, gaps, hangs } = figuresOf(record)
      const { count, p50Ms, p99Ms, maxMs } = gaps
      const maxPercent = Math.round((maxMs / record.limitMs) * 100)
      return { channel, since, count, p50Ms, p99Ms, maxMs, limitMs: record.limitMs, maxPercent, hangs: hangs.count }
    }),
  }))
}

/** @returns what gives the records of a service */
export async function findRecords(
  live: readonly LiveInstance[],
  output: Output,
): Promise<(status: InstanceStatus) => readonly BeatGapsRecord[]> {
  const asked = await Promise.all(live.map((instance) => askGaps(instance, output)))
  const records = new Map(asked.flat().map((source) => [`${source.instance} ${source.service}`, source.records]))
  return ({ instance, service }) => records.get(`${instance} ${service}`) ?? []
}
