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
  /** It takes commands, and did not come to pause in time. */
  | { readonly kind: 'late' }
  /** It does not answer. */
  | { readonly kind: 'silent' }

/** How long a thread runs between two looks. Long enough to be elsewhere by then if it turns in circles. */
const runMs = 15

/** How long after its answer a thread that runs no JavaScript just now may take to run some. */
const idleMs = 50

/**
 * Looks at the stack of a thread several times. Leaves it paused when it was found running, so that more can be asked about its last
 * stack; the caller lets it go. The `Debugger.pause` of the first look is sent by the caller.
 */
export async function sampleStack(thread: InspectedThread, looks: number, limitMs: number): Promise<Sampling> {
  const end = performance.now() + limitMs
  const first = await awaitStack(thread, thread.asked, limitMs)
  if (first === 'idle') return { kind: 'idle' }
  if (first === undefined) return { kind: thread.enabled ? 'late' : 'silent' }
  const stacks = [first]
  const start = performance.now()
  let last = start
  let ended = false
  while (stacks.length < looks && !thread.pausedBefore) {
    thread.resume()
    await delay(runMs)
    const next = await awaitStack(thread, thread.call('Debugger.pause'), end - performance.now())
    ended = next === 'idle'
    if (next === undefined || next === 'idle') break
    last = performance.now()
    stacks.push(next)
  }
  return { kind: 'sampled', samples: { ...compareStacks(stacks), spanMs: Math.round(last - start), ended } }
}

/** The stack of the next pause, or that there is none to come; undefined when it was not there in time. @param asked for that pause */
async function awaitStack(
  thread: InspectedThread,
  asked: Promise<unknown>,
  limitMs: number,
): Promise<readonly RawFrame[] | 'idle' | undefined> {
  const idle = asked.then(() => awaitIdle(thread))
  // When the pause comes first, nobody hears how this ends.
  quietly(idle)
  return within(Promise.race([thread.paused, idle]), limitMs)
}

/**
 * A thread that runs JavaScript pauses before it does anything else, and says so; a stack of ten thousand calls takes a while to arrive.
 * What it answers after the pause comes after that, so a thread that has answered without one is idle.
 */
async function awaitIdle(thread: InspectedThread): Promise<'idle'> {
  await delay(idleMs)
  await thread.call('Runtime.getIsolateId')
  return 'idle'
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
