import type { BugCheckSettings } from './bugcheck-consent.js'
import type { DrillAppointment } from './drill/drill-rounds.js'
import type { LiveProperties } from './live-properties.js'
import type { ScheduleText } from './maintenance/schedule-book.js'
import { seconds } from './time.js'

/** What the stored properties say to the parts of hangdog that are not a service's policy. Each is read at the moment it is asked. */

export function bugCheckSettings(properties: LiveProperties): BugCheckSettings {
  return {
    consent: numberOf(properties, 'BugCheckConsent') === 1,
    minimumUptime: seconds(numberOf(properties, 'BugCheckMinimumUptime')),
    limit: numberOf(properties, 'BugCheckLimit'),
    period: seconds(numberOf(properties, 'BugCheckPeriod')),
  }
}

/** Where crash dumps are looked for; empty for nowhere. */
export function crashDumpDirectory(properties: LiveProperties): string {
  const { value } = properties.valueOf('CrashDumpDirectory')
  return typeof value === 'string' ? value : ''
}

export function maintenanceSchedule(properties: LiveProperties, service: string): ScheduleText | undefined {
  const text = textOf(properties, 'MaintenanceSchedule', service)
  return text === '' ? undefined : { text, zone: textOf(properties, 'ScheduleTimeZone', service) }
}

export function drillAppointments(
  properties: LiveProperties,
  services: readonly string[],
): readonly DrillAppointment[] {
  return services.map((service) => ({
    service,
    cron: textOf(properties, 'DrillSchedule', service),
    zone: textOf(properties, 'ScheduleTimeZone', service),
  }))
}

function numberOf(properties: LiveProperties, name: string): number {
  const { value } = properties.valueOf(name)
  return typeof value === 'number' ? value : 0
}

function textOf(properties: LiveProperties, name: string, service: string): string {
  const { value } = properties.valueOf(name, service)
  return typeof value === 'string' ? value : ''
}
