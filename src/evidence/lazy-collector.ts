import { causeExhibit, type EvidenceCollector, type EvidenceRequest, type Exhibit } from '../watch/evidence.js'
import type { EvidenceOptions } from './collector.js'

/**
 * The collectors, loaded when silence first lasts long enough to be warned of, and not before: a supervisor whose services are well
 * needs neither their code nor their memory. Adds the cause to what they captured.
 */
export function createLazyCollector(options: EvidenceOptions): EvidenceCollector {
  let loading: Promise<EvidenceCollector> | undefined
  const load = (): Promise<EvidenceCollector> => {
    loading ??= import('./collector.js').then(({ createEvidenceCollector }) => createEvidenceCollector(options))
    return loading
  }
  return {
    captureLight: async (request) => (await load()).captureLight(request),
    capture: async (request) => withCause(request, await (await load()).capture(request)),
  }
}

async function withCause(request: EvidenceRequest, exhibits: readonly Exhibit[]): Promise<readonly Exhibit[]> {
  if (request.hang === undefined) return exhibits
  const { describeCause } = await import('./cause.js')
  return [
    { kind: 'captured', name: causeExhibit, tookMs: 0, content: describeCause(request.hang, exhibits) },
    ...exhibits,
  ]
}
