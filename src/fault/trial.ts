import { mkdirSync, mkdtempSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDaemon } from '../daemon.js'
import { HangdogError } from '../errors.js'
import type { RecordedEvent } from '../event/event.js'
import { type Incident, readIncident } from '../incident/incident-reader.js'
import type { ServiceSettings } from '../service-settings.js'
import { findStateDirectory } from '../state-directory.js'
import { type Milliseconds, seconds } from '../time.js'
import { type PreparedFault, prepareFault } from './kit.js'
import { Sightings } from './sightings.js'
import { judgeTrial, type TrialOutcome } from './trial-outcome.js'

export interface TrialOrder {
  readonly kind: string
  /** The heartbeat timeout. */
  readonly limit: Milliseconds
  /** The service hangs this long after it is ready. */
  readonly after: Milliseconds
  readonly action: 'log' | 'terminate'
  /** Ends the trial; everything is cleaned up then as well. */
  readonly signal: AbortSignal
  /** Is told the events of the service as they happen. */
  readonly tell: (event: RecordedEvent) => void
}

/** A virtual machine needs a second for its start; a loaded computer has many of them. */
const startTimeout = seconds(60)
const terminateTimeout = seconds(1)
const evidenceTimeout = seconds(5)
/** For what happens on a loaded machine beyond the limits. */
const slackMs = 10_000
/** The core excuses a silence for stalls and holds by so many limits at most. */
const mostLimits = 4
/** Beats within one limit, and the bounds of what that gives. */
const beatsPerLimit = 8
const shortestIntervalMs = 5
const longestIntervalMs = 50

/**
 * Runs the service of one kind under a hangdog of its own, in a temporary directory, and watches what comes of it. Whatever happens,
 * nothing of it is left behind, other than compiled programs.
 * @throws HangdogError `unavailable` when this machine lacks something for that kind, or the service ended before it could hang
 */
export async function runTrial(order: TrialOrder): Promise<TrialOutcome> {
  const directory = mkdtempSync(join(tmpdir(), 'hangdog-fault-'))
  let prepared: PreparedFault | undefined
  try {
    prepared = await prepare(order, directory)
    return await watch(order, prepared, directory)
  } finally {
    await prepared?.dispose()
    // The last evidence of a hang that was only reported may still be on its way to the disk.
    await rm(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

async function prepare({ kind, after, limit }: TrialOrder, directory: string): Promise<PreparedFault> {
  const folder = join(directory, 'service')
  mkdirSync(folder)
  const intervalMs = Math.round(Math.min(longestIntervalMs, Math.max(shortestIntervalMs, limit / beatsPerLimit)))
  const prepared = await prepareFault(kind, folder, { afterMs: Math.round(after), intervalMs })
  if (!('missing' in prepared)) return prepared
  throw new HangdogError('unavailable', `cannot run the fault "${kind}" here: ${prepared.missing}`)
}

async function watch(order: TrialOrder, prepared: PreparedFault, directory: string): Promise<TrialOutcome> {
  const { kind, signal, tell } = order
  const sightings = new Sightings((event) => {
    if (event.service === kind) tell(event)
  })
  const state = join(directory, 'state')
  const daemon = await startDaemon({
    instance: 'fault',
    stateDirectory: state,
    dryRun: false,
    stdin: 'ignore',
    logFormat: 'none',
    sinks: [sightings],
    services: [settingsOf(order, prepared)],
  })
  try {
    await untilOver(order, sightings)
    if (!signal.aborted) await refuseEarlyEnd(kind, sightings, state)
    const incident = await readHang(sightings, state)
    return judgeTrial({ fault: prepared.fault, limitMs: order.limit, action: order.action, sightings, incident })
  } finally {
    await daemon.close('the trial is over')
  }
}

function settingsOf({ kind, limit, action }: TrialOrder, prepared: PreparedFault): ServiceSettings {
  const { held } = prepared.fault.expected
  return {
    name: kind,
    command: prepared.command,
    args: prepared.args,
    environment: prepared.env,
    heartbeat: prepared.heartbeat,
    output: 'file',
    ownGroup: false,
    policy: {
      heartbeatTimeout: limit,
      action,
      startTimeout,
      terminateTimeout,
      evidenceTimeout,
      stopTimeout: terminateTimeout,
      restart: { mode: 'never' },
      // A hold usually lasts minutes; here its end is to be seen.
      ...(held !== undefined && { holds: { [held]: limit } }),
    },
  }
}

/** Until the last thing that can be expected has happened, or it is known that it does not come. */
async function untilOver({ after, limit, action, signal }: TrialOrder, sightings: Sightings): Promise<void> {
  const armed = await sightings.next(['service-armed', 'service-ended', 'start-failed'], startTimeout + slackMs, signal)
  if (armed?.event.name !== 'service-armed') return
  const untilHung = after + mostLimits * limit + slackMs
  const hang = await sightings.next(['hang-recovery', 'hang-logged', 'service-ended'], untilHung, signal)
  if (hang === undefined || hang.event.name === 'service-ended') return
  await sightings.next(['hang-explained'], evidenceTimeout + slackMs, signal)
  if (action === 'log') return
  const untilGone = terminateTimeout + seconds(10) + slackMs
  await sightings.next(['terminate-proven', 'terminate-failed'], untilGone, signal)
  await sightings.next(['incident-closed'], slackMs, signal)
}

/** A service that could not even work has proven nothing about hangdog. */
async function refuseEarlyEnd(kind: string, sightings: Sightings, state: string): Promise<void> {
  if (sightings.find('hang-recovery', 'hang-logged') !== undefined) return
  const end = sightings.find('start-failed', 'service-ended')
  if (end === undefined) return
  const log = join(findStateDirectory(state).output, `${kind}.log`)
  const said = (await readFile(log, 'utf8').catch(() => '')).trim().slice(-500)
  const why = said === '' ? end.event.message : `${end.event.message} It said: ${said}`
  throw new HangdogError('unavailable', `cannot run the fault "${kind}" here: ${why}`)
}

async function readHang(sightings: Sightings, state: string): Promise<Incident | undefined> {
  const id = sightings.incident
  if (id === undefined) return undefined
  return await readIncident(findStateDirectory(state).incidents, id).catch(() => undefined)
}
