import { setTimeout as delay } from 'node:timers/promises'
import type { Collector, Finding } from './exhibit.js'
import { readMappedFiles, readMemory } from './memory.js'
import { toRecord } from './protocol-channel.js'

/** How long garbage collection is watched, in ms. Full collections of a small heap take 20 to 100 ms each. */
const watchedMs = 500

/** What the exhibit `java-memory` holds. Sizes in bytes. */
export interface JavaMemory {
  /** Share of the watched time in which the program stood still for collections, 0 to 1. */
  readonly collectingShare: number
  readonly watchedMs: number
  /** Collections that ended meanwhile. */
  readonly collections: number
  /** Of the oldest generation after its last collection, or of the whole heap where there are no generations. */
  readonly used: number
  readonly limit: number
}

/** Whether an exhibit's content is that of this collector. */
export function isJavaMemory(content: unknown): content is JavaMemory {
  const { collectingShare, watchedMs, collections, used, limit } = toRecord(content)
  return [collectingShare, watchedMs, collections, used, limit].every((value) => typeof value === 'number')
}

/**
 * Reads the counters that HotSpot keeps in shared memory for jstat, straight from the memory of the service: it need not answer for
 * that. Absent with -XX:-UsePerfData or -XX:+PerfDisableSharedMem. Format: PerfDataPrologue in perfMemory.hpp of OpenJDK.
 */
export const javaMemoryCollector: Collector = {
  name: 'java-memory',
  collect: async ({ subject }, limit, cutOff) => {
    const { pid } = subject
    const files = await readMappedFiles(pid)
    if (files.kind === 'unreadable') return missing(files.reason)
    const at = files.value.find(({ path }) => /\/hsperfdata_[^/]+\/\d+$/.test(path))
    if (at === undefined) return missing('it keeps no counters (-XX:-UsePerfData or -XX:+PerfDisableSharedMem)')
    const read = async () => {
      const bytes = await readMemory(pid, at.start, at.end - at.start)
      return bytes.kind === 'read' ? parseCounters(bytes.value) : undefined
    }
    const start = performance.now()
    const before = await read()
    await delay(Math.min(watchedMs, limit / 2), undefined, { signal: cutOff }).catch(() => {})
    const after = await read()
    if (before === undefined || after === undefined) return missing('its counters cannot be read')
    return compare(before, after, performance.now() - start)
  },
}

type Counters = ReadonlyMap<string, number>

function compare(before: Counters, after: Counters, spanMs: number): Finding {
  const frequency = after.get('sun.os.hrt.frequency')
  if (frequency === undefined || frequency <= 0) return missing('its counters have no clock')
  const old = selectOldest(after)
  if (old === undefined) return missing('its counters have no heap')
  const span = (spanMs / 1000) * frequency
  const collecting = Math.min(span, pauseTicks(after) - pauseTicks(before))
  const content: JavaMemory = {
    collectingShare: Math.max(0, Math.round((collecting / span) * 100) / 100),
    watchedMs: Math.round(spanMs),
    collections: sum(after, 'invocations') - sum(before, 'invocations'),
    ...old,
  }
  return { kind: 'found', content }
}

/** 0 collects the young generation, 1 all of it. What is numbered higher runs beside the program. */
const pausing = [0, 1]

function sum(counters: Counters, name: string): number {
  return pausing.reduce((total, number) => total + (counters.get(`sun.gc.collector.${number}.${name}`) ?? 0), 0)
}

/** Time in collections since the start. One that goes on now is counted up to the machine's own last look at the clock. */
function pauseTicks(counters: Counters): number {
  const now = counters.get('sun.os.hrt.ticks') ?? 0
  const running = pausing.map((number) => {
    const entry = counters.get(`sun.gc.collector.${number}.lastEntryTime`) ?? 0
    const exit = counters.get(`sun.gc.collector.${number}.lastExitTime`) ?? 0
    return entry > exit ? Math.max(0, now - entry) : 0
  })
  return sum(counters, 'time') + Math.max(...running)
}

function selectOldest(counters: Counters): Pick<JavaMemory, 'used' | 'limit'> | undefined {
  for (const generation of [1, 0]) {
    const used = counters.get(`sun.gc.generation.${generation}.space.0.used`)
    const limit = counters.get(`sun.gc.generation.${generation}.maxCapacity`)
    if (used !== undefined && limit !== undefined && limit > 0) return { used, limit }
  }
  return undefined
}

/** A machine has some 250 counters, with names of some 60 bytes. */
const counterLimit = 5000
const nameLimit = 200

/** The counters that are one number of 64 bits, by name. Undefined when it is not the format known here. */
export function parseCounters(bytes: Buffer): Counters | undefined {
  if (bytes.length < 32 || bytes.readUInt32BE(0) !== 0xcafec0c0) return undefined
  // Byte order 1 is little-endian, and major version 2 the only one since Java 5.
  if (bytes[4] !== 1 || bytes[5] !== 2) return undefined
  const counters = new Map<string, number>()
  let at = bytes.readInt32LE(24)
  const count = Math.min(bytes.readInt32LE(28), counterLimit)
  for (let index = 0; index < count && at >= 32 && at + 20 <= bytes.length; index++) {
    const length = bytes.readInt32LE(at)
    const nameAt = at + bytes.readInt32LE(at + 4)
    const valueAt = at + bytes.readInt32LE(at + 16)
    const isNumber = bytes.readInt32LE(at + 8) === 0 && bytes[at + 12] === 0x4a
    if (length <= 0) break
    if (isNumber && nameAt >= 0 && valueAt >= 0 && valueAt + 8 <= bytes.length) {
      // The service may have written anything: thousands of names of a megabyte each would be the end of hangdog.
      const name = bytes.subarray(nameAt, nameAt + nameLimit)
      const end = name.indexOf(0)
      if (end !== -1) counters.set(name.toString('latin1', 0, end), Number(bytes.readBigInt64LE(valueAt)))
    }
    at += length
  }
  return counters
}

function missing(reason: string): Finding {
  return { kind: 'missing', reason }
}
