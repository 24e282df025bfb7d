import { Command } from 'commander'
import type { Incident } from '../incident/incident-reader.js'
import type { IncidentReport } from './incident-report.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { formatTime, type Output, openOutput } from './output.js'
import type { Cell } from './table.js'

/** `hangdog incident`: the hangs that were, and what was captured about them. Reads files; needs no daemon. */
export function incidentCommand(open: () => Output = openOutput): Command {
  const command = new Command('incident').description('hangs and their evidence; needs no running hangdog').addHelpText(
    'after',
    `
Examples:
  $ hangdog incident list
  $ hangdog incident show 20250131T1200   the beginning of an id will do

Exit codes of show: 64 when no incident or several have that id, 65 when its record is damaged.`,
  )
  command
    .command('list')
    .description('all incidents, oldest first')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ hangdog incident list --json')
    .action((options: StateOptions) => list(options, open()))
  command
    .command('show')
    .description('one incident: what hung and why, what was captured, what was done, and how it ended')
    .argument('<id>', 'its id, or the beginning of it')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExample:\n  $ hangdog incident show 20250131T120000123Z-web-a1b2c3')
    .action((id: string, options: StateOptions) => show(id, options, open()))
  return command
}

async function list(options: StateOptions, output: Output): Promise<void> {
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

async function show(id: string, options: StateOptions, output: Output): Promise<void> {
  const [{ readIncident }, { readReport }, { findStateDirectory }, { describeReport }, { HangdogError }] =
    await Promise.all([
      import('../incident/incident-reader.js'),
      import('./incident-report.js'),
      import('../state-directory.js'),
      import('./incident-view.js'),
      import('../errors.js'),
    ])
  const { incidents } = findStateDirectory(options.stateDir)
  const incident = await readIncident(incidents, id)
  if (incident.kind === 'damaged') {
    throw new HangdogError(
      'data',
      `cannot show the incident "${incident.id}": its record is damaged: ${incident.reason}; see ${incident.path}`,
    )
  }
  const report = await readReport(incident)
  if (incident.damagedLines > 0)
    output.note(`${incident.damagedLines} damaged lines of "${incident.path}" were skipped`)
  if (options.json === true) await output.writeJson(report)
  else await output.write(describeReport(report, output))
}
