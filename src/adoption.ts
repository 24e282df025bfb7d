import { setTimeout as sleep } from 'node:timers/promises'
import type { Emit } from './event/event.js'
import type { GuardDesk } from './guard-assembly.js'
import { endOf } from './platform/guard-end.js'
import type { GuardProcess, Resident } from './platform/guard-process.js'
import type { Platform } from './platform/platform.js'
import { decodeResident, type ResidentLabel } from './resident-label.js'
import { type Clock, zero } from './time.js'
import type { Service } from './watch/service.js'
import type { Supervisor } from './watch/supervisor.js'
import { forceEnd } from './watch/termination.js'

/** How often it is looked whether the guard has done what it is at. */
const lookMs = 50

export interface AdoptionParts {
  readonly guard: GuardDesk
  readonly supervisor: Supervisor
  /** The adapter that really ends what a service left behind, in a dry run as well. */
  readonly host: Platform
  readonly clock: Clock
  readonly emit: Emit
}

/**
 * Goes on with the services that the guard process kept watched while no hangdog ran. To be called before any service is started: one
 * that still runs is never started a second time, and of one that has ended nothing is left.
 */
export async function adoptResidents(parts: AdoptionParts): Promise<void> {
  const { process } = parts.guard
  if (process === undefined) return
  await Promise.all(process.residents.map((resident) => adopt(parts, process, resident)))
}

async function adopt(parts: AdoptionParts, process: GuardProcess, resident: Resident): Promise<void> {
  const { supervisor, emit } = parts
  const { guard } = process
  // What the guard has begun it brings to its end, within the limits of its plan.
  while (resident.isActedOn()) await sleep(lookMs)
  const { pid } = resident.identity
  const label = decodeResident(resident.label)
  const service = supervisor.services.find(({ spec }) => spec.name === label?.service)
  if (label === undefined || service === undefined) {
    const reason =
      label === undefined ? 'it is not known which service it is' : `there is no service "${label.service}"`
    if (!resident.ended) emit({ name: 'service-left-alone', parameters: { pid, reason } })
  } else if (resident.ended || guard.hasEnded(resident.process)) await sweep(parts, service, label, resident)
  else {
    const ended = endOf(guard, resident.process)
    service.adopt(parts.host.adopt(label.run, ended), { given: label.given, beats: resident.hasBeaten })
  }
  // Its beats reset the countdown of the service by now; that of the earlier hangdog is of no more use.
  if (resident.countdown !== undefined) guard.countdownDispose(resident.countdown)
  guard.forgetProcess(resident.process)
}

/** It has ended, but what it started may still be there. */
async function sweep(
  { host, clock, emit }: AdoptionParts,
  service: Service,
  { run }: ResidentLabel,
  { acted }: Resident,
): Promise<void> {
  const reason = acted ? 'it was silent, and the guard ended it' : 'how it ended is not known'
  emit({ name: 'ended-unowned', service: service.spec.name, parameters: { pid: run.identity.pid, reason } })
  const process = host.adopt(run, Promise.resolve())
  const order = {
    service: service.spec.name,
    process,
    signal: 'SIGKILL',
    grace: zero,
    killLimit: service.policy.killTimeout,
  } as const
  const result = await forceEnd(order, { platform: host, clock, emit })
  if (result.kind === 'gone') return
  // Nothing is started beside it: it is adopted as what it is, and the service is stuck until it goes away.
  service.adopt(process, { given: {}, beats: false })
}
