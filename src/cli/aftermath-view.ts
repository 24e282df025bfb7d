import type { Aftermath } from '../aftermath/aftermath.js'
import type { IncidentReport } from './incident-report.js'
import { escapeText, formatTime, type Page } from './output.js'

/** What the machine says, in the list of facts of an incident. */
export function listAftermathFacts({ aftermath, aftermathUnreadable }: IncidentReport): [string, string][] {
  if (aftermathUnreadable !== undefined) return [['machine', `cannot be read: ${aftermathUnreadable}`]]
  if (aftermath === null) return []
  const { summary, sameBoot, bootThen, bootNow } = aftermath
  const boots = sameBoot ? `${bootThen}, the same as then` : `${bootThen} then, ${bootNow} when it was found`
  return [
    ['machine', summary],
    ['boot', boots],
  ]
}

/** What it says so from; nothing when hangdog alone died. */
export function describeAftermath({ aftermath, path }: IncidentReport, output: Page): readonly string[] {
  if (aftermath === null || aftermath.sameBoot) return []
  const heading = output.paint('bold', 'Traces of how the machine went down')
  const traces = listTraces(aftermath, path)
  const lines = traces.length === 0 ? ['none'] : traces
  return ['', heading, ...lines.map((line) => `  ${escapeText(line)}`)]
}

function listTraces(aftermath: Aftermath, path: string): readonly string[] {
  const copyAt = (file: string | null) => (file === null ? '' : `; copy: ${path}/${file}`)
  const which = (named: boolean) => (named ? 'names this incident' : 'of the time of this incident')
  return [
    ...aftermath.crashDumps.flatMap(({ directory, image, log, named, writtenAt, file }) => [
      `crash dump of ${formatTime(writtenAt)} in ${directory}, ${which(named)}`,
      `  memory: ${image === null ? 'not saved' : `${image.path} (${image.bytes} bytes${image.complete ? '' : ', incomplete'})`}`,
      `  log: ${log ?? 'not saved'}${copyAt(file)}`,
    ]),
    ...aftermath.kernelRecords.map(
      ({ source, reason, named, writtenAt, file }) =>
        `record in pstore (${reason}) of ${formatTime(writtenAt)}, ${which(named)}: ${source}${copyAt(file)}`,
    ),
    ...aftermath.watchdogs.map(
      ({ name, identity, bootStatus, flags }) =>
        `${name} (${identity}): boot status 0x${bootStatus.toString(16)}${flags.length === 0 ? '' : `, ${flags.join(', ')}`}`,
    ),
    ...(aftermath.resetReason === null ? [] : [`the kernel says: ${aftermath.resetReason}`]),
    ...(aftermath.commandLine === null ? [] : [`command line of the kernel: ${aftermath.commandLine}`]),
    ...aftermath.missing.map(({ name, reason }) => `missing: ${name}: ${reason}`),
  ]
}
