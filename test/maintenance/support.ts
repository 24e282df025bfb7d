import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MaintenanceRequest } from '../../src/maintenance/window.js'
import { milliseconds } from '../../src/time.js'

export const minute = 60_000
export const hour = 60 * minute

export function requestOf(
  rest: Partial<Omit<MaintenanceRequest, 'for'>> & { readonly for?: number } = {},
): MaintenanceRequest {
  return {
    service: 'web',
    reason: 'database upgrade',
    author: { uid: 1000, pid: 4242 },
    ...rest,
    for: milliseconds(rest.for ?? hour),
  }
}

/** What is stored: the services, null for all. */
export function storedServices(root: string): readonly unknown[] {
  const { maintenances } = JSON.parse(readFileSync(join(root, 'maintenance.json'), 'utf8'))
  return maintenances.map((each: { service: unknown }) => each.service)
}
