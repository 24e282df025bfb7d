import { type Clock, elapsed, type Milliseconds, milliseconds, shorter } from '../time.js'
import type { EvidenceCollector, EvidenceRequest, Exhibit } from '../watch/evidence.js'
import { isHaltedByDebugger } from './debugger-halt.js'
import { createEventLoopCollector, type LoopReading } from './event-loop.js'
import { type Collector, takeExhibit } from './exhibit.js'
import type { Signaller } from './inspector-port.js'
import { listenQueueCollector } from './listen-queue.js'
import { lockCycleCollector } from './lock-cycle.js'
import { createNativeStackCollector } from './native-stack.js'
import { outputCollector } from './output.js'
import { createProcessCollector } from './process.js'
import { createRuntimeCollectors, type RuntimeCollectors } from './runtime-collectors.js'
import { strainCollector } from './strain.js'
import { pressureCollector, vitalsCollector } from './vitals.js'
import { createWaitCollector } from './wait-collector.js'

export interface EvidenceOptions {
  readonly clock: Clock
  /** Sends SIGUSR1 to open a Node service's inspector; checks the identity of the process. */
  readonly platform: Signaller
  /**
   * Take the JavaScript stack of Node services. Turn it off for a program with a SIGUSR1 listener of its own, which the signal
   * would run. Default true.
   */
  readonly javaScriptStack?: boolean
  /** Take stacks with gdb or eu-stack, which stop the service for about a second. Default true. */
  readonly nativeStack?: boolean
  /** What a service's preload said of its event loop; for the exhibit `event-loop`. */
  readonly loopReports?: (service: string) => readonly LoopReading[] | undefined
  /** Further collectors, run beside the others in `capture`. */
  readonly more?: readonly Collector[]
}

/** The longest one collector of /proc readings, and the light capture, may take. */
const readingLimit = milliseconds(1000)

const vitalsLimit = milliseconds(1500)

/** Share of the budget in which exhibits are taken; the rest is for handing them over on a busy machine. */
const collectingShare = 0.9

/** What the native stack is given at least. */
const nativeFloor = milliseconds(50)

/** Beside a stack of the runtime's own, it is not worth a try that is likely to be cut off. */
const nativeBesides = milliseconds(800)

/** How long stacks wait for the readings of /proc, which a paused main thread would falsify. */
const readingsFirst = milliseconds(500)

/**
 * Joins the collectors. All run side by side, each cut off at a limit of its own within the budget; what is not there by then is
 * a missing exhibit that says why. Stacks come in order: /proc, then the runtime's own, and a native debugger only when that gave
 * nothing, or not all, because the two would block each other.
 */
export function createEvidenceCollector(options: EvidenceOptions): EvidenceCollector {
  const { clock } = options
  const process = createProcessCollector('full')
  const lightProcess = createProcessCollector('light')
  const selectCollectors = createRuntimeCollectors(options)
  const takeStacks = createStackTaking(options)
  const side = [pressureCollector, outputCollector, ...eventLoop(options), ...(options.more ?? [])]
  return {
    isHalted: isHaltedByDebugger,
    captureLight: async (request) => {
      const limit = shorter(request.budget, readingLimit)
      return present(
        await Promise.all([lightProcess, pressureCollector].map((each) => takeExhibit(clock, each, request, limit))),
      )
    },
    capture: async (whole) => {
      // What is cut off at the very end of the budget would be late itself, and everything else with it.
      const request = { ...whole, budget: milliseconds(whole.budget * collectingShare) }
      // First of all: how everything else goes on depends on it, and readings of /proc wait for each other.
      const runtime = selectCollectors(request.subject.pid)
      const reading = takeExhibit(clock, process, request, shorter(request.budget, readingLimit))
      const locks = takeExhibit(clock, lockCycleCollector, request, shorter(request.budget, readingLimit))
      const vitals = takeExhibit(clock, vitalsCollector, request, shorter(request.budget, vitalsLimit))
      const followed = [createWaitCollector(reading), strainCollector, listenQueueCollector]
      const others = [...side, ...followed].map((each) => takeExhibit(clock, each, request, request.budget))
      const exhibits = await Promise.all([
        reading,
        takeStacks(request, runtime, Promise.all([reading, locks])),
        locks,
        ...others,
        vitals,
      ])
      return present(exhibits.flat())
    },
  }
}

function eventLoop({ loopReports }: EvidenceOptions): readonly Collector[] {
  return loopReports === undefined ? [] : [createEventLoopCollector(loopReports)]
}

type StackTaking = (
  request: EvidenceRequest,
  runtime: Promise<RuntimeCollectors>,
  reading: Promise<unknown>,
) => Promise<readonly (Exhibit | undefined)[]>

function createStackTaking({ clock, platform, nativeStack }: EvidenceOptions): StackTaking {
  const native = nativeStack === false ? undefined : createNativeStackCollector(platform)
  return async (request, runtime, reading) => {
    const start = clock.now()
    const own = await runtime
    await firstOf(clock, reading, shorter(readingsFirst, milliseconds(request.budget / 4)))
    const limit = shorter(own.limit, milliseconds(request.budget * own.share))
    const taken = await Promise.all(own.collectors.map((each) => takeExhibit(clock, each, request, limit)))
    const [stack] = taken
    if (native === undefined || (stack?.kind === 'captured' && !own.nativeToo)) return taken
    const left = request.budget - elapsed(start, clock.now())
    if (left < (stack?.kind === 'captured' ? nativeBesides : nativeFloor)) return taken
    return [...taken, await takeExhibit(clock, native, request, milliseconds(left))]
  }
}

function firstOf(clock: Clock, promise: Promise<unknown>, limit: Milliseconds): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.schedule(limit, resolve)
    promise.then(() => {
      timer.cancel()
      resolve()
    }, resolve)
  })
}

function present(exhibits: readonly (Exhibit | undefined)[]): readonly Exhibit[] {
  return exhibits.filter((exhibit) => exhibit !== undefined)
}
