/** A thread of a Java thread dump. */
export interface JavaThread {
  readonly name: string
  /** The kernel's number of it. */
  readonly tid: number
  /** RUNNABLE, BLOCKED, WAITING, TIMED_WAITING; empty for threads of the machine itself. */
  readonly state: string
  /** CPU time since its start, in ms; absent before Java 11. */
  readonly cpuMs?: number
  /** Innermost first, as `class.method(File:line)`. */
  readonly frames: readonly string[]
  /** What it waits for, as the dump has it, such as `java.lang.Object 0x7fe0`. */
  readonly waitsFor?: string
  /** Locks it holds, in the same words. */
  readonly holds: readonly string[]
}

/** A thread of a deadlock: it waits for what the next one in the ring holds. */
export interface DeadlockedThread {
  readonly name: string
  /** Class and address of the lock. */
  readonly waitsFor: string
  readonly heldBy: string
  /** Where it waits, as `class.method(File:line)`; absent when the dump does not show it. */
  readonly at?: string
}

export interface JavaDump {
  /** Name and version of the machine; empty when the dump has none. */
  readonly machine: string
  readonly threads: readonly JavaThread[]
  readonly deadlocks: readonly (readonly DeadlockedThread[])[]
}

/**
 * What is read of a dump, in characters of a line, lines and threads of a deadlock: any program can call itself Java and answer with
 * what takes hours to read.
 */
const lineLength = 1000
const lineLimit = 300_000
const ringLimit = 100

interface Header {
  readonly name: string
  readonly tid: string
}

/** Reads `"name" … nid=0x1f …`. Not by one pattern, which would try each quote with each of what follows it. */
function parseHeader(line: string): Header | undefined {
  if (!line.startsWith('"')) return undefined
  const nidAt = line.lastIndexOf(' nid=')
  const nameEnd = line.lastIndexOf('"', nidAt)
  const tid = /^ nid=(0x[0-9a-f]+|\d+) /.exec(line.slice(Math.max(0, nidAt)))?.[1]
  return nidAt === -1 || nameEnd <= 0 || tid === undefined ? undefined : { name: line.slice(1, nameEnd), tid }
}

/** Reads what HotSpot prints for a thread dump. Lines it does not know are passed over. */
export function parseJavaDump(text: string): JavaDump {
  const lines = text.split('\n', lineLimit).map((line) => line.slice(0, lineLength))
  const deadlockStart = lines.findIndex((line) => /^Found (one|\d+) Java-level deadlock/.test(line))
  const dump = lines.slice(0, deadlockStart === -1 ? undefined : deadlockStart)
  const starts = dump.flatMap((line, index) => (parseHeader(line) === undefined ? [] : [index]))
  return {
    machine: lines.find((line) => line.startsWith('Full thread dump '))?.slice('Full thread dump '.length, -1) ?? '',
    threads: starts.map((start, index) => parseThread(dump.slice(start, starts[index + 1]))),
    deadlocks: deadlockStart === -1 ? [] : parseDeadlocks(lines.slice(deadlockStart)),
  }
}

function parseThread(lines: readonly string[]): JavaThread {
  const header = lines[0] ?? ''
  const { name, tid } = parseHeader(header) ?? { name: '', tid: '' }
  const cpu = / cpu=([\d.]+)ms /.exec(header)?.[1]
  const state = lines.map((line) => /^\s+java\.lang\.Thread\.State: (\w+)/.exec(line)?.[1]).find(Boolean)
  const waitsFor = lines.map(parseWait).find(Boolean)
  return {
    name,
    // Hexadecimal up to Java 18, decimal since.
    tid: Number(tid),
    state: state ?? '',
    ...(cpu === undefined ? {} : { cpuMs: Number(cpu) }),
    frames: lines.flatMap(parseFrame),
    ...(waitsFor === undefined ? {} : { waitsFor }),
    // Object.wait gives up the lock for as long as it waits, and the dump shows it as held all the same.
    holds: lines.flatMap(parseHeld).filter((lock) => lock !== waitsFor),
  }
}

function parseFrame(line: string): readonly string[] {
  const frame = /^\tat (.+)$/.exec(line)?.[1]
  // The module and its version say nothing that the class does not.
  return frame === undefined ? [] : [frame.replace(/\((?:[^/()]+\/)?/, '(')]
}

function parseWait(line: string): string | undefined {
  const match = /^\t- (?:waiting to lock|parking to wait for|waiting on)\s+<(0x[0-9a-f]+)> \(an? (.+)\)/.exec(line)
  return match === null ? undefined : `${match[2]} ${shortenAddress(match[1])}`
}

/** Monitors are named at the frame that took them; other locks are listed after the stack. */
function parseHeld(line: string): readonly string[] {
  const match = /^\t- (?:locked )?<(0x[0-9a-f]+)> \(an? (.+)\)/.exec(line)
  return match === null ? [] : [`${match[2]} ${shortenAddress(match[1])}`]
}

/** The part of the dump that HotSpot makes of the locks: threads and what holds them first, then their stacks. */
function parseDeadlocks(lines: readonly string[]): readonly (readonly DeadlockedThread[])[] {
  const deadlocks: DeadlockedThread[][] = []
  let ring: DeadlockedThread[] = []
  let inStacks = false
  let name = ''
  let waitsFor = ''
  for (const line of lines) {
    if (/^Found .*deadlock/.test(line)) {
      inStacks = false
      ring = []
      if (line.endsWith(':')) deadlocks.push(ring)
    }
    if (line.startsWith('Java stack information')) inStacks = true
    name = /^"(.*)":$/.exec(line)?.[1] ?? name
    if (inStacks) {
      const [at] = parseFrame(line)
      const place = ring.findIndex((thread) => thread.name === name && thread.at === undefined)
      const thread = ring[place]
      if (at !== undefined && thread !== undefined && isOwnCode(at)) ring[place] = { ...thread, at }
      continue
    }
    const lock =
      /^ {2}waiting to lock monitor .*\(object (0x[0-9a-f]+), an? (.+)\)/.exec(line) ??
      /^ {2}waiting for ownable synchronizer (0x[0-9a-f]+), \(an? (.+)\)/.exec(line)
    if (lock !== null) waitsFor = `${lock[2]} ${shortenAddress(lock[1])}`
    const heldBy = /^,?\s*which is held by "(.*)"$/.exec(line)?.[1]
    if (heldBy !== undefined && ring.length < ringLimit) ring.push({ name, waitsFor, heldBy })
  }
  return deadlocks.filter((threads) => threads.length > 0)
}

/** Whether a frame is the program's and not Java's own. */
export function isOwnCode(frame: string): boolean {
  return !/^(?:javax?|jdk|sun|com\.sun)\./.test(frame)
}

function shortenAddress(address: string | undefined): string {
  return (address ?? '').replace(/^0x0+(?=[0-9a-f])/, '0x')
}
