import { Command, Option } from 'commander'
import type { InstanceStatus } from './daemons.js'
import { watchInterruption } from './interruption.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { type Output, openOutput } from './output.js'

interface StatusOptions extends StateOptions {
  readonly metrics?: boolean
  readonly watch?: boolean
}

/** `hangdog status`: what the running hangdogs see. */
export function statusCommand(open: () => Output = openOutput): Command {
  return new Command('status')
    .description('show the services that are watched: state, countdown left, last heartbeat, restarts, holds and hangs')
    .argument('[service]', 'only this service, in full')
    .option('-w, --watch', 'go on: redraw on a terminal, else print each line that changed; until Ctrl-C')
    .addOption(
      new Option('--metrics', 'for Prometheus: counters, and how far beats were apart').conflicts(['json', 'watch']),
    )
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Examples:
  $ hangdog status               all services
  $ hangdog status web --json    one service, for other programs
  $ hangdog status --watch
  $ hangdog status --metrics > /var/lib/node_exporter/hangdog.prom.new

Exit codes: 69 when no hangdog runs with the state directory, 64 when there is no such service.`,
    )
    .action(async (service: string | undefined, options: StatusOptions) => {
      const output = open()
      await (options.watch === true ? watchStatus : options.metrics === true ? printMetrics : printStatus)(
        service,
        options,
        output,
      )
    })
}

async function printStatus(service: string | undefined, options: StatusOptions, output: Output): Promise<void> {
  const [{ findDaemons, askStatus }, { layOutService, layOutStatus }] = await Promise.all([
    import('./daemons.js'),
    import('./status-view.js'),
  ])
  const { live } = await findDaemons(options.stateDir, output)
  const all = await askStatus(live, service)
  const now = new Date()
  if (options.json !== true && service === undefined) {
    await output.write(
      layOutStatus(all, output, now)
        .map((line) => `${line}\n`)
        .join(''),
    )
    return
  }
  const { addGaps } = await import('./gap-status.js')
  const whole = await addGaps(all, live, output)
  if (options.json === true) {
    for (const status of whole) await output.writeJson(status)
    return
  }
  const lines = whole.flatMap((status) => layOutService(status, output, now))
  await output.write(lines.map((line) => `${line}\n`).join(''))
}

async function printMetrics(service: string | undefined, options: StatusOptions, output: Output): Promise<void> {
  const [{ findDaemons, askStatus }, { findRecords }, { formatMetrics }] = await Promise.all([
    import('./daemons.js'),
    import('./gap-status.js'),
    import('./metrics.js'),
  ])
  const { live } = await findDaemons(options.stateDir, output)
  const all = await askStatus(live, service)
  const recordsOf = await findRecords(live, output)
  await output.write(formatMetrics(all.map((status) => ({ status, gaps: recordsOf(status) }))))
}

async function watchStatus(service: string | undefined, options: StatusOptions, output: Output): Promise<void> {
  const [{ askStatus, findDaemons }, { StatusWatcher }] = await Promise.all([
    import('./daemons.js'),
    import('./status-watcher.js'),
  ])
  const { directory, live } = await findDaemons(options.stateDir, output)
  // Refuses a service that does not exist; later it may come and go.
  await askStatus(live, service)
  const view = await openView(options, output)
  const interruption = watchInterruption(output.closed)
  let drawing: Promise<void> = Promise.resolve()
  await new Promise<void>((resolve, reject) => {
    const watcher = new StatusWatcher(directory, (all) => {
      const shown = service === undefined ? all : all.filter((status) => status.service === service)
      drawing = drawing.then(() => view.show(shown))
      drawing.catch(end)
    })
    const end = (error?: unknown): void => {
      watcher.close()
      if (error === undefined) resolve()
      else reject(error)
    }
    if (interruption.signal.aborted) end()
    else interruption.signal.addEventListener('abort', () => end())
    watcher.start(interruption.signal.aborted ? [] : live)
  }).finally(() => interruption.dispose())
  await drawing
  await view.close()
}

/** Shows the same services again and again. */
interface View {
  show(all: readonly InstanceStatus[]): Promise<void>
  close(): Promise<void>
}

async function openView(options: StatusOptions, output: Output): Promise<View> {
  if (options.json === true) return openLineView((status) => output.writeJson(status))
  const { describeService, layOutStatus } = await import('./status-view.js')
  if (!output.terminal)
    return openLineView((status) => output.write(`${describeService(status, output, new Date())}\n`))
  const { Screen } = await import('./screen.js')
  const screen = new Screen(output)
  return {
    show: (all) => screen.draw(all.length === 0 ? ['(no hangdog runs)'] : layOutStatus(all, output, new Date())),
    close: () => screen.close(),
  }
}

/** Prints a service when it is seen first and whenever something about it changed that does not move all the time. */
function openLineView(print: (status: InstanceStatus) => Promise<void>): View {
  const last = new Map<string, string>()
  return {
    show: async (all) => {
      for (const status of all) {
        const key = `${status.instance} ${status.service}`
        const look = describeLook(status)
        if (last.get(key) === look) continue
        last.set(key, look)
        await print(status)
      }
    },
    close: () => Promise.resolve(),
  }
}

function describeLook(status: InstanceStatus): string {
  const { state, detail, pid, action, limitMs, restarts, holds, hangs, statusText } = status
  return JSON.stringify([state, detail, pid, action, limitMs, restarts, holds, hangs, statusText])
}
