import { nameOf, type WindowRecord } from '../maintenance/window.js'
import { formatDuration, milliseconds } from '../time.js'
import { formatTime, type Output } from './output.js'
import { type Cell, layOutTable } from './table.js'

/** Whether a service is in maintenance, as it is shown. Field names are stable. */
export interface ShownMaintenance {
  /** The hangdog that watches it; null when none runs, and only what is stored is known. */
  readonly instance: string | null
  /** Null: every service. */
  readonly service: string | null
  /** Null: it is watched. */
  readonly window: WindowRecord | null
  /** When a schedule starts the next one; null for no schedule. */
  readonly nextStart: string | null
}

/** As a table; the instance is shown when there are several. */
export function layOutMaintenance(all: readonly ShownMaintenance[], output: Output): string[] {
  if (all.length === 0) return ['nothing is in maintenance']
  const several = new Set(all.map(({ instance }) => instance)).size > 1
  const headings = ['SERVICE', 'MAINTENANCE', 'UNTIL', 'LEFT', 'NEXT', 'BY', 'REASON']
  const rows = all.map((each) => (several ? [each.instance ?? '-', ...layOutRow(each)] : layOutRow(each)))
  return layOutTable(several ? ['INSTANCE', ...headings] : headings, rows, output)
}

function layOutRow({ service, window, nextStart }: ShownMaintenance): Cell[] {
  const name = service ?? '(every service)'
  const next = nextStart === null ? '-' : formatTime(nextStart)
  if (window === null) return [name, 'no', '-', '-', next, '-', '-']
  return [
    name,
    { text: describeSource(window), colour: 'yellow' },
    formatTime(window.until),
    formatDuration(milliseconds(Math.max(0, window.remainingMs))),
    next,
    window.by,
    window.reason,
  ]
}

function describeSource({ source, everyService }: WindowRecord): string {
  if (source === 'schedule') return 'by schedule'
  return everyService ? 'of every service' : 'yes'
}

/** What `stop` did, in a sentence. */
export function describeStop(service: string | undefined, stopped: boolean): string {
  const name = nameOf(service)
  return stopped ? `the maintenance of ${name} is stopped` : `no maintenance of ${name} was going on by command`
}
