import { Command } from 'commander'
import type { ServiceMaintenance } from '../maintenance/window.js'
import type { ShownMaintenance } from './maintenance-view.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Output, openOutput } from './output.js'

interface StartOptions extends StateOptions {
  readonly for: string
  readonly reason: string
}

/** `hangdog maintenance`: a pause of the monitoring that ends by itself. */
export function maintenanceCommand(open: () => Output = openOutput): Command {
  const command = new Command('maintenance')
    .description('hold the monitoring of a service, or of all, for a time that ends by itself')
    .addHelpText('after', help)
  command
    .command('start [service]')
    .description('start a maintenance of SERVICE, or of all services; one that goes on for the same is replaced')
    .requiredOption('--for <duration>', 'how long, such as 30m or 2h; at most 720h')
    .requiredOption('--reason <text>', 'why, for the events and for people who look')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .action((service: string | undefined, options: StartOptions) => start(service, options, open()))
  command
    .command('stop [service]')
    .description('end what "start" with the same SERVICE, or without one, began')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .action((service: string | undefined, options: StateOptions) => stop(service, options, open()))
  command
    .command('status [service]')
    .description('show what is in maintenance, until when and why, and when a schedule starts the next one')
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .action((service: string | undefined, options: StateOptions) => printStatus(service, options, open()))
  return command
}

const help = `
In maintenance a service has no countdown, its silence is not judged, and its heartbeats are only counted. The end is an event (15872),
also when hangdog was restarted in between. Without a running hangdog the maintenance is stored, and holds from when one starts.
Maintenances that come again and again are the property MaintenanceSchedule.

Examples:
  $ hangdog maintenance start web --for 30m --reason "database upgrade"
  $ hangdog maintenance start --for 2h --reason "kernel update"      all services
  $ hangdog maintenance stop web
  $ hangdog maintenance status --json

Exit codes: 64 when there is no such service or an option is wrong; 69 when the stored maintenances are in use by another process, or
when there is no state directory to stop in or to look at; 73 or 77 when they cannot be written. Nothing has changed then.`

async function start(service: string | undefined, options: StartOptions, output: Output): Promise<void> {
  const { readRequest } = await import('./maintenance-request.js')
  const request = readRequest(service, options)
  const { askEach, findMaintainers } = await import('./maintenance-daemons.js')
  const live = await findMaintainers(options.stateDir, service, output)
  if (live.length === 0) {
    const { startStored } = await import('./maintenance-stored.js')
    return await print([await startStored(options.stateDir, request, output)], options, output)
  }
  const { author, reason } = request
  const params = { ...(service !== undefined && { service }), forMs: request.for, reason, author }
  const answers = await askEach(live, 'maintenance-start', params)
  await print(
    answers.flatMap(({ instance, result }) => addInstance(instance, result)),
    options,
    output,
  )
}

async function stop(service: string | undefined, options: StateOptions, output: Output): Promise<void> {
  const { askEach, findMaintainers } = await import('./maintenance-daemons.js')
  const { describeStop } = await import('./maintenance-view.js')
  const live = await findMaintainers(options.stateDir, service, output)
  if (live.length === 0) {
    const { stopStored } = await import('./maintenance-stored.js')
    const stopped = await stopStored(options.stateDir, service, output)
    return output.note(describeStop(service, stopped))
  }
  const answers = await askEach(live, 'maintenance-stop', service === undefined ? {} : { service })
  output.note(
    describeStop(
      service,
      answers.some(({ result }) => result.stopped),
    ),
  )
  await print(
    answers.flatMap(({ instance, result }) => addInstance(instance, result.services)),
    options,
    output,
  )
}

async function printStatus(service: string | undefined, options: StateOptions, output: Output): Promise<void> {
  const { askEach, findMaintainers } = await import('./maintenance-daemons.js')
  const live = await findMaintainers(options.stateDir, service, output)
  if (live.length === 0) {
    const { listStored } = await import('./maintenance-stored.js')
    return await print(await listStored(options.stateDir, service, output), options, output)
  }
  const answers = await askEach(live, 'maintenance-status', {})
  const all = answers.flatMap(({ instance, result }) => addInstance(instance, result))
  await print(service === undefined ? all : all.filter((each) => each.service === service), options, output)
}

async function print(all: readonly ShownMaintenance[], options: StateOptions, output: Output): Promise<void> {
  if (options.json === true) {
    for (const each of all) await output.writeJson(each)
    return
  }
  const { layOutMaintenance } = await import('./maintenance-view.js')
  await output.write(
    layOutMaintenance(all, output)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

function addInstance(instance: string, all: readonly ServiceMaintenance[]): readonly ShownMaintenance[] {
  return all.map((each) => ({ instance, ...each }))
}
