import { machineTime } from './drill/canary-record.js'
import { DrillDesk } from './drill/drill-desk.js'
import { createDrillReadings } from './drill/drill-readings.js'
import { DrillRounds } from './drill/drill-rounds.js'
import { DueDrills } from './drill/due-drills.js'
import type { LiveProperties } from './live-properties.js'
import type { Platform } from './platform/platform.js'
import { drillAppointments } from './property-settings.js'
import { addService, type ServiceSurroundings } from './service-assembly.js'
import type { Clock } from './time.js'

export interface DrillParts {
  readonly clock: Clock
  readonly platform: Platform
  readonly surroundings: ServiceSurroundings
  readonly services: readonly string[]
  readonly properties: LiveProperties
  readonly javaScriptStack: boolean
}

/** Fire drills, on demand and by schedule. */
export interface Drills {
  readonly desk: DrillDesk
  /** Begins to keep the schedules. */
  open(): void
  close(): Promise<void>
}

export function assembleDrills(parts: DrillParts): Drills {
  const { clock, surroundings, services, properties } = parts
  const { supervisor, state, emit } = surroundings
  const desk = new DrillDesk({
    clock,
    machineTime,
    emit,
    supervisor,
    platform: parts.platform,
    state,
    addCanary: (settings) => addService(surroundings, settings),
    readings: createDrillReadings(state),
    javaScriptStack: parts.javaScriptStack,
  })
  const due = new DueDrills(desk, emit)
  const rounds = new DrillRounds({
    clock,
    schedules: () => drillAppointments(properties, services),
    due: (service) => due.due(service),
    refused: (service, reason) => due.skipped(service, reason),
  })
  return {
    desk,
    open() {
      rounds.reconsider()
      properties.onChange(() => rounds.reconsider())
    },
    close() {
      due.close()
      rounds.close()
      return desk.close()
    },
  }
}
