import type { Incident } from '../incident/incident-reader.js'
import type { StateDirectory } from '../state-directory.js'
import type { IncidentReport } from './incident-report.js'
import type { StateOptions } from './options.js'
import type { Output } from './output.js'

export interface ShowOptions extends StateOptions {
  readonly all?: boolean
}

/** `hangdog incident show`. @throws HangdogError `usage` for an id that none has, `data` when its record is damaged */
export async function showOne(id: string, options: ShowOptions, output: Output): Promise<void> {
  const [{ readIncident }, { findStateDirectory }, { describeReport }, { HangdogError }] = await Promise.all([
    import('../incident/incident-reader.js'),
    import('../state-directory.js'),
    import('./incident-view.js'),
    import('../errors.js'),
  ])
  const directory = findStateDirectory(options.stateDir)
  const incident = await readIncident(directory.incidents, id)
  if (incident.kind === 'damaged') {
    throw new HangdogError(
      'data',
      `cannot show the incident "${incident.id}": its record is damaged: ${incident.reason}; see ${incident.path}`,
    )
  }
  if (incident.damagedLines > 0)
    output.note(`${incident.damagedLines} damaged lines of "${incident.path}" were skipped`)
  const report = await readWholeReport(incident, directory)
  if (options.json === true) await output.writeJson(report)
  else await output.write(describeReport(report, output, { all: options.all === true }))
}

/** With what came after the hang. Never rejects. */
export async function readWholeReport(
  incident: Extract<Incident, { kind: 'whole' }>,
  { events }: StateDirectory,
): Promise<IncidentReport> {
  const [{ readReport }, { readNextStart }, { describeError }] = await Promise.all([
    import('./incident-report.js'),
    import('./next-start.js'),
    import('../errors.js'),
  ])
  const report = await readReport(incident)
  try {
    return { ...report, next: { start: await readNextStart(events, report.service, report.openedAt) } }
  } catch (error) {
    return { ...report, next: { start: null, unreadable: describeError(error) } }
  }
}
