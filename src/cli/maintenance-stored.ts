import { type LedgerContent, readLedger, type StoredMaintenance } from '../maintenance/ledger-file.js'
import { ledgerPath } from '../maintenance/ledger-store.js'
import { MaintenanceLedger } from '../maintenance/maintenance-ledger.js'
import { describeAuthor, type MaintenanceRequest, toWindowRecord } from '../maintenance/window.js'
import {
  checkHolder,
  findStateDirectory,
  layOutStateDirectory,
  openStateDirectory,
  type StateDirectory,
} from '../state-directory.js'
import { systemClock } from '../system-clock.js'
import type { ShownMaintenance } from './maintenance-view.js'
import type { Output } from './output.js'

/** Stores a maintenance while no hangdog runs; the next one to start heeds it. @throws HangdogError as `MaintenanceLedger.start` */
export async function startStored(
  path: string | undefined,
  request: MaintenanceRequest,
  output: Output,
): Promise<ShownMaintenance> {
  checkHolder(layOutStateDirectory(path))
  const directory = openStateDirectory(path)
  const window = await openLedger(directory, output).start(request)
  const unchecked = request.service === undefined ? '' : `; whether it watches "${request.service}" is not known`
  output.note(
    `no hangdog runs with the state directory "${directory.root}": stored, and heeded by the one that starts${unchecked}`,
  )
  return { instance: null, service: window.service ?? null, window: toWindowRecord(window), nextStart: null }
}

/** @returns whether there was one @throws HangdogError as `MaintenanceLedger.stop`, and as `findStateDirectory` */
export async function stopStored(
  path: string | undefined,
  service: string | undefined,
  output: Output,
): Promise<boolean> {
  const directory = findStateDirectory(path)
  checkHolder(directory)
  return await openLedger(directory, output).stop(service)
}

/** What is stored and not over; changes nothing. @throws HangdogError as `findStateDirectory` */
export async function listStored(
  path: string | undefined,
  service: string | undefined,
  output: Output,
): Promise<readonly ShownMaintenance[]> {
  const directory = findStateDirectory(path)
  output.note(`no hangdog runs with the state directory "${directory.root}"; this is what is stored`)
  const content = await readLedger(ledgerPath(directory))
  const now = systemClock.wallNow().getTime()
  return readContent(content, output)
    .filter((each) => each.until.getTime() > now)
    .filter((each) => service === undefined || each.service === undefined || each.service === service)
    .map((each) => show(each, now))
}

function openLedger(directory: StateDirectory, output: Output): MaintenanceLedger {
  return new MaintenanceLedger({ directory, clock: systemClock, troubled: (problem) => output.note(problem) })
}

function readContent(content: LedgerContent, output: Output): readonly StoredMaintenance[] {
  if (content.kind === 'whole') return content.all
  output.note(`the stored maintenances cannot be used: ${content.problem}`)
  return []
}

function show({ service, since, until, reason, by }: StoredMaintenance, now: number): ShownMaintenance {
  const window = {
    source: 'command',
    everyService: service === undefined,
    since: since.toISOString(),
    until: until.toISOString(),
    remainingMs: until.getTime() - now,
    reason,
    by: describeAuthor(by),
  } as const
  return { instance: null, service: service ?? null, window, nextStart: null }
}
