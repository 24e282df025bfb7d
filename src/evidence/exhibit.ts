import { describeError } from '../errors.js'
import { type Clock, elapsed, type Milliseconds } from '../time.js'
import type { EvidenceRequest, Exhibit } from '../watch/evidence.js'

/** What a collector came back with. `not-applicable` leaves no exhibit: there was nothing of this kind to find. */
export type Finding =
  | { readonly kind: 'found'; readonly content: unknown }
  | { readonly kind: 'missing'; readonly reason: string }
  | { readonly kind: 'not-applicable' }

/**
 * Captures one kind of evidence. May take as long as it likes, fail, or never settle: it is cut off at its limit. Should stop its
 * work when `cutOff` is aborted. The limit it was given is a hint for what it does inside.
 */
export interface Collector {
  readonly name: string
  readonly collect: (request: EvidenceRequest, limit: Milliseconds, cutOff: AbortSignal) => Promise<Finding>
}

/** Runs a collector within a limit. Never rejects and never takes longer; a late result is ignored. */
export function takeExhibit(
  clock: Clock,
  collector: Collector,
  request: EvidenceRequest,
  limit: Milliseconds,
): Promise<Exhibit | undefined> {
  const { name } = collector
  const start = clock.now()
  const cutOff = new AbortController()
  return new Promise((resolve) => {
    const settle = (finding: Finding) => {
      timer.cancel()
      resolve(toExhibit(name, Math.round(elapsed(start, clock.now())), finding))
    }
    const timer = clock.schedule(limit, () => {
      cutOff.abort()
      settle({ kind: 'missing', reason: `not finished within ${Math.round(limit)} ms` })
    })
    startCollector(collector, request, limit, cutOff.signal).then(settle, (error: unknown) =>
      settle({ kind: 'missing', reason: describeError(error) }),
    )
  })
}

/** Being async, it turns what a collector throws at once into a rejection as well. */
async function startCollector(
  collector: Collector,
  request: EvidenceRequest,
  limit: Milliseconds,
  cutOff: AbortSignal,
): Promise<Finding> {
  return collector.collect(request, limit, cutOff)
}

function toExhibit(name: string, tookMs: number, finding: Finding): Exhibit | undefined {
  switch (finding.kind) {
    case 'found':
      return { kind: 'captured', name, tookMs, content: finding.content }
    case 'missing':
      return { kind: 'missing', name, tookMs, reason: finding.reason }
    case 'not-applicable':
      return undefined
  }
}
