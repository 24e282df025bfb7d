import { rm } from 'node:fs/promises'
import { type Aftermath, joinAftermath } from './aftermath/aftermath.js'
import { describeEnd, judgeEnd } from './aftermath/machine-end.js'
import { findLeftMarks, type LeftMark, setRunMark } from './aftermath/run-mark.js'
import { gatherTraces, noTraces, type TracePlaces, type Traces } from './aftermath/traces.js'
import { describeError } from './errors.js'
import type { Emit } from './event/event.js'
import { findInterrupted, type Interrupted } from './incident/interrupted.js'
import { thisProcess } from './process-identity.js'
import type { StateDirectory } from './state-directory.js'
import type { Clock } from './time.js'

export interface AftermathOptions {
  readonly state: Pick<StateDirectory, 'incidents' | 'runs'>
  readonly instance: string
  readonly clock: Clock
  readonly emit: Emit
  readonly places: TracePlaces
}

/**
 * Marks that this hangdog runs, and tells what became of those that were cut off: of their incidents, and where none was open, of
 * themselves. Goes on in the background, because nothing waits for it; `close` does, and takes the mark away.
 */
export function openAftermath(options: AftermathOptions): { close(): Promise<void> } {
  const work = lookBack(options)
  return {
    close: async () => {
      const unmark = await work
      await unmark().catch(() => undefined)
    },
  }
}

/** Never rejects. @returns what removes the mark of this run */
async function lookBack(options: AftermathOptions): Promise<() => Promise<void>> {
  const { state, instance, clock, emit } = options
  const attempt = async <T>(work: Promise<T>, instead: T): Promise<T> => {
    try {
      return await work
    } catch (error) {
      emit({ name: 'aftermath-unwritten', parameters: { error: describeError(error) } })
      return instead
    }
  }
  const left = await attempt(findLeftMarks(state.runs), [])
  const unmark = await attempt(setRunMark(state.runs, instance, clock.wallNow()), async () => {})
  const gather = once(() => gatherTraces(options.places, clock))
  // A machine that went on has nothing to tell.
  const look = async (boot: string) => (boot === thisProcess().bootId ? noTraces : gather())
  const joined = await attempt(joinInterrupted(options, look), [])
  for (const mark of left) await attempt(reportMark(mark, joined, look, emit), undefined)
  return unmark
}

/** Joins each interrupted incident with the traces before it is closed: what is not joined is found again at the next start. */
async function joinInterrupted(
  { state, clock, emit }: AftermathOptions,
  look: (boot: string) => Promise<Traces>,
): Promise<readonly Interrupted[]> {
  const failed = (incident: string, error: string): void =>
    emit({ name: 'incident-unwritten', incident, parameters: { error } })
  const joined = new Map<string, Aftermath>()
  const join = async (incident: Interrupted): Promise<void> => {
    const at = { boot: thisProcess().bootId, now: clock.wallNow() }
    const traces = await look(incident.opened.writer.bootId)
    joined.set(incident.id, await joinAftermath(incident, traces, at))
  }
  const found = await findInterrupted(state.incidents, clock, failed, join)
  for (const { id } of found) {
    emit({ name: 'incident-interrupted', incident: id, parameters: { incident: id } })
    const aftermath = joined.get(id)
    if (aftermath === undefined) continue
    const { end, summary } = aftermath
    emit({ name: 'incident-joined', incident: id, parameters: { incident: id, end: end.kind, summary } })
  }
  return found
}

/** A run whose incident was open has been told of with it. */
async function reportMark(
  mark: LeftMark,
  joined: readonly Interrupted[],
  look: (boot: string) => Promise<Traces>,
  emit: Emit,
): Promise<void> {
  const { instance, writer } = mark
  const isTold = joined.some(({ opened }) => isSame(opened.writer, writer))
  if (!isTold) {
    const sameBoot = writer.bootId === thisProcess().bootId
    const end = judgeEnd({
      ...(await look(writer.bootId)),
      sameBoot,
      since: new Date(mark.startedAt),
      bugCheckAsked: false,
    })
    const parameters = { instance, pid: writer.pid, end: end.kind, summary: describeEnd(end) }
    emit({ name: 'run-cut-off', parameters })
  }
  // Told first, then removed: told twice is better than never.
  await rm(mark.path, { force: true })
}

function isSame(a: Interrupted['opened']['writer'], b: LeftMark['writer']): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId
}

/** What several ask for is done once, and only when one asks. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined
  return () => {
    result ??= work()
    return result
  }
}
