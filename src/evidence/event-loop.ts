import type { Collector } from './exhibit.js'

/** What a service said of its event loop while it was well; one report every five seconds. */
export interface LoopReading {
  readonly agoMs: number
  readonly lagMs: number
  readonly heapUsedBytes?: number
  readonly heapLimitBytes?: number
}

/**
 * The history of a service's event loop, as its preload told it before it fell silent. It needs nothing of the service, so it is there
 * also when the main thread is in native code.
 * @param findReports answers nothing for a service without the preload
 */
export function createEventLoopCollector(
  findReports: (service: string) => readonly LoopReading[] | undefined,
): Collector {
  return {
    name: 'event-loop',
    collect: async ({ service }) => {
      const reports = findReports(service)
      if (reports === undefined || reports.length === 0) return { kind: 'not-applicable' }
      const content = { longestLagMs: Math.max(...reports.map(({ lagMs }) => lagMs)), reports }
      return { kind: 'found', content }
    },
  }
}
