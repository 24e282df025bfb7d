import { type Clock, formatDuration } from '../time.js'
import { lastBeat } from './last-beat.js'
import { isShadow } from './policy.js'
import type { Service } from './service.js'
import type { ServiceStatus } from './status.js'
import { describeHang } from './verdict.js'

/** The picture of one service at this moment. */
export function serviceStatus(service: Service, clock: Clock): ServiceStatus {
  const { spec, policy, channels, lifecycle } = service
  const { deferredLimit } = service.policies
  const remaining = channels.remaining()
  channels.collect()
  return {
    service: spec.name,
    state: service.state.kind,
    detail: describeState(service),
    pid: service.process?.identity.pid ?? null,
    command: [spec.command, ...spec.args].join(' '),
    heartbeat: spec.heartbeat,
    action: policy.action,
    shadow: isShadow(policy, service.parts.platform),
    limitMs: policy.heartbeatTimeout,
    ...(deferredLimit !== undefined && { deferredLimitMs: deferredLimit }),
    remainingMs: remaining === undefined ? null : Math.round(remaining),
    startedAt: service.process?.startedAt.toISOString() ?? null,
    lastBeatAt: lastBeatAt(service, clock),
    beats: channels.beats() + beatsBeside(service),
    restarts: lifecycle.restarts.total,
    restartMode: policy.restart.mode,
    holds: service.silence.holds.count,
    holdsByReason: service.silence.holds.byReason,
    hangs: service.hangs.count,
    warnings: service.misses.warnings,
    nearMisses: service.misses.count,
    actions: service.hangs.actions,
    statusText: service.signs.statusText,
    channels: channels
      .status(policy.heartbeatTimeout)
      .map((status) => ({ ...status, beats: status.beats + beatsBeside(service, status.channel) })),
    counters: Object.assign({}, ...lifecycle.companions.map((companion) => companion.counters())),
  }
}

/** What the sources did not trouble us with. */
function beatsBeside({ lifecycle }: Service, channel?: string): number {
  return lifecycle.companions.reduce((sum, companion) => sum + (companion.beatsBeside?.(channel) ?? 0), 0)
}

function lastBeatAt({ state, channels, silence, signs }: Service, clock: Clock): string | null {
  const known = { main: channels.main, silence, noticed: signs.lastNoticedBeat }
  return lastBeat(state, known, clock)?.toISOString() ?? null
}

const reasons = {
  disabled: 'HangRecoveryAction is 0',
  maintenance: 'it is in maintenance (hangdog maintenance status)',
  'no-contact': 'no heartbeat since its start',
} as const

/** One sentence about the state of a service. */
export function describeState({ state, silence, lifecycle, hangs, policies }: Service): string {
  switch (state.kind) {
    case 'stopped':
    case 'failed':
      return state.reason
    case 'starting':
      return 'waiting for its first sign of life'
    case 'armed':
      return policies.deferredLimit === undefined
        ? 'alive'
        : `alive; held to ${formatDuration(policies.inForce.heartbeatTimeout)}, not yet to ${formatDuration(policies.deferredLimit)}`
    case 'unwatched':
      return `not watched: ${reasons[state.why]}`
    case 'expired':
      return `silent on ${state.channel}; being judged`
    case 'held':
      return `silent, held: ${state.reason}, at most ${Math.round(silence.holdLimit(state.reason) / 1000)} s`
    case 'reported':
      return `hung: ${describeHang(state.hang)}; only reported`
    case 'recovering':
      return `hung: ${describeHang(state.hang)}; being recovered${hangs.incidentId === undefined ? '' : ` (incident ${hangs.incidentId})`}`
    case 'stuck':
      return 'could not be terminated; nothing is started beside it'
    case 'stopping':
      return 'being stopped'
    case 'ending':
      return 'ended; what it left behind is being ended'
    case 'waiting':
      return `ended; restart ${lifecycle.restarts.total} is due`
    default:
      return state satisfies never
  }
}
