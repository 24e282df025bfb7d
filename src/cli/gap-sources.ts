import { GapStore } from '../advice/gap-store.js'
import { callControl } from '../control/client.js'
import { type LiveInstance, liveInstances } from '../control/instances.js'
import { describeError, HangdogError } from '../errors.js'
import { findStateDirectory } from '../state-directory.js'
import type { BeatGapsRecord } from '../watch/gap-book.js'
import type { Output } from './output.js'

/** What was recorded of one service, and who has it. */
export interface GapSource {
  readonly service: string
  /** The hangdog that watches it now; undefined when none does and the records are from the disk. */
  readonly instance: string | undefined
  readonly records: readonly BeatGapsRecord[]
}

/**
 * What is recorded of one service or of all: by the hangdogs that run, else on disk. What cannot be read is said on stderr.
 * @throws HangdogError `usage` when there is no such service, naming those that there are; `unavailable` when nothing is recorded
 */
export async function findGaps(
  path: string | undefined,
  service: string | undefined,
  output: Output,
): Promise<readonly GapSource[]> {
  const directory = findStateDirectory(path)
  const { live, silent } = await liveInstances(directory)
  for (const { name, reason } of silent) output.note(`instance "${name}" does not answer: ${reason}`)
  const watched = (await Promise.all(live.map((instance) => askGaps(instance, output)))).flat()
  const stored = await readGaps(new GapStore(directory.gaps), new Set(watched.map(({ service }) => service)), output)
  const sources = selectSource([...watched, ...stored], service, directory.root)
  if (sources.some(({ records }) => records.some(({ total, hangs }) => total + hangs.total > 0))) return sources
  const who = service === undefined ? 'any service' : `service "${service}"`
  throw new HangdogError(
    'unavailable',
    `cannot advise on ${who}: no gap between two beats was recorded yet; it takes a service that beats under "hangdog run" or "hangdog supervise"`,
  )
}

function selectSource(sources: readonly GapSource[], service: string | undefined, root: string): readonly GapSource[] {
  if (sources.length === 0) {
    throw new HangdogError(
      'unavailable',
      `cannot advise: no hangdog runs with the state directory "${root}", and no gaps between beats are kept there; start one with "hangdog run -- COMMAND" or "hangdog supervise"`,
    )
  }
  if (service === undefined) return sources
  const found = sources.filter((source) => source.service === service)
  if (found.length > 0) return found
  const known = [...new Set(sources.map((source) => source.service))].join(', ')
  throw new HangdogError('usage', `cannot find service "${service}": expected one of ${known}`)
}

/** What a hangdog that runs has recorded. One that stops meanwhile has nothing. */
export async function askGaps({ name, path }: LiveInstance, output: Output): Promise<readonly GapSource[]> {
  try {
    const byService = new Map<string, BeatGapsRecord[]>()
    for (const record of await callControl(path, 'gaps', {})) {
      byService.set(record.service, [...(byService.get(record.service) ?? []), record])
    }
    return [...byService].map(([service, records]) => ({ service, instance: name, records }))
  } catch (error) {
    // It stopped meanwhile, or is of a version that keeps no gaps.
    output.note(`instance "${name}" tells no gaps: ${describeError(error)}`)
    return []
  }
}

/** Those that no hangdog watches now. */
async function readGaps(store: GapStore, watched: ReadonlySet<string>, output: Output): Promise<readonly GapSource[]> {
  const found: GapSource[] = []
  for (const service of await store.services()) {
    if (watched.has(service)) continue
    const stored = await store.read(service)
    if (stored.kind === 'kept') found.push({ service, instance: undefined, records: stored.records })
    if (stored.kind === 'damaged') output.note(`"${stored.file}" cannot be used: ${stored.reason}`)
  }
  return found
}
