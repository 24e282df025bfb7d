import type { Exhibit } from '../watch/evidence.js'
import { isPreload } from './javascript-frame.js'
import { selectNativeFunction } from './native-function.js'
import { toList, toRecord } from './protocol-channel.js'

/** What the exhibits show of the main thread. */
export interface Scene {
  /** Innermost JavaScript of the program; Node's own only when there is no other, and then not for an idle loop. */
  readonly frame: string | undefined
  /** The built-in function that JavaScript was inside of, such as `Atomics.wait`. */
  readonly builtIn: string | undefined
  /** The event loop goes round: the main thread answered its inspector with nothing of the program on its stack. */
  readonly loopTurns: boolean
  /** Decoded system call of the main thread, without its number of descriptor. */
  readonly call: string | undefined
  /** It was seen in a system call and not on a CPU. */
  readonly asleep: boolean
  /** Native function of the main thread that tells most, such as the one JavaScript called. */
  readonly nativeFunction: string | undefined
  /** It waits for a child process inside one JavaScript call. */
  readonly inSpawnSync: boolean
  readonly threadCount: number | undefined
  /** Name and pid of its child, when it has exactly one. */
  readonly onlyChild: string | undefined
  readonly stoppedChildren: readonly string[]
}

export function readScene(exhibits: readonly Exhibit[]): Scene {
  const process = toRecord(findContent(exhibits, 'process'))
  const threads = toRecord(process.threads)
  const main = toRecord(toList(threads.threads)[0])
  const script = toRecord(findContent(exhibits, 'javascript-stack'))
  const frames = toList(script.frames).map(toRecord)
  const own = selectOwnFrame(script)
  const shown = own ?? frames[0]
  const stack = toList(toRecord(findContent(exhibits, 'native-stack')).stacks).map(String)
  const nativeFunction = selectNativeFunction(stack)
  const call = readCall(main)
  const children = toList(process.children).map(toRecord)
  return {
    frame: shown === undefined ? undefined : describeFrame(shown),
    builtIn: typeof script.builtIn === 'string' ? script.builtIn : undefined,
    loopTurns: script.loop === 'idle' || (own === undefined && frames.length > 0) || hasEnded(script),
    call,
    asleep: call !== undefined && main.state === 'S',
    nativeFunction,
    inSpawnSync:
      frames.some((frame) => frame.url === 'node:child_process' && /Sync$/.test(String(frame.function))) ||
      nativeFunction?.startsWith('node::SyncProcessRunner') === true,
    threadCount: typeof threads.count === 'number' ? threads.count : undefined,
    onlyChild: children.length === 1 ? nameChild(children[0]) : undefined,
    stoppedChildren: children.filter(({ state }) => state === 'T').map(nameChild),
  }
}

/** What a collector captured, if it did. */
export function findContent(exhibits: readonly Exhibit[], wanted: string): unknown {
  const exhibit = exhibits.find((each) => each.name === wanted)
  return exhibit?.kind === 'captured' ? exhibit.content : undefined
}

/**
 * The innermost call of the program's own, of those that were on the stack each time a thread was looked at; where none stayed, of the
 * last stack. Undefined when there is nothing on it but Node's own and the preload.
 */
export function selectOwnFrame(thread: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const frames = toList(thread.frames).map(toRecord)
  const steady = Number(toRecord(thread.samples).steady ?? 0)
  return frames.slice(steady).find(isOwn) ?? frames.find(isOwn)
}

/** Node's own function that the program's innermost call was in at every look, when there is one: `gzipSync of node:zlib`. */
export function describeNodeCall(thread: Readonly<Record<string, unknown>>): string | undefined {
  const frames = toList(thread.frames).map(toRecord)
  const steady = Number(toRecord(thread.samples).steady ?? 0)
  const place = frames.findIndex(isOwn)
  const called = place > steady ? frames[place - 1] : undefined
  return called === undefined ? undefined : `${called.function} of ${called.url}`
}

/** What it was in had come to its end by the next look, so that it is no hang of this thread. */
export function hasEnded({ samples }: Readonly<Record<string, unknown>>): boolean {
  return toRecord(samples).ended === true
}

function isOwn({ url, generated }: Record<string, unknown>): boolean {
  const running = String(toRecord(generated).url ?? url)
  return !running.startsWith('node:') && !isPreload(running)
}

/** `search (search.js:42)`. */
export function describeFrame(frame: Record<string, unknown>): string {
  return `${frame.function} (${nameFile(String(frame.url))}:${frame.line})`
}

/** The last part of its path, and one more where every folder has one of that name. */
function nameFile(url: string): string {
  if (url.startsWith('node:')) return url
  const parts = url.split('/')
  const last = parts.at(-1) ?? ''
  if (last === '') return 'evaluated code'
  return /^index\.\w+$/.test(last) && parts.length > 4 ? parts.slice(-2).join('/') : last
}

function readCall({ syscall }: Record<string, unknown>): string | undefined {
  if (typeof syscall !== 'string' || !syscall.includes('(')) return undefined
  return syscall.replace(/\(-?\d*\)/, '()')
}

function nameChild(child: Record<string, unknown> | undefined): string {
  return `${child?.name} (pid ${child?.pid})`
}
