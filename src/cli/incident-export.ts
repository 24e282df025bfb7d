import { resolve } from 'node:path'
import type { Incident } from '../incident/incident-reader.js'
import type { StateDirectory } from '../state-directory.js'
import { readWholeReport } from './incident-show.js'
import { watchInterruption } from './interruption.js'
import type { StateOptions } from './options.js'
import type { Output, Page } from './output.js'

export interface ExportOptions extends StateOptions {
  readonly output?: string
  readonly withCore?: boolean
}

/**
 * `hangdog incident export`. A damaged record is exported as well: it is then what a colleague needs to see.
 * @throws HangdogError `usage` for an id that none has, `create` when the archive cannot be written or is there already
 */
export async function exportOne(id: string, options: ExportOptions, output: Output): Promise<void> {
  const [{ readIncident }, { readIncidentFiles }, { gatherExport }, { writeArchive }, { findStateDirectory }] =
    await Promise.all([
      import('../incident/incident-reader.js'),
      import('../incident/incident-files.js'),
      import('../incident/incident-export.js'),
      import('../incident/archive.js'),
      import('../state-directory.js'),
    ])
  const directory = findStateDirectory(options.stateDir)
  const incident = await readIncident(directory.incidents, id)
  const path = resolve(options.output ?? `hangdog-${incident.id}.tar.gz`)
  const interruption = watchInterruption(output.closed)
  try {
    const contents = gatherExport({
      id: incident.id,
      files: await readIncidentFiles(incident.path),
      page: await writePage(incident, directory),
      events: await readEventsAround(incident, directory),
      withCore: options.withCore === true,
    })
    await writeArchive(path, contents.entries, { at: timeOf(incident), signal: interruption.signal })
    await tell(path, incident.id, contents, options, output)
  } finally {
    interruption.dispose()
  }
}

async function tell(
  path: string,
  id: string,
  { removals, leftOut, unsearched, entries }: ReturnType<typeof import('../incident/incident-export.js').gatherExport>,
  { json }: ExportOptions,
  output: Output,
): Promise<void> {
  if (unsearched.length > 0)
    output.note(`the archive holds memory or binary data as it is, secrets included: ${unsearched.join(', ')}`)
  for (const { path: file, why } of leftOut) output.note(`left out: ${file}: ${why}`)
  if (json === true) {
    await output.writeJson({ id, archive: path, files: entries.length, removals, leftOut, unsearched })
    return
  }
  const found =
    removals === 0
      ? 'nothing looked like a secret'
      : `what looked like a secret was removed in ${removals} ${removals === 1 ? 'place' : 'places'}`
  output.note(`${found}; REDACTED.txt in it says where. Read it before you give it to strangers.`)
  await output.write(`${path}\n`)
}

/** As `incident show --all` has it on paper. */
const paper: Page = { columns: 120, paint: (_, text) => text }

async function writePage(incident: Incident, directory: StateDirectory): Promise<string | undefined> {
  if (incident.kind === 'damaged') return undefined
  const [{ describeReport }, { redactData }] = await Promise.all([
    import('./incident-view.js'),
    import('../incident/redaction.js'),
  ])
  // Before it is laid out: a secret that is broken into two lines would not be found any more.
  const { value } = redactData(await readWholeReport(incident, directory))
  return describeReport(value, paper, { all: true })
}

/** How long before the verdict the log is told from. It is told to the end of the incident. */
const aroundMs = 10 * 60 * 1000

/** What was said of the service around the incident; what cannot be read is left out. */
async function readEventsAround(incident: Incident, { events }: StateDirectory): Promise<string> {
  if (incident.kind === 'damaged') return ''
  const { readEvents } = await import('../event/history-reader.js')
  const { service, openedAt } = incident.opened
  const from = new Date(Date.parse(openedAt) - aroundMs)
  const until = incident.closed === null ? Number.POSITIVE_INFINITY : Date.parse(incident.closed.closedAt)
  const lines: string[] = []
  try {
    for await (const event of readEvents(events, { service, since: from })) {
      if (Date.parse(event.time) <= until) lines.push(`${JSON.stringify(event)}\n`)
    }
  } catch {
    return lines.join('')
  }
  return lines.join('')
}

/** What the entries of the archive are dated: the same incident gives the same archive. */
function timeOf(incident: Incident): Date {
  const at =
    incident.kind === 'damaged' ? Number.NaN : Date.parse(incident.closed?.closedAt ?? incident.opened.openedAt)
  return new Date(Number.isNaN(at) ? 0 : Math.floor(at / 1000) * 1000)
}
