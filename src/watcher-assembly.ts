import { linuxPlaces } from './aftermath/traces.js'
import { readWatchdogs } from './aftermath/watchdog-status.js'
import { describeError } from './errors.js'
import type { Emit } from './event/event.js'
import { describeLastReset } from './last-reset.js'
import { requireWatchdogCalls } from './machine-watchdog-check.js'
import { MachineWatchdogDesk } from './machine-watchdog-desk.js'
import { type MachineWatchdogRecord, readWatchdogRecord, writeWatchdogRecord } from './machine-watchdog-record.js'
import { OverdueReport } from './overdue-report.js'
import { type OwnKernelWatch, startOwnWatch } from './own-kernel-watch.js'
import type { OwnWatchSettings } from './own-kernel-watch-settings.js'
import type { LoadedAddon } from './platform/addon.js'
import { type MachineWatchdog, openMachineWatchdog } from './platform/machine-watchdog.js'
import type { MachineWatchdogSettings } from './platform/machine-watchdog-settings.js'
import { createNotifySender } from './platform/notify-sender.js'
import { thisProcess } from './process-identity.js'
import { readServiceManager } from './service-manager.js'
import { ServiceManagerDesk } from './service-manager-desk.js'
import type { StateDirectory } from './state-directory.js'
import { type Clock, formatDuration, type Milliseconds } from './time.js'
import type { CountdownEngine } from './watch/countdown.js'
import { DecisionRounds } from './watch/decision-rounds.js'
import type { Supervisor } from './watch/supervisor.js'
import type { BugCheckGate } from './watch/surroundings.js'

export interface WatcherParts {
  /** All that keep countdowns of services. */
  readonly engines: readonly CountdownEngine[]
  readonly supervisor: Supervisor
  readonly drain: () => Promise<void>
  readonly emit: Emit
  readonly clock: Clock
  readonly state: StateDirectory
  readonly instance: string
  readonly dryRun: boolean
  readonly machineWatchdog: MachineWatchdogSettings | undefined
  readonly watchHangdog: OwnWatchSettings | undefined
  /** Whether the kernel may panic because hangdog hangs. */
  readonly bugCheckGate: BugCheckGate
  readonly addon: LoadedAddon
}

/** Those who watch hangdog itself: the machine's watchdog, the kernel module and the service manager that started it. */
export interface Watchers {
  /** The machine's watchdog while hangdog feeds it, for who must lengthen it without JavaScript. */
  readonly machineWatchdog: Pick<MachineWatchdog, 'fd' | 'nature'> | undefined
  servicesStarted(): void
  stopping(): void
  /** Right before a crash dump. */
  lengthenForDump(): void
  /** Leaves the machine's watchdog in order. To be called on an orderly end only, while the engine is still open. */
  close(): Promise<void>
}

/**
 * Starts the machine's watchdog and the countdown of the kernel module, as far as they were asked for, and answers the service manager
 * from now on.
 * @throws HangdogError when one of them cannot be used; none is left running then
 */
export async function assembleWatchers(parts: WatcherParts): Promise<Watchers> {
  const report = new OverdueReport(parts.emit)
  const rounds: DecisionRounds[] = []
  const follow = (desk: { readonly interval: Milliseconds; roundCompleted(): void }): void => {
    const listener = {
      roundCompleted: () => desk.roundCompleted(),
      decisionOverdue: report.decisionOverdue.bind(report),
      overdueDone: report.overdueDone.bind(report),
    }
    const { engines, drain, supervisor } = parts
    rounds.push(
      new DecisionRounds({ engines, drain, decisions: () => supervisor.decisions() }, desk.interval, listener),
    )
  }
  await reportLastReset(parts)
  const machine = await startMachineWatchdog(parts)
  const own = await startOwnBeside(machine, parts)
  if (machine !== undefined) follow(machine.desk)
  if (own !== undefined) follow(own)
  const manager = meetServiceManager(parts)
  if (manager !== undefined) follow(manager)
  return {
    machineWatchdog: machine?.watchdog,
    servicesStarted: () => manager?.servicesStarted(),
    stopping: () => manager?.stopping(),
    lengthenForDump: () => machine?.desk.lengthenForDump(),
    close: async () => {
      for (const each of rounds) each.close()
      own?.close()
      await machine?.desk.close()
    },
  }
}

