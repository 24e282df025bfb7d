import { describeError } from '../errors.js'
import { type Clock, formatDuration, seconds } from '../time.js'
import { withinLimit } from '../watch/bounded.js'
import { readStart } from './bounded-file.js'
import { type CrashDump, findCrashDumps } from './crash-dump.js'
import { type KernelRecord, readKernelRecords } from './kernel-record.js'
import { type LoginRecord, readLoginRecords } from './login-records.js'
import { readResetReason } from './reset-reason.js'
import { readWatchdogs, type WatchdogStatus } from './watchdog-status.js'

/** Where a machine keeps what outlives its kernel. */
export interface TracePlaces {
  /** pstore, and where its records are moved to. */
  readonly kernelRecords: readonly string[]
  /** Empty for nowhere. */
  readonly crashDumps: string
  readonly watchdogs: string
  readonly loginRecords: string
  readonly kernelLog: string
  readonly commandLine: string
}

/** Those of Linux. On other systems nothing is there. */
export const linuxPlaces: TracePlaces = {
  kernelRecords: ['/sys/fs/pstore', '/var/lib/systemd/pstore'],
  crashDumps: '/var/crash',
  watchdogs: '/sys/class/watchdog',
  loginRecords: '/var/log/wtmp',
  kernelLog: '/dev/kmsg',
  commandLine: '/proc/cmdline',
}

/** All that the machine says of how it went down. */
export interface Traces {
  readonly kernelRecords: readonly KernelRecord[]
  readonly crashDumps: readonly CrashDump[]
  readonly watchdogs: readonly WatchdogStatus[]
  readonly loginRecords: readonly LoginRecord[]
  readonly resetReason: string | null
  readonly commandLine: string | null
  readonly missing: readonly MissingTrace[]
}

/** Of a machine that has nothing to tell. */
export const noTraces: Traces = {
  kernelRecords: [],
  crashDumps: [],
  watchdogs: [],
  loginRecords: [],
  resetReason: null,
  commandLine: null,
  missing: [],
}

/** What could not be looked at; the others count all the same. */
export interface MissingTrace {
  readonly name: string
  readonly reason: string
}

/** For each kind of trace. */
const limit = seconds(5)

/** The kernel takes no longer command line on any architecture. */
const commandLineBytes = 8192

/** Reads all traces, one kind after the other. Never rejects, and takes half a minute at the very most. */
export async function gatherTraces(places: TracePlaces, clock: Clock): Promise<Traces> {
  const missing: MissingTrace[] = []
  let stuck: string | undefined
  const read = async <T>(name: string, nothing: T, reading: () => Promise<T>): Promise<T> => {
    if (stuck !== undefined) {
      // Each reading that a file system holds takes one of the few threads that write the incidents, too.
      missing.push({ name, reason: `not looked at, because the ${stuck} cannot be read` })
      return nothing
    }
    const result = await withinLimit(reading(), limit, clock)
    if (result.kind === 'done') return result.value
    if (result.kind === 'late') stuck = name
    const reason = result.kind === 'late' ? `no answer within ${formatDuration(limit)}` : describeError(result.error)
    missing.push({ name, reason })
    return nothing
  }
  return {
    commandLine: await read('command line of the kernel', null, () => readCommandLine(places.commandLine)),
    watchdogs: await read('watchdogs', [], () => readWatchdogs(places.watchdogs)),
    resetReason: await read('log of the kernel', null, () => readResetReason(places.kernelLog)),
    kernelRecords: await read('records in pstore', [], () => readKernelRecords(places.kernelRecords)),
    loginRecords: await read('record of logins', [], () => readLoginRecords(places.loginRecords)),
    crashDumps: await read('crash dumps', [], async () =>
      places.crashDumps === '' ? [] : findCrashDumps(places.crashDumps),
    ),
    missing,
  }
}

async function readCommandLine(path: string): Promise<string> {
  return (await readStart(path, commandLineBytes)).text.trim()
}
