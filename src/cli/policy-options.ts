import { type Command, Option } from 'commander'
import { HangdogError } from '../errors.js'
import type { PolicySettings } from '../service-settings.js'
import { parseSignal } from '../signal-name.js'
import { parseDuration } from '../time.js'
import { coreDumps, type HoldReason, holdReasons, parseAction, restartModes } from '../watch/policy.js'

/** What the options below give. */
export interface PolicyOptions {
  readonly timeout?: string
  readonly action?: string
  readonly shadow?: boolean
  readonly startTimeout?: string
  readonly warningPercent?: string
  readonly terminateSignal?: string
  readonly terminateTimeout?: string
  readonly killTimeout?: string
  readonly escalation?: 'none' | 'bugcheck'
  readonly stopTimeout?: string
  readonly evidenceTimeout?: string
  readonly coreDump?: string
  readonly coreDumpTimeout?: string
  readonly coreDumpLimit?: string
  readonly hold?: readonly string[]
  readonly restart?: string
  readonly restartDelay?: string
  readonly restartLimit?: string
  readonly restartPeriod?: string
}

export function addPolicyOptions(command: Command): Command {
  return command
    .option('--timeout <duration>', 'longest silence allowed, such as 500ms, 6s, 2m (default: 60s)')
    .option('--action <action>', 'HangRecoveryAction: 0 disable, 1 log, 2 terminate, 3 bugcheck (default: 2)')
    .option('--shadow', 'decide and report, but act on nothing; see `hangdog advise`')
    .option('--start-timeout <duration>', 'from the start to the first sign of life (default: 180s)')
    .option(
      '--warning-percent <percent>',
      'share of the timeout after which silence is warned of; 0 for none (default: 50)',
    )
    .option('--terminate-signal <signal>', 'first signal to a hung service (default: SIGTERM)')
    .option('--terminate-timeout <duration>', 'from that signal to SIGKILL; 0 sends SIGKILL at once (default: 5s)')
    .option('--kill-timeout <duration>', 'from SIGKILL to giving up (default: 10s)')
    .addOption(
      new Option('--escalation <rung>', 'when it cannot be terminated (default: none)').choices(['none', 'bugcheck']),
    )
    .option('--stop-timeout <duration>', 'from a requested stop to SIGKILL (default: 30s)')
    .option('--evidence-timeout <duration>', 'for all evidence together; 0 takes none (default: 3s)')
    .addOption(
      new Option('--core-dump <what>', 'write a core before the service is ended (default: none)').choices([
        ...coreDumps,
      ]),
    )
    .option('--core-dump-timeout <duration>', 'how long a core may delay the action (default: 10s)')
    .option('--core-dump-limit <MiB>', 'the largest core (default: 2048)')
    .option(
      '--hold <reason=duration>',
      `how long silence may go on while it is ${holdReasons.slice(0, 3).join(', ')} or starved; 0 does not hold`,
      (value: string, previous: readonly string[] = []) => [...previous, value],
    )
    .addOption(
      new Option('--restart <mode>', 'restart a service that ended (default: never)').choices([...restartModes]),
    )
    .option('--restart-delay <duration>', 'first back-off; it doubles up to 30s (default: 500ms)')
    .option('--restart-limit <count>', 'restarts within the period before it is left failed (default: 5)')
    .option('--restart-period <duration>', 'the period of that limit (default: 10m)')
}

/** @throws HangdogError `usage` naming the option, what it takes and what was given */
export function readPolicyOptions(options: PolicyOptions): PolicySettings {
  const time = <Key extends keyof PolicySettings>(key: Key, text: string | undefined, option: string) =>
    text === undefined ? {} : { [key]: parseDuration(text, option) }
  return {
    ...time('heartbeatTimeout', options.timeout, '--timeout'),
    ...(options.action !== undefined && { action: parseAction(options.action, '--action') }),
    ...(options.shadow !== undefined && { shadow: options.shadow }),
    ...time('startTimeout', options.startTimeout, '--start-timeout'),
    ...(options.warningPercent !== undefined && {
      warningPercent: parseCount(options.warningPercent, '--warning-percent', 0, 99),
    }),
    ...(options.terminateSignal !== undefined && {
      terminateSignal: parseSignal(options.terminateSignal, '--terminate-signal'),
    }),
    ...time('terminateTimeout', options.terminateTimeout, '--terminate-timeout'),
    ...time('killTimeout', options.killTimeout, '--kill-timeout'),
    ...(options.escalation !== undefined && { escalation: options.escalation }),
    ...time('stopTimeout', options.stopTimeout, '--stop-timeout'),
    ...time('evidenceTimeout', options.evidenceTimeout, '--evidence-timeout'),
    ...(options.coreDump !== undefined && { coreDump: coreDumps.find((what) => what === options.coreDump) ?? 'none' }),
    ...time('coreDumpTimeout', options.coreDumpTimeout, '--core-dump-timeout'),
    ...(options.coreDumpLimit !== undefined && {
      coreDumpLimit: parseCount(options.coreDumpLimit, '--core-dump-limit', 1, 4294967295),
    }),
    holds: Object.assign({}, ...(options.hold ?? []).map(parseHold)),
    restart: {
      ...(options.restart !== undefined && { mode: restartModes.find((mode) => mode === options.restart) ?? 'never' }),
      ...(options.restartDelay !== undefined && { delay: parseDuration(options.restartDelay, '--restart-delay') }),
      ...(options.restartLimit !== undefined && {
        limit: parseCount(options.restartLimit, '--restart-limit', 0, 1000),
      }),
      ...(options.restartPeriod !== undefined && { period: parseDuration(options.restartPeriod, '--restart-period') }),
    },
  }
}

function parseHold(text: string): Partial<Record<HoldReason, ReturnType<typeof parseDuration>>> {
  const [name, duration] = text.split('=')
  const reason = holdReasons.find((known) => known === name)
  if (reason === undefined || duration === undefined) {
    throw new HangdogError(
      'usage',
      `cannot read --hold "${text}": expected REASON=DURATION, REASON one of ${holdReasons.join(', ')}`,
    )
  }
  return { [reason]: parseDuration(duration, `--hold ${reason}`) }
}

function parseCount(text: string, option: string, least: number, most: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= most) return value
  throw new HangdogError('usage', `cannot read ${option} "${text}": expected a whole number from ${least} to ${most}`)
}
