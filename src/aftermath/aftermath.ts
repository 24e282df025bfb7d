import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../durable-file.js'
import { describeError, systemCode } from '../errors.js'
import type { Interrupted } from '../incident/interrupted.js'
import type { CrashDump } from './crash-dump.js'
import type { KernelRecord } from './kernel-record.js'
import { describeEnd, isDumpSince, isRecordSince, judgeEnd, type MachineEnd, namedIncident } from './machine-end.js'
import type { MissingTrace, Traces } from './traces.js'
import type { WatchdogStatus } from './watchdog-status.js'

/** `aftermath.json`: what the machine says of how an interrupted incident came to its end. Field names are stable. */
export interface Aftermath {
  /** Wall time, ISO 8601 in UTC. */
  readonly joinedAt: string
  readonly bootThen: string
  readonly bootNow: string
  readonly sameBoot: boolean
  readonly end: MachineEnd
  /** The end as one sentence. */
  readonly summary: string
  readonly kernelRecords: readonly KeptRecord[]
  readonly crashDumps: readonly KeptDump[]
  readonly watchdogs: readonly WatchdogStatus[]
  /** What the kernel says of the last reset, in its own words. */
  readonly resetReason: string | null
  /** Of this boot. */
  readonly commandLine: string | null
  readonly missing: readonly MissingTrace[]
}

/** A record of pstore, of which there is a copy. */
export interface KeptRecord {
  readonly source: string
  readonly reason: KernelRecord['reason']
  readonly writtenAt: string
  /** It names this incident. Else it is only of the time. */
  readonly named: boolean
  /** Below the incident's directory; null when it could not be kept. */
  readonly file: string | null
  readonly cut: boolean
}

/** A crash dump. It stays where it is; the end of its log is copied. */
export interface KeptDump {
  readonly directory: string
  readonly image: CrashDump['image']
  readonly log: string | null
  readonly writtenAt: string
  readonly named: boolean
  readonly file: string | null
  readonly cut: boolean
}

export const aftermathName = 'aftermath.json'

/** Directory of the copies, below the incident's. */
export const aftermathCopies = 'aftermath'

/** Copies kept of each kind; more than that, of the time of one incident, are of other crashes. */
const mostCopies = 4

/** Bytes kept of each; the end is what counts. */
export const copyLimit = 128 * 1024

/** Writes what the traces say of an incident into its directory. @throws the system error when that cannot be written */
export async function joinAftermath(
  incident: Interrupted,
  traces: Traces,
  at: { readonly boot: string; readonly now: Date },
): Promise<Aftermath> {
  const { id, path, opened } = incident
  const since = new Date(opened.openedAt)
  const sameBoot = opened.writer.bootId === at.boot
  const about = { incident: id, pid: opened.pid, bugCheckAsked: isBugCheckLast(incident) }
  const end = judgeEnd({ ...traces, ...about, sameBoot, since })
  const copies = new Copies(path)
  const records = traces.kernelRecords.filter(
    (record) => namedIncident(record.text) === id || isRecordSince(record, since),
  )
  const dumps = traces.crashDumps.filter(
    (dump) => namedIncident(dump.log?.text ?? '') === id || isDumpSince(dump, since),
  )
  const aftermath: Aftermath = {
    joinedAt: at.now.toISOString(),
    bootThen: opened.writer.bootId,
    bootNow: at.boot,
    sameBoot,
    end,
    summary: describeEnd(end, id),
    kernelRecords: await inTurn(records.slice(0, mostCopies), (record) => keepRecord(record, id, copies)),
    crashDumps: await inTurn(dumps.slice(0, mostCopies), (dump) => keepDump(dump, id, copies)),
    watchdogs: traces.watchdogs,
    resetReason: traces.resetReason,
    commandLine: traces.commandLine,
    missing: [...traces.missing, ...copies.missing],
  }
  await writeDurably(join(path, aftermathName), `${JSON.stringify(aftermath, undefined, 2)}\n`)
  return aftermath
}

/** What is joined with an incident; null when nothing is. @throws when it cannot be read, or is damaged */
export async function readAftermath(path: string): Promise<Aftermath | null> {
  let text: string
  try {
    text = await readFile(join(path, aftermathName), 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  const value: unknown = JSON.parse(text)
  if (!isAftermath(value)) throw new Error(`${aftermathName} lacks fields`)
  return value
}

/** What recovery.ts writes before it stops the machine, and after it could not. */
const bugCheckStep = /^bugcheck (by|failed)\b/

function isBugCheckLast({ steps }: Interrupted): boolean {
  const last = steps.flatMap(({ text }) => bugCheckStep.exec(text)?.[1] ?? []).at(-1)
  return last === 'by'
}

async function keepRecord(record: KernelRecord, id: string, copies: Copies): Promise<KeptRecord> {
  const { source, reason, writtenAt, text, cut } = record
  const kept = await copies.keep(`${reason}.txt`, text)
  const named = namedIncident(text) === id
  return { source, reason, writtenAt: writtenAt.toISOString(), named, file: kept.file, cut: cut || kept.cut }
}

async function keepDump(
  { directory, image, log, writtenAt }: CrashDump,
  id: string,
  copies: Copies,
): Promise<KeptDump> {
  const about = { directory, image, log: log?.path ?? null, writtenAt: writtenAt.toISOString() }
  if (log === null) return { ...about, named: false, file: null, cut: false }
  const kept = await copies.keep('crash-dmesg.txt', log.text)
  return { ...about, named: namedIncident(log.text) === id, file: kept.file, cut: log.cut || kept.cut }
}

/** What is copied into one incident. */
class Copies {
  readonly missing: MissingTrace[] = []
  readonly #path: string
  #count = 0

  constructor(path: string) {
    this.#path = path
  }

  /** Keeps the end of a text. One that cannot be written is missing with the reason. */
  async keep(name: string, text: string): Promise<{ readonly file: string | null; readonly cut: boolean }> {
    const whole = Buffer.from(text)
    const cut = whole.length > copyLimit
    this.#count += 1
    const file = `${aftermathCopies}/${String(this.#count).padStart(2, '0')}-${name}`
    try {
      await mkdir(join(this.#path, aftermathCopies), { mode: 0o700 }).catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error
      })
      await writeDurably(join(this.#path, file), whole.subarray(Math.max(0, whole.length - copyLimit)))
      return { file, cut }
    } catch (error) {
      this.missing.push({ name: file, reason: `it could not be written: ${describeError(error)}` })
      return { file: null, cut }
    }
  }
}

async function inTurn<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<readonly U[]> {
  const results: U[] = []
  for (const item of items) results.push(await work(item))
  return results
}

function isAftermath(value: unknown): value is Aftermath {
  if (!isRecord(value) || !isRecord(value.end)) return false
  const texts = [value.bootThen, value.bootNow, value.summary, value.end.kind]
  const lists = [value.kernelRecords, value.crashDumps, value.watchdogs, value.missing]
  return texts.every((text) => typeof text === 'string') && lists.every((list) => Array.isArray(list))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
