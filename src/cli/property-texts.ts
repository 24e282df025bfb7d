import { refuseDrillSchedule, refuseMaintenanceSchedule } from '../maintenance/schedule.js'
import { refuseTimeZone } from '../maintenance/time-zone.js'

const refusals: Readonly<Record<string, (text: string) => string | undefined>> = {
  MaintenanceSchedule: refuseMaintenanceSchedule,
  DrillSchedule: refuseDrillSchedule,
  ScheduleTimeZone: refuseTimeZone,
}

/** The checks of properties that only the part which heeds them can make. @returns what was expected, when the text is wrong */
export function refuseText(name: string, text: string): string | undefined {
  return refusals[name]?.(text)
}
