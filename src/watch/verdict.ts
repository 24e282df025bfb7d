import type { MachineReading, ProcessReading } from '../platform/platform.js'
import { elapsed, type Instant, type Milliseconds } from '../time.js'
import type { HoldLimits, HoldReason } from './policy.js'

/** What kind of hang it is, with what supports that. */
export type Hang =
  /** On CPU without end. */
  | { readonly kind: 'busy-loop'; readonly cpuPercent: number }
  /** In the kernel and not to be interrupted (D). */
  | { readonly kind: 'blocked-in-kernel'; readonly waitChannel: string }
  /** Asleep and making no progress. */
  | { readonly kind: 'waiting'; readonly waitChannel: string }
  /** The main thread has ended, others live on. */
  | { readonly kind: 'dead-main-thread' }
  /** Stopped, traced, frozen or starved for longer than the hold for that may last. */
  | { readonly kind: 'held-too-long'; readonly reason: HoldReason }
  /** No sign of life since its start. */
  | { readonly kind: 'never-started' }
  /** The service said so itself. */
  | { readonly kind: 'triggered' }
  /** The readings do not tell. */
  | { readonly kind: 'unknown'; readonly detail: string }

export type Verdict =
  | { readonly kind: 'hung'; readonly hang: Hang }
  | { readonly kind: 'held'; readonly reason: HoldReason; readonly detail: string }
  | { readonly kind: 'gone' }

/** The process and the machine at one moment. */
export interface Sample {
  readonly at: Instant
  readonly process: ProcessReading
  readonly machine: MachineReading
}

/** How long a silence has been held already, by reason. */
export type HeldSoFar = Readonly<Partial<Record<HoldReason, Milliseconds>>>

export interface VerdictInput {
  /** Taken at the warning point; absent when there was none. */
  readonly before: Sample | undefined
  readonly now: Sample
  readonly limits: HoldLimits
  readonly heldSoFar: HeldSoFar
  /** The silence is that of a service that has not shown any sign of life yet. */
  readonly starting: boolean
}

/** A service counts as starved when it waited for a CPU for at least this share of the time, and pressure says others did too … */
const starvedShare = 0.8
/** … and it got no more than this share of one CPU meanwhile. */
const starvedCpuShare = 0.1
/** From this share of one CPU on, a silent service is busy rather than waiting. */
const busyShare = 0.5

/** Concludes from readings whether silence is a hang. Pure: the same input gives the same verdict, which `explain` relies on. */
export function judge(input: VerdictInput): Verdict {
  const { process } = input.now
  if (process.kind === 'gone') return { kind: 'gone' }
  if (process.state === 'zombie') {
    return process.threads > 1 ? hung({ kind: 'dead-main-thread' }) : { kind: 'gone' }
  }
  const reason = interruption(process) ?? (isStarved(input) ? 'starved' : undefined)
  if (reason !== undefined) return heldOrTooLong(input, reason)
  return hung(input.starting ? { kind: 'never-started' } : classifyHang(input))
}

/** Why a process that is perfectly well could not run just now, if so. */
export function interruption(process: ProcessReading): 'frozen' | 'traced' | 'stopped' | undefined {
  if (process.kind === 'gone') return undefined
  if (process.frozen) return 'frozen'
  if (process.state === 'traced' || process.halted === true) return 'traced'
  return process.state === 'stopped' ? 'stopped' : undefined
}

function heldOrTooLong(input: VerdictInput, reason: HoldReason): Verdict {
  const soFar = input.heldSoFar[reason] ?? 0
  // Starvation is excused once per silence: a machine that starves its services for ever has to be acted on as well.
  const spent = soFar >= input.limits[reason] || (reason === 'starved' && soFar > 0)
  if (spent) return hung({ kind: 'held-too-long', reason })
  return { kind: 'held', reason, detail: holdDetails[reason] }
}

const holdDetails: Readonly<Record<HoldReason, string>> = {
  stopped: 'the process is stopped (T), by a signal such as SIGSTOP',
  traced: 'a debugger has stopped the process (t), or halted its program',
  frozen: 'the control group of the process is frozen',
  'machine-suspended': 'the machine was suspended',
  'machine-paused': 'the machine was paused',
  'supervisor-stalled': 'hangdog itself did not run',
  starved: 'the service waited for a CPU and got none, and so did others',
}

/** True when nobody runs rather than this one service hangs. Needs both readings and a kernel that counts run-queue waits. */
function isStarved({ before, now }: VerdictInput): boolean {
  if (before === undefined || before.process.kind === 'gone' || now.process.kind === 'gone') return false
  const span = elapsed(before.at, now.at)
  const pressure = growth(before.machine.cpuPressure, now.machine.cpuPressure)
  const wait = growth(before.process.runQueueWait, now.process.runQueueWait)
  const cpu = now.process.cpuTime - before.process.cpuTime
  if (span <= 0 || pressure === undefined || wait === undefined) return false
  return wait >= starvedShare * span && pressure >= starvedShare * span && cpu <= starvedCpuShare * span
}

function growth(before: Milliseconds | undefined, now: Milliseconds | undefined): number | undefined {
  return before === undefined || now === undefined ? undefined : now - before
}

function classifyHang(input: VerdictInput): Hang {
  const { process } = input.now
  if (process.kind === 'gone') return { kind: 'unknown', detail: 'the process has ended' }
  const waitChannel = process.waitChannel ?? 'unknown'
  if (process.state === 'uninterruptible') return { kind: 'blocked-in-kernel', waitChannel }
  const share = cpuShare(input)
  if (share !== undefined && share >= busyShare) return { kind: 'busy-loop', cpuPercent: Math.round(share * 100) }
  if (process.state === 'sleeping') return { kind: 'waiting', waitChannel }
  return {
    kind: 'unknown',
    detail:
      share === undefined
        ? `the process is ${process.state}, and there is no earlier reading to compare with`
        : `the process is ${process.state} and used ${Math.round(share * 100)} % of a CPU`,
  }
}

/** CPU time since the warning, as a share of one CPU; undefined without an earlier reading. */
export function cpuShare({ before, now }: VerdictInput): number | undefined {
  if (before === undefined || before.process.kind === 'gone' || now.process.kind === 'gone') return undefined
  const span = elapsed(before.at, now.at)
  return span > 0 ? (now.process.cpuTime - before.process.cpuTime) / span : undefined
}

function hung(hang: Hang): Verdict {
  return { kind: 'hung', hang }
}

/** One phrase for people. */
export function describeHang(hang: Hang): string {
  switch (hang.kind) {
    case 'busy-loop':
      return `busy loop, ${hang.cpuPercent} % of a CPU`
    case 'blocked-in-kernel':
      return `blocked in the kernel (D) in ${hang.waitChannel}`
    case 'waiting':
      return `waiting without progress in ${hang.waitChannel}`
    case 'dead-main-thread':
      return 'the main thread has ended while other threads live on'
    case 'held-too-long':
      return `held for longer than allowed: ${holdDetails[hang.reason]}`
    case 'never-started':
      return 'no sign of life since its start'
    case 'triggered':
      return 'the service said so itself'
    case 'unknown':
      return `cause unknown: ${hang.detail}`
    default:
      return hang satisfies never
  }
}
