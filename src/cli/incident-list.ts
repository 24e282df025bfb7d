import type { Incident } from '../incident/incident-reader.js'
import type { IncidentReport } from './incident-report.js'
import type { StateOptions } from './options.js'
import { formatTime, type Output } from './output.js'
import type { Cell } from './table.js'

/** `hangdog incident list`. */
export async function listAll(options: StateOptions, output: Output): Promise<void> {
  const [{ listIncidents }, { readReport }, { findStateDirectory }, { layOutTable }] = await Promise.all([
    import('../incident/incident-reader.js'),
    import('./incident-report.js'),
    import('../state-directory.js'),
    import('./table.js'),
  ])
  const { incidents } = findStateDirectory(options.stateDir)
  const rows: Cell[][] = []
  for (const incident of await listIncidents(incidents)) {
    const row = await listOne(incident, readReport)
    if (options.json === true) await output.writeJson(row.json)
    else rows.push(row.cells)
  }
  if (options.json === true) return
  const lines =
    rows.length === 0 ? ['No incidents.'] : layOutTable(['ID', 'OPENED', 'SERVICE', 'OUTCOME', 'CAUSE'], rows, output)
  await output.write(lines.map((line) => `${line}\n`).join(''))
}

interface ListRow {
  readonly json: unknown
  readonly cells: Cell[]
}

async function listOne(
  incident: Incident,
  readReport: (incident: Extract<Incident, { kind: 'whole' }>) => Promise<Pick<IncidentReport, 'cause' | 'aftermath'>>,
): Promise<ListRow> {
  if (incident.kind === 'damaged') {
    const { id, path, reason } = incident
    return {
      json: { id, state: 'damaged', reason, path },
      cells: [id, '-', '-', { text: 'damaged', colour: 'red' }, reason],
    }
  }
  const { id, state, opened, closed, path } = incident
  const { cause, aftermath } = await readReport(incident)
  const { service, openedAt, pid, action, hang } = opened
  const outcome = closed?.outcome ?? null
  const text = (outcome ?? state) + (aftermath === null ? '' : `: ${aftermath.end.kind}`)
  const shown: Cell = outcome === null ? { text, colour: 'yellow' } : text
  return {
    json: {
      id,
      state,
      service,
      openedAt,
      closedAt: closed?.closedAt ?? null,
      outcome,
      end: aftermath?.end.kind ?? null,
      verdict: hang.kind,
      cause,
      action,
      pid,
      path,
    },
    cells: [id, formatTime(openedAt), service, shown, cause],
  }
}