/** Once for each boot. */
async function reportLastReset({ state, instance, clock, emit }: WatcherParts): Promise<void> {
  const { bootId } = thisProcess()
  const record = await readWatchdogRecord(state, instance)
  // Where the kernel does not say, nothing is remembered.
  const watchdogs = await readWatchdogs(linuxPlaces.watchdogs).catch(() => [])
  const statuses = watchdogs.filter(({ bootStatus }) => bootStatus !== 0)
  if (record?.bootId === bootId || (record === undefined && statuses.length === 0)) return
  const finding = describeLastReset(statuses, record)
  if (finding !== undefined) emit({ name: 'machine-reset-found', parameters: { finding } })
  const seen: MachineWatchdogRecord = {
    bootId,
    phase: 'idle',
    device: '',
    timeoutMs: 0,
    at: clock.wallNow().toISOString(),
  }
  try {
    await writeWatchdogRecord(state, instance, seen)
  } catch (error) {
    emit({
      name: 'machine-watchdog-failed',
      parameters: { device: 'of this machine', doing: 'recorded', error: describeError(error) },
    })
  }
}

interface StartedWatchdog {
  readonly watchdog: MachineWatchdog
  readonly desk: MachineWatchdogDesk
}

async function startMachineWatchdog(parts: WatcherParts): Promise<StartedWatchdog | undefined> {
  const { machineWatchdog: settings, emit, dryRun } = parts
  if (settings === undefined) return undefined
  const { device, timeout } = settings
  if (dryRun) {
    const action = `start the watchdog ${device} of this machine with ${formatDuration(timeout)}`
    emit({ name: 'dry-run', parameters: { action } })
    return undefined
  }
  const addon = requireWatchdogCalls(parts.addon, device)
  const keep = (phase: MachineWatchdogRecord['phase'], limit: Milliseconds): Promise<void> =>
    keepRecord(parts, { phase, device, timeoutMs: limit })
  // Before it is started: what resets the machine must be on record.
  const before = await readWatchdogRecord(parts.state, parts.instance)
  await keep('armed', timeout)
  try {
    const watchdog = openMachineWatchdog(settings, addon)
    const desk = new MachineWatchdogDesk({ watchdog, emit, keep })
    desk.reportArmed()
    return { watchdog, desk }
  } catch (error) {
    await keep(before?.phase ?? 'idle', timeout).catch(() => undefined)
    throw error
  }
}

/** The machine is not reset because hangdog could not be started. */
async function startOwnBeside(
  machine: StartedWatchdog | undefined,
  parts: WatcherParts,
): Promise<OwnKernelWatch | undefined> {
  try {
    return startOwnWatch(parts)
  } catch (error) {
    await machine?.desk.close()
    throw error
  }
}

function keepRecord(
  { state, instance, clock }: WatcherParts,
  record: Omit<MachineWatchdogRecord, 'bootId' | 'at'>,
): Promise<void> {
  const { bootId } = thisProcess()
  return writeWatchdogRecord(state, instance, { ...record, bootId, at: clock.wallNow().toISOString() })
}

function meetServiceManager({ supervisor, emit, addon: loaded }: WatcherParts): ServiceManagerDesk | undefined {
  const manager = readServiceManager(process.env, process.pid)
  if (manager.kind === 'none') return undefined
  if (manager.kind === 'wrong' || loaded.kind === 'absent') {
    emit({
      name: 'service-manager-unanswered',
      parameters: { reason: manager.kind === 'wrong' ? manager.reason : noAddon },
    })
    return undefined
  }
  const { socket, limit } = manager
  return new ServiceManagerDesk({ send: createNotifySender(socket, loaded.addon), supervisor, emit, limit })
}

/** What a program that is started for it sends comes from another process, which a service manager does not take for hangdog. */
const noAddon = 'the native part is not here, and without it nothing can be sent in the name of hangdog'
