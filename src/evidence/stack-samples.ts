import { setTimeout as delay } from 'node:timers/promises'
import { type InspectedThread, quietly, type RawFrame } from './inspected-thread.js'
import { within } from './settleable.js'

/** What several looks at one thread's stack have shown. */
export interface StackSamples {
  /** The stack of the last look, innermost first. */
  readonly last: readonly RawFrame[]
  /** How many looks there were. */
  readonly count: number
  /** From the first look to the last, in ms. */
  readonly spanMs: number
  /** Place in `last` of the innermost call that was there at every look; the length of `last` when there is none. */
  readonly steady: number
  /** By the next look it ran no JavaScript: what it was in had come to its end. */
  readonly ended: boolean
  /** That call stood at the same place of its function at every look. */
  readonly samePlace: boolean
}

export type Sampling =
  | { readonly kind: 'sampled'; readonly samples: StackSamples }
  /** It takes commands and runs no JavaScript. */
  | { readonly kind: 'idle' }
  /** It does not answer. */
  | { readonly kind: 'silent' }

/** How long a thread runs between two looks. Long enough to be elsewhere by then if it turns in circles. */
const runMs = 15

/** How long after its answer a thread has to pause. One that runs JavaScript pauses at once, unless its stack is very long. */
const idleMs = 120

/** Answers whether the thread is on a CPU just now, when that can be seen. */
export type CpuLook = () => Promise<boolean>

/** As above, for the next look; it includes the time that the answer travels. */
const againMs = 250

/**
 * Looks at the stack of a thread several times. Leaves it paused when it was found running, so that more can be asked about its last
 * stack; the caller lets it go. The `Debugger.pause` of the first look is sent by the caller.
 */
export async function sampleStack(
  thread: InspectedThread,
  looks: number,
  limitMs: number,
  isOnCpu?: CpuLook,
): Promise<Sampling> {
  const end = performance.now() + limitMs
  const idle = thread.asked.then(() => awaitIdle(end, isOnCpu))
  const first = await within(Promise.race([thread.paused, idle]), limitMs)
  if (first === undefined) return { kind: thread.enabled ? 'idle' : 'silent' }
  const stacks = [first]
  const start = performance.now()
  let last = start
  let ended = false
  while (stacks.length < looks && !thread.pausedBefore) {
    thread.resume()
    await delay(runMs)
    quietly(thread.call('Debugger.pause'))
    const next = await within(thread.paused, Math.min(againMs, end - performance.now()))
    if (next === undefined) {
      ended = end > performance.now()
      break
    }
    last = performance.now()
    stacks.push(next)
  }
  return { kind: 'sampled', samples: { ...compareStacks(stacks), spanMs: Math.round(last - start), ended } }
}

/** A thread that is on a CPU still puts its stack together, or runs what it will be paused in. */
async function awaitIdle(end: number, isOnCpu: CpuLook | undefined): Promise<undefined> {
  do await delay(isOnCpu === undefined ? 2 * idleMs : idleMs)
  while (isOnCpu !== undefined && performance.now() < end && (await isOnCpu()))
}

/** Finds what is common to all stacks, from the outermost call on. */
export function compareStacks(stacks: readonly (readonly RawFrame[])[]): Omit<StackSamples, 'spanMs' | 'ended'> {
  const last = stacks.at(-1) ?? []
  const fromOutside = stacks.map((stack) => stack.toReversed())
  const [reference = []] = fromOutside
  const differs = reference.findIndex((frame, depth) => !fromOutside.every((stack) => isSameCall(stack[depth], frame)))
  const common = differs === -1 ? reference.length : differs
  const innermost = fromOutside.map((stack) => stack[common - 1])
  return {
    last,
    count: stacks.length,
    steady: last.length - common,
    samePlace: innermost.every((frame) => frame?.line === innermost[0]?.line && frame?.column === innermost[0]?.column),
  }
}

function isSameCall(a: RawFrame | undefined, b: RawFrame): boolean {
  return a?.scriptId === b.scriptId && a.function === b.function && a.begin === b.begin
}
