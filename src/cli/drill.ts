import { Command, Option } from 'commander'
import { type DrillNews, type DrillOutcome, type DrillStep, hangManners } from '../drill/drill-report.js'
import { exitCodes, HangdogError } from '../errors.js'
import { formatDuration, milliseconds, parseDuration } from '../time.js'
import type { InstanceStatus } from './daemons.js'
import { watchInterruption } from './interruption.js'
import { jsonOption, type StateOptions, stateDirectoryOption } from './options.js'
import { escapeText, type Output, openOutput } from './output.js'

interface DrillOptions extends StateOptions {
  readonly timeout?: string
  readonly how?: (typeof hangManners)[number]
}

/** Failed, hangdog did not do what it should. */
const outcomeCodes = { failed: exitCodes.internal, abandoned: exitCodes.unavailable } as const

/** 128 + SIGINT: nothing is known of the outcome, so it must not look like a pass. */
const interruptedExitCode = 130

/** `hangdog drill`: a canary beside a service is hung for real, and everything that follows is checked. */
export function drillCommand(open: () => Output = openOutput): Command {
  return new Command('drill')
    .description(
      'fire drill: prove on a real but harmless hang that a hang of SERVICE would be found, explained and ended',
    )
    .argument('<service>', 'name of the service; it is not touched')
    .option('--timeout <duration>', 'limit of the canary (default: that of the service)')
    .addOption(
      new Option('--how <manner>', 'how the canary hangs; a busy loop takes a CPU while it lasts')
        .choices(hangManners)
        .default('blocked' satisfies (typeof hangManners)[number]),
    )
    .addOption(stateDirectoryOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
The hangdog that watches SERVICE starts a canary "SERVICE.drill" with the policy of SERVICE: its limits, signals and evidence.
Whatever HangRecoveryAction says, the canary is terminated and restarted once; the machine is never stopped. The canary's events and
its incident carry the name "SERVICE.drill". The outcome is an event of SERVICE: 15881 passed, 15882 failed.

Examples:
  $ hangdog drill web
  $ hangdog drill web --timeout 2s --how busy-loop --json

Exit codes: 0 passed; 70 failed: hangdog did not do what it should; 69 not held: no hangdog watches SERVICE, its HangRecoveryAction is 0,
it is in maintenance, a drill of it goes on already, or hangdog is a dry run or being stopped; 130 interrupted: the drill goes on in
hangdog, which ends the canary.`,
    )
    .action((service: string, options: DrillOptions) => drill(service, options, open()))
}

async function drill(service: string, options: DrillOptions, output: Output): Promise<void> {
  const timeoutMs = await readTimeout(options.timeout)
  const { findDaemons } = await import('./daemons.js')
  const { live } = await findDaemons(options.stateDir, output)
  for (const watched of await findWatched(live, service)) {
    const path = live.find(({ name }) => name === watched.instance)?.path
    if (path !== undefined) await hold(path, watched, { ...options, timeoutMs }, output)
  }
}

type Live = Awaited<ReturnType<typeof import('./daemons.js').findDaemons>>['live']

async function readTimeout(text: string | undefined): Promise<number | undefined> {
  if (text === undefined) return undefined
  const { shortestLimit } = await import('../watch/policy.js')
  const timeout = parseDuration(text, '--timeout')
  if (timeout >= shortestLimit) return timeout
  throw new HangdogError('usage', `cannot use --timeout "${text}": expected at least ${formatDuration(shortestLimit)}`)
}

/** @throws HangdogError `unavailable` when none of the hangdogs watches it */
async function findWatched(live: Live, service: string): Promise<readonly InstanceStatus[]> {
  const { askStatus } = await import('./daemons.js')
  const all = await askStatus(live, undefined)
  const found = all.filter((status) => status.service === service)
  if (found.length > 0) return found
  const known = [...new Set(all.map((status) => status.service))].join(', ')
  throw new HangdogError(
    'unavailable',
    `cannot drill service "${service}": no hangdog that runs watches it; watched are ${known}`,
  )
}

type Held = DrillOptions & { readonly timeoutMs: number | undefined }

/** Has one drill held and shows it. Sets the exit code when it did not pass. */
async function hold(path: string, watched: InstanceStatus, options: Held, output: Output): Promise<void> {
  const { followControl } = await import('../control/client.js')
  const { service } = watched
  const { timeoutMs, how = 'blocked', json } = options
  const params = { service, how, ...(timeoutMs !== undefined && { timeoutMs }) }
  // A drill that is refused has no news, and nothing is going to hang.
  let heading = json === true ? '' : describeStart(watched, how, timeoutMs ?? watched.limitMs)
  const show = async (news: DrillNews): Promise<void> => {
    if (json === true) return await output.writeJson(news)
    await output.write(`${heading}${describeNews(news, output)}`)
    heading = ''
  }
  const interruption = watchInterruption(output.closed)
  let outcome: DrillOutcome | undefined
  try {
    for await (const news of followControl(path, 'drill', params, { signal: interruption.signal })) {
      if (news.kind !== 'step') outcome = news
      await show(news)
    }
  } finally {
    interruption.dispose()
  }
  if (outcome !== undefined) {
    if (outcome.kind !== 'passed') output.setExitCode(outcomeCodes[outcome.kind])
    return
  }
  const where = `its outcome will be an event: hangdog events --service ${service}`
  if (!interruption.signal.aborted) {
    throw new HangdogError(
      'unavailable',
      `cannot follow the drill of "${service}": hangdog closed the connection; ${where}`,
    )
  }
  output.note(`the drill of "${service}" goes on without this command; ${where}`)
  output.setExitCode(interruptedExitCode)
}

function describeStart({ service, instance }: InstanceStatus, how: string, limitMs: number): string {
  const limit = formatDuration(milliseconds(limitMs))
  return `Fire drill of ${escapeText(service)} (watched by ${escapeText(instance)}): its canary is going to hang (${how}), with a limit of ${limit}. ${escapeText(service)} itself is not touched.\n`
}

function describeNews(news: DrillNews, output: Output): string {
  return news.kind === 'step' ? describeStep(news, output) : describeOutcome(news, output)
}

/** Width of the longest name of a step. */
const nameWidth = 11

function describeStep({ step, detail, sinceLastBeatMs }: DrillStep, output: Output): string {
  const time = sinceLastBeatMs === null ? '-' : `+${(sinceLastBeatMs / 1000).toFixed(3)}s`
  return `${time.padStart(9)}  ${output.paint('bold', step.padEnd(nameWidth))}  ${escapeText(detail)}\n`
}

function describeOutcome(outcome: DrillOutcome, output: Output): string {
  const incident = outcome.incident === null ? '' : ` Incident: ${escapeText(outcome.incident)}`
  if (outcome.kind !== 'passed') {
    const word = outcome.kind === 'failed' ? output.paint('red', 'Failed') : output.paint('yellow', 'Abandoned')
    return `${word} at the step "${outcome.step}": ${escapeText(outcome.detail)}${incident}\n`
  }
  const { overshootMs, reportedMs, detectionMs, limitMs } = outcome
  const limit = formatDuration(milliseconds(limitMs))
  return `${output.paint('green', 'Passed')}: ended ${overshootMs} ms after its limit of ${limit} (${reportedMs} ms by hangdog's own count); the verdict came ${detectionMs} ms after it.${incident}\n`
}
