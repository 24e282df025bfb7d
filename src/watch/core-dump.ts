import { describeError } from '../errors.js'
import { formatDuration, zero } from '../time.js'
import { withinLimit } from './bounded.js'
import { coreExhibit, type Exhibit } from './evidence.js'
import type { IncidentRecord } from './incident.js'
import { coreDumpDelay } from './policy.js'
import type { HangCase } from './recovery.js'
import type { Surroundings } from './surroundings.js'

/** Writes a core of the hung process, when the policy says so, and delays the action by no more than the limit for that. */
export async function takeCore(
  hangCase: HangCase,
  record: IncidentRecord | undefined,
  parts: Surroundings,
): Promise<void> {
  const { policy, subject } = hangCase
  const limit = coreDumpDelay(policy)
  const { captureCore } = parts.evidence
  if (policy.coreDump === 'none' || limit === zero || record === undefined || captureCore === undefined) return
  const missing = (reason: string): Exhibit => ({ kind: 'missing', name: coreExhibit, tookMs: limit, reason })
  const { directory } = record
  const writing =
    directory === undefined
      ? Promise.resolve(missing('there is no place for it'))
      : captureCore.call(parts.evidence, {
          subject,
          what: policy.coreDump,
          directory,
          limit,
          largestMiB: policy.coreDumpLimit,
          sync: policy.action === 'bugcheck',
        })
  const written = await withinLimit(writing, limit, parts.clock)
  const exhibit =
    written.kind === 'done'
      ? written.value
      : missing(written.kind === 'late' ? `not done within ${formatDuration(limit)}` : describeError(written.error))
  await withinLimit(record.attach([exhibit]), policy.incidentTimeout, parts.clock)
}
