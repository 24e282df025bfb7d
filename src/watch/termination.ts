import type { ProcessIdentity, ServiceProcess } from '../platform/platform.js'
import { elapsed, later, type Milliseconds, milliseconds, shorter, zero } from '../time.js'
import { pause, withinLimit } from './bounded.js'
import type { Surroundings } from './surroundings.js'

export interface TerminationOrder {
  readonly service: string
  readonly incident?: string
  readonly process: ServiceProcess
  readonly signal: NodeJS.Signals
  /** Between the signal and SIGKILL; 0 sends SIGKILL at once. */
  readonly grace: Milliseconds
  /** Between SIGKILL and giving up. */
  readonly killLimit: Milliseconds
}

export type TerminationResult =
  | { readonly kind: 'gone' }
  | { readonly kind: 'not-gone'; readonly survivors: readonly ProcessIdentity[] }

export interface TerminationParts extends Pick<Surroundings, 'clock' | 'emit'> {
  readonly platform: Surroundings['enders']
}

/** Signal, grace, SIGKILL to the service and all its descendants, and proof that they are gone. Each step has its limit. */
export async function terminate(order: TerminationOrder, parts: TerminationParts): Promise<TerminationResult> {
  if (order.grace > zero) await requestEnd(order, parts)
  return await forceEnd(order, parts)
}

async function requestEnd(order: TerminationOrder, { clock, platform, emit }: TerminationParts): Promise<void> {
  const { process, signal, grace, service } = order
  const sent = platform.terminate(process, signal)
  if (sent.kind !== 'sent') return
  emit({
    name: 'terminate-requested',
    ...about(order, service),
    parameters: { signal, pid: process.identity.pid, limit: `${grace} ms` },
  })
  await withinLimit(process.exited, grace, clock)
}

/** Ends by force whatever is left, again and again until nothing is or the limit has passed: a fork may slip past one sweep. */
export async function forceEnd(order: TerminationOrder, parts: TerminationParts): Promise<TerminationResult> {
  const { clock, platform } = parts
  const end = later(clock.now(), order.killLimit)
  let wait = milliseconds(1)
  let exited: Promise<unknown> | undefined = order.process.exited
  for (let round = 0; ; round++) {
    if (platform.kill(order.process).kind === 'sent' && round === 0) reportKill(order, parts)
    // The exit of the service itself is worth waking up for once; after that only its descendants are waited for.
    await Promise.race(exited === undefined ? [pause(wait, clock)] : [exited, pause(wait, clock)])
    exited = round === 0 ? exited : undefined
    const left = await withinLimit(platform.survivors(order.process), order.killLimit, clock)
    if (left.kind === 'done' && left.value.length === 0) return { kind: 'gone' }
    if (clock.now() >= end) {
      return { kind: 'not-gone', survivors: left.kind === 'done' ? left.value : [order.process.identity] }
    }
    wait = shorter(milliseconds(wait * 2), shorter(milliseconds(100), elapsed(clock.now(), end)))
  }
}

function reportKill(order: TerminationOrder, { emit }: TerminationParts): void {
  emit({ name: 'kill-requested', ...about(order, order.service), parameters: { pid: order.process.identity.pid } })
}

function about(order: TerminationOrder, service: string): { service: string; incident?: string } {
  return order.incident === undefined ? { service } : { service, incident: order.incident }
}
