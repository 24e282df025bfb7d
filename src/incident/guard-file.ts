import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { syncDirectory } from '../durable-file.js'
import { describeError, systemCode } from '../errors.js'
import { isAlive, type ProcessIdentity } from '../process-identity.js'
import {
  type GuardRecord,
  type GuardRecordKeeping,
  guardOutcome,
  keepGuardRecord,
  parseGuardRecord,
  removeSuperseded,
} from './guard-record.js'

/** The layout is that of native/guard/recorder.c: a head, then slots of two halves each, of which the newer whole one counts. */
const headBytes = 4096
const halfBytes = 1024
const textAt = 24
const magic = 'hangdog1'

/** In the head of a file: whose guard wrote it. */
export interface GuardFileHead {
  readonly writer: ProcessIdentity
  readonly hangdogVersion: string
}

export const guardFileExtension = '.rec'

/** What is written into the head. */
export function formatHead(head: GuardFileHead): string {
  return `${JSON.stringify(head)}\n`
}

export interface GuardFile {
  /** Undefined when it is damaged. */
  readonly head: GuardFileHead | undefined
  readonly records: readonly GuardRecord[]
  /** Slots that hold something, of which neither half is a whole record. */
  readonly damaged: number
}

/** Takes a file of records apart. Never throws: what is torn or foreign is counted. */
export function readGuardFile(bytes: Buffer): GuardFile {
  const records: GuardRecord[] = []
  let damaged = 0
  for (let at = headBytes; at + 2 * halfBytes <= bytes.length; at += 2 * halfBytes) {
    const slot = bytes.subarray(at, at + 2 * halfBytes)
    if (slot.every((byte) => byte === 0)) continue
    const record = newestWhole([slot.subarray(0, halfBytes), slot.subarray(halfBytes)])
    if (record === undefined) damaged += 1
    else records.push(record)
  }
  return { head: parseHead(bytes.subarray(0, headBytes)), records, damaged }
}

function newestWhole(halves: readonly Buffer[]): GuardRecord | undefined {
  let newest: { readonly sequence: bigint; readonly record: GuardRecord } | undefined
  for (const half of halves) {
    if (half.toString('latin1', 0, magic.length) !== magic) continue
    const length = half.readUInt32LE(12)
    const sequence = half.readBigUInt64LE(16)
    if (textAt + length > halfBytes || half.readUInt32LE(8) !== crc32(half.subarray(12, textAt + length))) continue
    const record = parseGuardRecord(half.toString('utf8', textAt, textAt + length))
    if (record !== undefined && (newest === undefined || sequence > newest.sequence)) newest = { sequence, record }
  }
  return newest?.record
}

function parseHead(bytes: Buffer): GuardFileHead | undefined {
  try {
    const head: unknown = JSON.parse(bytes.toString('utf8', 0, bytes.indexOf(0)))
    return isHead(head) ? head : undefined
  } catch {
    return undefined
  }
}

function isHead(value: unknown): value is GuardFileHead {
  if (typeof value !== 'object' || value === null || !('writer' in value) || !('hangdogVersion' in value)) return false
  const { writer, hangdogVersion } = value
  if (typeof writer !== 'object' || writer === null || typeof hangdogVersion !== 'string') return false
  if (!('pid' in writer) || !('startTime' in writer) || !('bootId' in writer)) return false
  return typeof writer.pid === 'number' && typeof writer.startTime === 'string' && typeof writer.bootId === 'string'
}

export interface GuardRecovery extends Omit<GuardRecordKeeping, 'directory' | 'writer' | 'hangdogVersion'> {
  /** The `guard` part of the state directory. */
  readonly guard: string
  readonly incidents: string
  /** A record was made an incident. */
  readonly kept: (record: GuardRecord, outcome: string) => void
  /** A file could not be read or used. */
  readonly damaged: (file: string, reason: string) => void
}

/**
 * Makes incidents of what guards did whose hangdog is gone, and removes their files. Those of live hangdogs are left alone, and one that
 * cannot be kept is tried again at the next start. Never rejects.
 */
export async function recoverGuardRecords(recovery: GuardRecovery): Promise<void> {
  for (const name of await listFiles(recovery.guard)) {
    const path = join(recovery.guard, name)
    try {
      await recoverFile(path, recovery)
    } catch (error) {
      recovery.damaged(path, describeError(error))
    }
  }
}

async function listFiles(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(guardFileExtension)).sort()
  } catch {
    return []
  }
}

async function recoverFile(path: string, recovery: GuardRecovery): Promise<void> {
  const bytes = await readFile(path).catch((error: unknown) => {
    // Another hangdog that starts at the same time was faster.
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (bytes === undefined) return
  const { head, records, damaged } = readGuardFile(bytes)
  if (head !== undefined && isAlive(head.writer)) return
  const writer = head?.writer ?? { pid: 0, startTime: '', bootId: '' }
  for (const record of records) {
    const outcome = guardOutcome(record)
    const { incidents: directory, clock, failed } = recovery
    const hangdogVersion = head?.hangdogVersion ?? 'unknown'
    // One that never came to its end is closed like any other that was cut off, by whoever knows what became of the machine.
    const closedAs = record.outcome === undefined ? undefined : outcome
    await keepGuardRecord(record, closedAs, { directory, clock, failed, writer, hangdogVersion })
    await removeSuperseded(directory, record)
    recovery.kept(record, outcome)
  }
  if (head === undefined || damaged > 0) {
    await rename(path, `${path}.damaged`)
    recovery.damaged(
      `${path}.damaged`,
      head === undefined ? 'its head is damaged' : `${damaged} of its records are torn`,
    )
  } else await rm(path, { force: true })
  await syncDirectory(recovery.guard)
}
