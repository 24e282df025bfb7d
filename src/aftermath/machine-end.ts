import { unreachable } from '../errors.js'
import type { CrashDump } from './crash-dump.js'
import type { KernelRecord } from './kernel-record.js'
import type { LoginRecord } from './login-records.js'
import type { WatchdogStatus } from './watchdog-status.js'

/** How it came that a hangdog worked no more, as far as the machine can tell. */
export type MachineEnd =
  /** Our bugcheck made the kernel panic. The incident is the one that the kernel's log names, if it names one. */
  | { readonly kind: 'bugcheck-panic'; readonly by: Witness; readonly incident: string | null }
  /** Our bugcheck reset the machine without a panic. */
  | { readonly kind: 'bugcheck-reset'; readonly by: Witness | 'steps'; readonly incident: string | null }
  | { readonly kind: 'other-panic'; readonly by: Witness; readonly cause: string }
  | { readonly kind: 'watchdog-reset'; readonly device: string }
  | { readonly kind: 'orderly-reboot'; readonly by: 'kernel-record' | 'login-records' }
  | { readonly kind: 'without-trace' }
  | { readonly kind: 'hangdog-died' }

type Witness = 'crash-dump' | 'kernel-record'

/** What is known about the end of a hangdog. */
export interface EndReadings {
  readonly sameBoot: boolean
  /** When that hangdog, or its incident, was known to be there. What is older than this is of an earlier end. */
  readonly since: Date
  /** The incident that was open; undefined when there was none. */
  readonly incident?: string
  /** The service of that incident. Our kernel module knows no incidents, and names the process. */
  readonly pid?: number
  /** It was going to stop the machine, and nothing says that this failed. */
  readonly bugCheckAsked: boolean
  readonly kernelRecords: readonly KernelRecord[]
  readonly crashDumps: readonly CrashDump[]
  readonly watchdogs: readonly WatchdogStatus[]
  readonly loginRecords: readonly LoginRecord[]
}

/** A crash kernel has its time from the clock of the hardware, which may be behind by this much, in ms. */
const hardwareSlackMs = 60_000

/** Some backends of pstore keep whole seconds. In ms. */
const recordSlackMs = 2000

/** Whether a crash dump may be of an end that came after that time. */
export function isDumpSince({ writtenAt }: CrashDump, since: Date): boolean {
  return writtenAt.getTime() >= since.getTime() - hardwareSlackMs
}

/** Whether a record in pstore may be of an end that came after that time. */
export function isRecordSince({ writtenAt }: KernelRecord, since: Date): boolean {
  return writtenAt.getTime() >= since.getTime() - recordSlackMs
}

/**
 * Judges by rules, the surest sign first: a log that names the incident; a log of the time; the watchdog; our own last step; an orderly
 * end. What leaves no sign is a loss of power, or a reset from outside.
 */
export function judgeEnd(readings: EndReadings): MachineEnd {
  if (readings.sameBoot) return { kind: 'hangdog-died' }
  const logs = listLogs(readings)
  return (
    logs.map((log) => judgeLog(log, readings)).find((end) => end !== undefined) ??
    judgeWatchdogs(readings) ??
    judgeOrderly(readings) ?? { kind: 'without-trace' }
  )
}

/** One sentence for people. @param incident the incident it is said of; undefined when it is of none */
export function describeEnd(end: MachineEnd, incident?: string): string {
  switch (end.kind) {
    case 'bugcheck-panic':
      return `The kernel panicked by our bugcheck${forWhich(end.incident, incident)}, says ${witnesses[end.by]}.`
    case 'bugcheck-reset':
      return `Our bugcheck reset the machine${forWhich(end.incident, incident)}, says ${witnesses[end.by]}.`
    case 'other-panic':
      return `The kernel panicked for another cause, says ${witnesses[end.by]}: ${end.cause}.`
    case 'watchdog-reset':
      return `The watchdog "${end.device}" reset the machine.`
    case 'orderly-reboot':
      return `The machine was shut down in order, says ${witnesses[end.by]}.`
    case 'without-trace':
      return 'The machine lost power or was reset, without a trace.'
    case 'hangdog-died':
      return 'hangdog alone died; the machine went on (same boot).'
    default:
      return unreachable(end)
  }
}

const witnesses = {
  'crash-dump': 'the crash dump',
  'kernel-record': 'a record in pstore',
  'login-records': 'the record of logins',
  steps: 'its last step',
} as const

