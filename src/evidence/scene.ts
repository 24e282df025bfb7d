import type { Exhibit } from '../watch/evidence.js'
import { toRecord } from './inspector-session.js'
import { idleLoop } from './javascript-stack.js'
import { selectNativeFunction } from './native-function.js'

/** What the exhibits show of the main thread. */
export interface Scene {
  /** Innermost JavaScript of the program; Node's own only when there is no other, and then not for an idle loop. */
  readonly frame: string | undefined
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
  const frames = toList(toRecord(findContent(exhibits, 'javascript-stack')).frames).map(toRecord)
  const own = frames.find(isOwn)
  const stack = toList(toRecord(findContent(exhibits, 'native-stack')).stacks).map(String)
  const nativeFunction = selectNativeFunction(stack)
  const call = readCall(main)
  const children = toList(process.children).map(toRecord)
  return {
    frame: describeFrame(own ?? frames[0]),
    loopTurns: own === undefined && (frames.length > 0 || isIdle(exhibits)),
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

function findContent(exhibits: readonly Exhibit[], wanted: string): unknown {
  const exhibit = exhibits.find((each) => each.name === wanted)
  return exhibit?.kind === 'captured' ? exhibit.content : undefined
}

function isIdle(exhibits: readonly Exhibit[]): boolean {
  return exhibits.some((each) => each.kind === 'missing' && each.reason === idleLoop)
}

function toList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The preload, whose timer turns in an idle loop as well. */
const preloadFolder = new URL('../heartbeat/', import.meta.url).href

function isOwn({ url }: Record<string, unknown>): boolean {
  return !String(url).startsWith('node:') && !String(url).startsWith(preloadFolder)
}

function describeFrame(frame: Record<string, unknown> | undefined): string | undefined {
  if (frame === undefined) return undefined
  const url = String(frame.url)
  const file = url.startsWith('node:') ? url : url.split('/').at(-1)
  return `${frame.function} (${file === '' ? 'evaluated code' : file}:${frame.line})`
}

function readCall({ syscall }: Record<string, unknown>): string | undefined {
  if (typeof syscall !== 'string' || !syscall.includes('(')) return undefined
  return syscall.replace(/\(-?\d*\)/, '()')
}

function nameChild(child: Record<string, unknown> | undefined): string {
  return `${child?.name} (pid ${child?.pid})`
}
