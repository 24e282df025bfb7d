import { type GapCounts, upperEdge } from '../watch/beat-gaps.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import type { InstanceStatus } from './daemons.js'

/** A service and what was counted of its beats. */
export interface Measured {
  readonly status: InstanceStatus
  readonly gaps: readonly BeatGapsRecord[]
}

type Labels = Readonly<Record<string, string>>
interface Sample {
  /** What comes after the name of the family, such as `_bucket`. */
  readonly suffix?: string
  readonly labels: Labels
  readonly value: number
}

interface Family {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly read: (measured: Measured) => readonly Sample[]
}

/**
 * Everything that is counted in the text format of Prometheus (version 0.0.4), as its node exporter reads it from a file. Families and
 * labels are stable.
 */
export function formatMetrics(all: readonly Measured[]): string {
  return families.map((family) => formatFamily(family, all)).join('')
}

function formatFamily({ name, type, help, read }: Family, all: readonly Measured[]): string {
  const samples = all.flatMap((measured) => {
    const { instance, service } = measured.status
    return read(measured).map((sample) => ({ ...sample, labels: { instance, service, ...sample.labels } }))
  })
  if (samples.length === 0) return ''
  const lines = samples.map(
    ({ suffix = '', labels, value }) => `${name}${suffix}{${formatLabels(labels)}} ${show(value)}`,
  )
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines].map((line) => `${line}\n`).join('')
}

function formatLabels(labels: Labels): string {
  return Object.entries(labels)
    .map(
      ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    .join(',')
}

function show(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : String(value)
}

const one = (value: number, labels: Labels = {}): readonly Sample[] => [{ labels, value }]
const seconds = (ms: number): number => ms / 1000

/** In the order in which they are printed. */
const families: readonly Family[] = [
  {
    name: 'hangdog_service_info',
    type: 'gauge',
    help: 'What is done about hangs of the service, and how it beats.',
    read: ({ status: { action, heartbeat, shadow } }) => one(1, { action, heartbeat, shadow: String(shadow) }),
  },
  {
    name: 'hangdog_service_state',
    type: 'gauge',
    help: 'The state that the service is in.',
    read: ({ status: { state } }) => one(1, { state }),
  },
  {
    name: 'hangdog_heartbeats_total',
    type: 'counter',
    help: 'Heartbeats since this hangdog started.',
    read: ({ status }) => one(status.beats),
  },
  {
    name: 'hangdog_last_heartbeat_timestamp_seconds',
    type: 'gauge',
    help: 'Wall time of the last heartbeat on the main channel.',
    read: ({ status: { lastBeatAt } }) => (lastBeatAt === null ? [] : one(seconds(Date.parse(lastBeatAt)))),
  },
  {
    name: 'hangdog_heartbeat_limit_seconds',
    type: 'gauge',
    help: 'Longest silence that is allowed on a channel.',
    read: ({ gaps }) => gaps.flatMap(({ channel, limitMs }) => one(seconds(limitMs), { channel })),
  },
  {
    name: 'hangdog_heartbeat_gap_seconds',
    type: 'histogram',
    help: 'How far heartbeats were apart, also before this hangdog started.',
    read: ({ gaps }) => gaps.flatMap((record) => readHistogram(record.channel, record)),
  },
  {
    name: 'hangdog_heartbeat_gap_max_seconds',
    type: 'gauge',
    help: 'The longest gap that a heartbeat ended.',
    read: ({ gaps }) => gaps.flatMap(({ channel, maxMs }) => one(seconds(maxMs), { channel })),
  },
  {
    name: 'hangdog_silence_warnings_total',
    type: 'counter',
    help: 'Silences that passed the warning point.',
    read: ({ status }) => one(status.warnings),
  },
  {
    name: 'hangdog_near_misses_total',
    type: 'counter',
    help: 'Silences that passed the warning point and ended by themselves.',
    read: ({ status }) => one(status.nearMisses),
  },
  {
    name: 'hangdog_hangs_total',
    type: 'counter',
    help: 'Hangs since this hangdog started.',
    read: ({ status }) => one(status.hangs),
  },
  {
    name: 'hangdog_holds_total',
    type: 'counter',
    help: 'Silences that were held and not acted on, by reason.',
    read: ({ status: { holdsByReason } }) =>
      Object.entries(holdsByReason).flatMap(([reason, count]) => one(count, { reason })),
  },
  {
    name: 'hangdog_actions_total',
    type: 'counter',
    help: 'What was done about hangs, by the action in force.',
    read: ({ status: { actions } }) => Object.entries(actions).flatMap(([action, count]) => one(count, { action })),
  },
  {
    name: 'hangdog_restarts_total',
    type: 'counter',
    help: 'Starts that followed an end.',
    read: ({ status }) => one(status.restarts),
  },
]

/** Powers of two from 1/128 s to 1024 s: edges of the bins that gaps are counted in, so no gap is in the wrong bucket. */
const edges = Array.from({ length: 18 }, (_, power) => 2 ** power / 128)

function readHistogram(channel: string, { bins, sumMs, total }: GapCounts): readonly Sample[] {
  const buckets = edges.map((edge): Sample => {
    const within = bins.filter(([fromMs]) => upperEdge(fromMs) <= edge * 1000)
    const value = within.reduce((sum, [, count]) => sum + count, 0)
    return { suffix: '_bucket', labels: { channel, le: String(edge) }, value }
  })
  return [
    ...buckets,
    { suffix: '_bucket', labels: { channel, le: '+Inf' }, value: total },
    { suffix: '_sum', labels: { channel }, value: seconds(sumMs) },
    { suffix: '_count', labels: { channel }, value: total },
  ]
}
