import type { Emit } from './event/event.js'
import type { LiveProperties } from './live-properties.js'
import { MaintenanceKeeper } from './maintenance/maintenance.js'
import { MaintenanceLedger } from './maintenance/maintenance-ledger.js'
import type { MaintenanceWindow } from './maintenance/window.js'
import { maintenanceSchedule } from './property-settings.js'
import type { StateDirectory } from './state-directory.js'
import type { Clock } from './time.js'
import type { Supervisor } from './watch/supervisor.js'

export interface MaintenanceParts {
  readonly state: StateDirectory
  readonly clock: Clock
  readonly supervisor: Supervisor
  readonly services: readonly string[]
  readonly properties: LiveProperties
  readonly emit: Emit
}

/** Joins maintenance to the services: while one is in it, its silence is not judged. Call `open` before they are started. */
export function assembleMaintenance(parts: MaintenanceParts): MaintenanceKeeper {
  const { state, clock, supervisor, services, properties, emit } = parts
  const troubled = (problem: string): void => emit({ name: 'maintenance-trouble', parameters: { problem } })
  const say = (
    name: 'maintenance-started' | 'maintenance-changed' | 'maintenance-ended' | 'maintenance-stopped',
    service: string,
    { until, reason, by }: MaintenanceWindow,
  ): void => emit({ name, service, parameters: { until: until.toISOString(), reason, by } })
  const keeper = new MaintenanceKeeper({
    clock,
    services,
    ledger: new MaintenanceLedger({ directory: state, clock, owns: (service) => services.includes(service), troubled }),
    schedules: (service) => maintenanceSchedule(properties, service),
    troubled,
    listener: {
      maintenanceStarted: (service, window) => {
        say('maintenance-started', service, window)
        supervisor.service(service).maintain(true)
      },
      maintenanceChanged: (service, window) => say('maintenance-changed', service, window),
      maintenanceEnded: (service, window, how) => {
        say(how === 'stopped' ? 'maintenance-stopped' : 'maintenance-ended', service, window)
        supervisor.service(service).maintain(false)
      },
    },
  })
  properties.onChange(() => keeper.reconsider())
  return keeper
}
