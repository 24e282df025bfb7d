import { setTimeout as delay } from 'node:timers/promises'
import type { Collector } from './exhibit.js'
import type { Signaller } from './inspector-port.js'
import { askJava } from './java-attach.js'
import { type JavaDump, type JavaThread, parseJavaDump } from './java-dump.js'
import { toRecord } from './protocol-channel.js'
import { compareCpuTimes, readCpuTimes } from './thread-cpu.js'

/** Lines kept of the dump. */
const lineLimit = 1500

/** Characters kept of one of them: names of lambdas and proxies have no bound. */
const lineLength = 300

/** Left of the limit for taking the attach request back. */
const marginMs = 100

/** Over less than this the CPU time of a thread says little, in ms. */
const cpuWindowMs = 150

/** Frames kept of a thread that is shown apart. */
const frameLimit = 40

/** From this share of one CPU on, in percent, a thread counts as busy: little, as a loaded machine gives no thread much. */
const busyPercent = 5

/** Busy threads that are listed. */
const busyLimit = 8

/** A thread that was on CPU while the dump was taken. */
export interface BusyJavaThread extends JavaThread {
  readonly cpuPercent: number
}

/** A lock that threads wait for and another one holds. */
export interface ContendedLock {
  /** Class and address. */
  readonly lock: string
  readonly waiters: readonly string[]
  readonly holder: JavaThread
}

/** Contended locks that are listed. */
const contendedLimit = 10

/** What the exhibit `java-stack` holds. */
export interface JavaStack {
  /** Name and version of the machine. */
  readonly machine: string
  readonly deadlocks: JavaDump['deadlocks']
  /** The busiest first. */
  readonly busy: readonly BusyJavaThread[]
  /** The one with the most waiters first. */
  readonly contended: readonly ContendedLock[]
  /** The thread `main`; absent when it has ended. */
  readonly main?: JavaThread
  /** The dump as it was printed, report of deadlocks first. */
  readonly stacks: readonly string[]
}

/** Whether an exhibit's content is that of this collector. */
export function isJavaStack(content: unknown): content is JavaStack {
  const { deadlocks, busy, contended } = toRecord(content)
  return [deadlocks, busy, contended].every(Array.isArray)
}

/**
 * Takes the thread dump of a Java service, with its own report of deadlocks, and measures which of its threads are on CPU. The
 * machine stands still for some milliseconds. A machine that is stuck itself does not answer, and that is said.
 */
export function createJavaStackCollector(platform: Signaller): Collector {
  return {
    name: 'java-stack',
    collect: async ({ subject }, limit, cutOff) => {
      const before = await readCpuTimes(subject.pid)
      const patience = Math.max(1, limit - marginMs)
      const answer = await askJava(subject, ['threaddump', '-l'], platform, patience, cutOff)
      if (answer.kind === 'refused') return { kind: 'missing', reason: answer.reason }
      const dump = parseJavaDump(answer.text)
      if (dump.threads.length === 0) return { kind: 'missing', reason: 'its thread dump cannot be read' }
      const passed = performance.now() - before.atMs
      await delay(Math.max(0, Math.min(cpuWindowMs, patience) - passed))
      const shares = compareCpuTimes(before, await readCpuTimes(subject.pid))
      return { kind: 'found', content: describe(dump, shares, answer.text) }
    },
  }
}

function describe(dump: JavaDump, shares: ReadonlyMap<number, number>, text: string): JavaStack {
  const busy = dump.threads
    .map((thread) => ({ ...thread, cpuPercent: Math.round(shares.get(thread.tid) ?? 0) }))
    .filter(({ cpuPercent }) => cpuPercent >= busyPercent)
    .sort((a, b) => b.cpuPercent - a.cpuPercent)
    .slice(0, busyLimit)
  const main = dump.threads.find(({ name }) => name === 'main')
  return {
    machine: dump.machine,
    deadlocks: dump.deadlocks,
    busy: busy.map(shorten),
    contended: selectContended(dump.threads),
    ...(main === undefined ? {} : { main: shorten(main) }),
    stacks: selectLines(text),
  }
}

function selectContended(threads: readonly JavaThread[]): readonly ContendedLock[] {
  const holders = new Map(threads.flatMap((thread) => thread.holds.map((lock) => [lock, thread] as const)))
  const waiters = new Map<string, string[]>()
  for (const { name, waitsFor } of threads) {
    if (waitsFor === undefined || !holders.has(waitsFor)) continue
    const known = waiters.get(waitsFor)
    if (known === undefined) waiters.set(waitsFor, [name])
    else known.push(name)
  }
  return [...waiters]
    .flatMap(([lock, names]) => {
      const holder = holders.get(lock)
      return holder === undefined ? [] : [{ lock, waiters: names, holder: shorten(holder) }]
    })
    .sort((a, b) => b.waiters.length - a.waiters.length)
    .slice(0, contendedLimit)
}

/** The whole stack is among the lines of the dump. */
function shorten<T extends JavaThread>(thread: T): T {
  return { ...thread, frames: thread.frames.slice(0, frameLimit), holds: thread.holds.slice(0, frameLimit) }
}

/** Since Java 10 a dump begins with the addresses of all threads, which tell nobody anything. */
function withoutThreadList(text: string): string {
  const start = text.search(/^Threads class SMR info:\n/m)
  const end = start === -1 ? -1 : text.indexOf('}\n', start)
  return end === -1 ? text : text.slice(0, start) + text.slice(end + 2)
}

/** The report of deadlocks stands last in a dump, where it would be cut off first. */
function selectLines(text: string): readonly string[] {
  const start = text.search(/^Found (one|\d+) Java-level deadlock/m)
  const ordered = start === -1 ? text : `${text.slice(start)}\n${text.slice(0, start)}`
  return withoutThreadList(ordered)
    .split('\n')
    .filter((line) => line !== '' && !/^\s+Locked ownable synchronizers:|^\t- None$/.test(line))
    .slice(0, lineLimit)
    .map((line) => line.replace(/^\t/, '  ').slice(0, lineLength))
}