function forWhich(named: string | null, asked: string | undefined): string {
  if (named === null) return ''
  return named === asked ? ' for this incident' : ` for the incident ${named}`
}

/** What our adapter writes to the kernel's log before it stops the machine; linux-bugcheck.ts and the guard. */
const lastWords = /hangdog: bugcheck .*?\bincident (\S+)/g

/** What our kernel module panics with. */
const ownPanic = /BugCheck 9E, \{(\d+),/

/** Texts that a panic of `sysrq c` has. */
const askedPanic = /sysrq triggered crash/i

/** The incident that a log of the kernel names last, as the one the machine is stopped for. */
export function namedIncident(log: string): string | undefined {
  return [...log.matchAll(lastWords)].at(-1)?.[1]
}

interface Log {
  readonly by: Witness
  readonly reason: KernelRecord['reason']
  readonly text: string
  readonly named: string | undefined
}

/** Those that count: they name the incident, or are of the time. The ones that name it come first, then those of panics. */
function listLogs({ crashDumps, kernelRecords, since, incident }: EndReadings): readonly Log[] {
  const fromDumps = crashDumps.map((dump) => ({
    by: 'crash-dump' as const,
    reason: 'panic' as const,
    text: dump.log?.text ?? '',
    isOfTheTime: isDumpSince(dump, since),
  }))
  const fromRecords = kernelRecords.map((record) => ({
    by: 'kernel-record' as const,
    reason: record.reason,
    text: record.text,
    isOfTheTime: isRecordSince(record, since),
  }))
  const logs = [...fromDumps, ...fromRecords].map((log) => ({ ...log, named: namedIncident(log.text) }))
  const isOurs = (log: Log) => incident !== undefined && log.named === incident
  const rank = (log: Log) => (isOurs(log) ? 0 : 2) + (log.reason === 'panic' ? 0 : 1)
  return logs.filter((log) => isOurs(log) || log.isOfTheTime).sort((a, b) => rank(a) - rank(b))
}

/** Undefined when this log says nothing of how the machine went down. */
function judgeLog({ by, reason, text, named }: Log, readings: EndReadings): MachineEnd | undefined {
  const { bugCheckAsked, incident, pid } = readings
  if (reason === 'panic') {
    const cause = findPanicCause(text)
    const byModule = ownPanic.exec(cause)?.[1]
    if (byModule !== undefined) {
      return { kind: 'bugcheck-panic', by, incident: Number(byModule) === pid ? (incident ?? null) : null }
    }
    const isAsked = askedPanic.test(cause) && (named !== undefined || bugCheckAsked)
    if (isAsked) return { kind: 'bugcheck-panic', by, incident: named ?? null }
    return { kind: 'other-panic', by, cause: cause === '' ? 'its log does not say which' : cause }
  }
  if (reason === 'emergency') {
    if (/softdog: Initiating system reboot/.test(text)) return { kind: 'watchdog-reset', device: 'softdog' }
    if (named !== undefined) return { kind: 'bugcheck-reset', by, incident: named }
  }
  if (reason === 'shutdown') {
    // The guard's reboot(2) is an orderly one for the kernel.
    if (named !== undefined && bugCheckAsked) return { kind: 'bugcheck-reset', by, incident: named }
    return { kind: 'orderly-reboot', by: 'kernel-record' }
  }
  // The kernel goes on after an oops, unless it panics.
  return undefined
}

/** The kernel's own words, from the line that every panic has. */
function findPanicCause(text: string): string {
  return [...text.matchAll(/Kernel panic - not syncing: ([^\n]*)/g)].at(-1)?.[1]?.trim() ?? ''
}

function judgeWatchdogs({ watchdogs, bugCheckAsked }: EndReadings): MachineEnd | undefined {
  // Many devices keep this flag until power is lost, so that our own last step is the surer sign.
  if (bugCheckAsked) return { kind: 'bugcheck-reset', by: 'steps', incident: null }
  const device = watchdogs.find(({ flags }) => flags.includes('reset-by-watchdog'))
  return device === undefined ? undefined : { kind: 'watchdog-reset', device: device.identity }
}

/** What came first counts: the machine may have gone down more than once since. */
function judgeOrderly({ loginRecords, since }: EndReadings): MachineEnd | undefined {
  const first = loginRecords.find(({ at }) => at.getTime() >= since.getTime())
  return first?.kind === 'shutdown' ? { kind: 'orderly-reboot', by: 'login-records' } : undefined
}
