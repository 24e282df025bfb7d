import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Argument, Command, Option } from 'commander'
import { HangdogError } from '../errors.js'
import type { RecordedEvent } from '../event/event.js'
import { faults } from '../fault/catalogue.js'
import type { TrialOrder } from '../fault/trial.js'
import { formatDuration, type Milliseconds, parseDuration, seconds } from '../time.js'
import { watchInterruption } from './interruption.js'
import { jsonOption } from './options.js'
import { type Output, openOutput } from './output.js'

interface FaultOptions {
  readonly limit: string
  readonly after?: string
  readonly action: 'log' | 'terminate'
  readonly command?: boolean
  readonly json?: boolean
}

const defaultAfter = seconds(1)

/** Something is not as the kit expects. */
const otherwiseExitCode = 1
/** 128 + SIGINT: nothing is known of the outcome, so it must not look like a pass. */
const interruptedExitCode = 130

/** `hangdog fault`: a real service hangs on order, and it is shown what hangdog makes of it. */
export function faultCommand(open: () => Output = openOutput): Command {
  return new Command('fault')
    .description('make a real service hang in one of many ways, under a hangdog of its own, and show what comes of it')
    .addArgument(
      new Argument('[kind]', 'how to hang; "list" shows the kinds').choices([
        'list',
        ...faults.map(({ kind }) => kind),
      ]),
    )
    .option('--limit <duration>', 'heartbeat timeout of the service', '2s')
    .option('--after <duration>', 'the service hangs this long after it is ready (default: 1s)')
    .addOption(
      new Option('--action <action>', 'what is done about the hang').choices(['log', 'terminate']).default('terminate'),
    )
    .option('--command', 'only print the command line of the service, to put it under a configuration of your own')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Without a kind it lists all, with what each needs and whether it can run on this machine. Services of this machine are not touched, nor
is any state directory but a temporary one. What is compiled is kept in a folder of the temporary directory.

Examples:
  $ hangdog fault
  $ hangdog fault java-deadlock
  $ hangdog fault fuse-mount --limit 1s --json
  $ hangdog fault endless-loop --after 1m --command

Exit codes: 0 found as expected; 1 not found, or verdict or cause are not those that the kit expects; 69 not available: this machine
lacks something that the kind needs; 130 interrupted.`,
    )
    .action((kind: string | undefined, options: FaultOptions) => fault(kind ?? 'list', options, open()))
}

async function fault(kind: string, options: FaultOptions, output: Output): Promise<void> {
  if (kind === 'list' && options.command === true) {
    throw new HangdogError('usage', 'cannot print a command line: expected a kind of "hangdog fault list"')
  }
  if (kind === 'list') return await list(options, output)
  const limit = await readLimit(options.limit)
  const after = options.after === undefined ? undefined : parseDuration(options.after, '--after')
  if (options.command === true) return await printCommand(kind, after, output)
  await tryOut({ kind, limit, after: after ?? defaultAfter, action: options.action }, options.json === true, output)
}

async function list({ json }: FaultOptions, output: Output): Promise<void> {
  const [{ findMissing }, { layOutKinds }] = await Promise.all([import('../fault/need.js'), import('./fault-view.js')])
  const rows = await Promise.all(faults.map(async (each) => ({ ...each, missing: await findMissing(each.needs) })))
  if (json !== true) return await output.write(layOutKinds(rows, output))
  for (const { kind, summary, language, needs, missing } of rows) {
    await output.writeJson({ kind, summary, language, needs, available: missing.length === 0, missing })
  }
}

async function readLimit(text: string): Promise<Milliseconds> {
  const { shortestLimit } = await import('../watch/policy.js')
  const limit = parseDuration(text, '--limit')
  if (limit >= shortestLimit) return limit
  throw new HangdogError('usage', `cannot use --limit "${text}": expected at least ${formatDuration(shortestLimit)}`)
}

/** The folder of the service stays: it is the operator's from here on. */
async function printCommand(kind: string, after: Milliseconds | undefined, output: Output): Promise<void> {
  const [{ prepareFault }, { quoteWord }] = await Promise.all([import('../fault/kit.js'), import('./fault-view.js')])
  const folder = await mkdtemp(join(tmpdir(), 'hangdog-fault-'))
  const prepared = await prepareFault(kind, folder, after === undefined ? {} : { afterMs: Math.round(after) })
  if ('missing' in prepared) {
    await rm(folder, { recursive: true })
    throw new HangdogError('unavailable', `cannot run the fault "${kind}" here: ${prepared.missing}`)
  }
  await output.write(`${[prepared.command, ...prepared.args].map(quoteWord).join(' ')}\n`)
  const also = after === undefined ? '' : `${formatDuration(after)} after it is ready, or `
  output.note(`run it with --heartbeat ${prepared.heartbeat}; it hangs ${also}when there is a file ${prepared.trigger}`)
}

type Asked = Pick<TrialOrder, 'kind' | 'limit' | 'after' | 'action'>

async function tryOut(asked: Asked, json: boolean, output: Output): Promise<void> {
  const [{ runTrial }, { describeOutcome, describeSaid }] = await Promise.all([
    import('../fault/trial.js'),
    import('./fault-view.js'),
  ])
  const interruption = watchInterruption(output.closed)
  const startedAt = performance.now()
  // What is said is no result, and is lost if nobody reads it.
  const tell = (event: RecordedEvent): void => {
    if (!json) void output.write(describeSaid(event, performance.now() - startedAt)).catch(() => {})
  }
  try {
    const outcome = await runTrial({ ...asked, signal: interruption.signal, tell })
    if (interruption.signal.aborted) return output.setExitCode(interruptedExitCode)
    await (json ? output.writeJson(outcome) : output.write(describeOutcome(outcome, output)))
    if (!outcome.asExpected) output.setExitCode(otherwiseExitCode)
  } finally {
    interruption.dispose()
  }
}
