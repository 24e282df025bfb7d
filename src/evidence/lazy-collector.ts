import { describeError } from '../errors.js'
import {
  beginningExhibit,
  causeExhibit,
  type EvidenceCollector,
  type EvidenceRequest,
  type Exhibit,
} from '../watch/evidence.js'
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
  let running = 0
  return {
    captureLight: async (request) => withBeginning(await (await load()).captureLight(request)),
    captureCore: async (request) => (await import('./core-dump.js')).dumpCore(request),
    capture: async (request) => {
      if (running >= mostFullCaptures) return withCause(request, await captureBeside(request, load))
      running++
      try {
        return await withCause(request, await captureAll(request, load))
      } finally {
        running--
      }
    },
    isHalted: async (subject) => (await load()).isHalted?.(subject) ?? false,
  }
}

/** When many services hang at once, debuggers and `ps` for each of them would starve hangdog itself of what it needs to act. */
const mostFullCaptures = 2

/** The readings of /proc alone, which cost little. */
async function captureBeside(
  request: EvidenceRequest,
  load: () => Promise<EvidenceCollector>,
): Promise<readonly Exhibit[]> {
  const reason = `${mostFullCaptures} other services hang at the same time; only /proc was read`
  const light = await captureAll(request, async () => {
    const { captureLight } = await load()
    return { captureLight, capture: captureLight }
  })
  return [...light, { kind: 'missing', name: 'stacks and vitals', tookMs: 0, reason }]
}

/** The code may be gone from the disk by the time it is needed, after an upgrade for example. */
async function captureAll(
  request: EvidenceRequest,
  load: () => Promise<EvidenceCollector>,
): Promise<readonly Exhibit[]> {
  try {
    return await (await load()).capture(request)
  } catch (error) {
    const reason = `cannot load the collectors: ${describeError(error)}`
    return [{ kind: 'missing', name: 'process', tookMs: 0, reason }]
  }
}

async function withBeginning(exhibits: readonly Exhibit[]): Promise<readonly Exhibit[]> {
  const { describeBeginning } = await import('./beginning.js')
  const content = describeBeginning(exhibits)
  return content === undefined
    ? exhibits
    : [{ kind: 'captured', name: beginningExhibit, tookMs: 0, content }, ...exhibits]
}

async function withCause(request: EvidenceRequest, exhibits: readonly Exhibit[]): Promise<readonly Exhibit[]> {
  if (request.hang === undefined) return exhibits
  const { describeCause } = await import('./cause.js')
  return [
    { kind: 'captured', name: causeExhibit, tookMs: 0, content: describeCause(request.hang, exhibits, request.silent) },
    ...exhibits,
  ]
}
