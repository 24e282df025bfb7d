import { unreachable } from '../errors.js'
import type { Finding } from './exhibit.js'
import type { RawFrame } from './inspected-thread.js'
import type { ThreadVisit, Visit } from './inspector-visit.js'
import { type FrameOrigin, type JavaScriptFrame, mapFrames } from './javascript-frame.js'
import type { Sampling } from './stack-samples.js'

/** What is kept of a stack: the innermost calls, and those around the innermost one that stayed. */
const frameLimit = 50
const innermostKept = 10

/** One thread in the exhibit. */
export interface ShownThread {
  /** Innermost first. */
  readonly frames: readonly JavaScriptFrame[]
  /** Calls of the stack that are not shown. */
  readonly omitted: number
  readonly samples: {
    readonly count: number
    readonly spanMs: number
    /** Place in `frames` of the innermost call that was there at every look. */
    readonly steady: number
    readonly samePlace: boolean
    /** By the next look it ran no JavaScript. */
    readonly ended: boolean
  }
  /** The built-in function it was inside of at every look. */
  readonly builtIn?: string
}

export const blockedInNativeCode =
  'the main thread does not answer its inspector: it is blocked in native code; its workers are reached through it alone'

const late = 'the main thread answers its inspector, but did not pause in time'

/** Makes the exhibit `javascript-stack`: `loop` says whether the main thread runs JavaScript or idles in its event loop. */
export async function describeVisit(pid: number, visit: Visit, limitMs: number): Promise<Finding> {
  const { main, workers, runtime, moreWorkers } = visit
  if (main.sampling.kind === 'silent') return { kind: 'missing', reason: blockedInNativeCode }
  if (main.sampling.kind === 'late') return { kind: 'missing', reason: late }
  const threads = [main, ...workers].map(selectFrames)
  const origins = threads.flatMap(({ frames, thread }) => frames.map((frame): FrameOrigin => ({ frame, thread })))
  const { read, notMapped } = await mapFrames(pid, origins, limitMs)
  const shown = threads.map((each) => show(each, each.frames.map(read)))
  const content = {
    loop: main.sampling.kind === 'idle' ? 'idle' : 'in JavaScript',
    pausedBefore: main.thread.pausedBefore,
    ...(shown[0] ?? { frames: [] }),
    workers: workers.map(({ title, url, sampling }, index) => ({
      title,
      url,
      ...(shown[index + 1] ?? { frames: [] }),
      ...(sampling.kind === 'sampled' ? {} : { notCaptured: explainWorker(sampling.kind) }),
    })),
    ...(moreWorkers === 0 ? {} : { moreWorkers }),
    ...(runtime === undefined ? {} : { runtime }),
    ...(notMapped.length === 0 ? {} : { notMapped }),
  }
  return { kind: 'found', content }
}

type Untaken = Exclude<Sampling['kind'], 'sampled'>

function explainWorker(kind: Untaken): string {
  switch (kind) {
    case 'idle':
      return 'it runs no JavaScript: its event loop is idle'
    case 'late':
      return 'it takes commands, but did not pause in time'
    case 'silent':
      return 'it does not answer: it is blocked in native code, or has ended'
    default:
      return unreachable(kind)
  }
}

interface Selected extends ThreadVisit {
  readonly frames: readonly RawFrame[]
  readonly steady: number
}

/** Of ten thousand calls, those that tell: around the innermost, and around the innermost that was always there. */
function selectFrames(visit: ThreadVisit): Selected {
  if (visit.sampling.kind !== 'sampled') return { ...visit, frames: [], steady: 0 }
  const { last, steady } = visit.sampling.samples
  if (steady < frameLimit - innermostKept) return { ...visit, frames: last.slice(0, frameLimit), steady }
  const around = last.slice(steady, steady + frameLimit - innermostKept)
  return { ...visit, frames: [...last.slice(0, innermostKept), ...around], steady: innermostKept }
}

function show({ sampling, builtIn, steady }: Selected, frames: readonly JavaScriptFrame[]): ShownThread | undefined {
  if (sampling.kind !== 'sampled') return undefined
  const { count, spanMs, samePlace, ended, last } = sampling.samples
  return {
    frames,
    omitted: last.length - frames.length,
    samples: { count, spanMs, steady, samePlace, ended },
    ...(builtIn === undefined ? {} : { builtIn }),
  }
}
