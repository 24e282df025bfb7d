import type { PropertyDefinition } from '../definition.js'
import { text } from './build.js'

/** When what happens by itself. */
export const scheduleDefinitions: readonly PropertyDefinition[] = [
  schedule('MaintenanceSchedule', 'When monitoring is held, as a cron expression and a duration; empty for never.'),
  schedule('DrillSchedule', 'When a fire drill is held, as a cron expression; empty for never.'),
  schedule('ScheduleTimeZone', 'Time zone of the schedules, such as Europe/Berlin; empty for that of the machine.'),
]

function schedule(name: string, meaning: string): PropertyDefinition {
  return text(name, '', { scope: 'both', meaning, usedBy: 'schedule', source: 'hangdog' })
}
