import { HangdogError } from '../errors.js'
import {
  checkRequest,
  type MaintenanceRequest,
  type MaintenanceStopped,
  type ServiceMaintenance,
} from '../maintenance/window.js'
import type { Author } from '../property/store.js'
import { milliseconds } from '../time.js'

/** What the control server asks of the part that keeps maintenances; `MaintenanceKeeper` is one. */
export interface MaintenanceHandlers {
  /** Resolves when it is in force and stored. Rejects with `usage` when there is no such service; nothing has changed then. */
  start(request: MaintenanceRequest): Promise<readonly ServiceMaintenance[]>
  /** As `start`. */
  stop(service: string | undefined): Promise<MaintenanceStopped>
  status(): readonly ServiceMaintenance[] | Promise<readonly ServiceMaintenance[]>
}

/** Parameters of `maintenance-start`, as they are sent. Without a service it is for all. */
export interface MaintenanceStartParameters {
  readonly service?: string
  readonly forMs: number
  readonly reason: string
  readonly author: Author
}

/** Reads the parameters of `maintenance-start`. @throws HangdogError `usage` naming the one that is wrong */
export function readMaintenanceRequest(params: Readonly<Record<string, unknown>>): MaintenanceRequest {
  const { service, forMs, reason, author } = params
  if (service !== undefined && typeof service !== 'string') throw refusal('service', 'the name of a service', service)
  if (typeof forMs !== 'number' || !(forMs >= 0)) throw refusal('forMs', 'a number of milliseconds', forMs)
  if (typeof reason !== 'string') throw refusal('reason', 'a text', reason)
  const request = { service, for: milliseconds(forMs), reason, author: readAuthor(author) }
  checkRequest(request)
  return request
}

function readAuthor(author: unknown): Author {
  if (typeof author === 'object' && author !== null && 'pid' in author && Number.isSafeInteger(author.pid)) {
    const uid = 'uid' in author ? author.uid : undefined
    const pid = Number(author.pid)
    if (uid === undefined || Number.isSafeInteger(uid)) return { uid: uid === undefined ? undefined : Number(uid), pid }
  }
  throw refusal('author', 'an object with "pid" and, where there are users, "uid"', author)
}

function refusal(name: string, expected: string, given: unknown): HangdogError {
  const found = JSON.stringify(given) ?? 'nothing'
  return new HangdogError('usage', `cannot read "${name}" of a maintenance: expected ${expected}, not ${found}`)
}
