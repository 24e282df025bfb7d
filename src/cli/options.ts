import { Option } from 'commander'
import type { GuardMode } from '../guard-mode.js'
import { parseOwnWatch } from '../own-kernel-watch-settings.js'
import { parseMachineWatchdog } from '../platform/machine-watchdog-settings.js'
import type { PropertyProfile } from '../property/definitions.js'

/** What the commands that read a state directory have in common, as commander gives it. */
export interface StateOptions {
  readonly stateDir?: string
  readonly json?: boolean
}

export function stateDirectoryOption(): Option {
  return new Option(
    '--state-dir <dir>',
    'where hangdog keeps its state (default: /var/lib/hangdog for root, else $XDG_STATE_HOME/hangdog or ~/.local/state/hangdog)',
  )
}

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON object a line, with stable field names')
}

/** @param otherwise what holds when it is not given; without this, `thread` is the default */
export function guardOption(otherwise?: string): Option {
  const modes: readonly GuardMode[] = ['process', 'thread', 'none']
  const option = new Option(
    '--guard <where>',
    'the native guard: a process that outlives hangdog and keeps its services watched, a thread of hangdog, or none',
  ).choices(modes)
  return otherwise === undefined ? option.default('thread') : option.default(undefined, otherwise)
}

/** Whose defaults properties have that are not set. */
export function profileOption(): Option {
  const profiles: readonly PropertyProfile[] = ['current', 'windows2003']
  return new Option('--profile <profile>', 'whose defaults properties have that are not set')
    .choices(profiles)
    .default('current')
}

/** `--machine-watchdog` of the commands that start a daemon. */
export function machineWatchdogOption(): Option {
  return new Option(
    '--machine-watchdog <device>',
    'feed this watchdog of the machine, which resets it when hangdog comes to no decision any more: DEVICE or DEVICE:TIMEOUT, such as /dev/watchdog0:30s',
  ).argParser((text) => parseMachineWatchdog(text, '--machine-watchdog'))
}

/** `--watch-hangdog` of the commands that start a daemon. */
export function watchHangdogOption(): Option {
  return new Option(
    '--watch-hangdog <limit>',
    'have the kernel module watch hangdog itself, which acts when that comes to no decision any more: LIMIT or LIMIT:ACTION with log, terminate (default) or bugcheck, such as 10s:terminate',
  ).argParser((text) => parseOwnWatch(text, '--watch-hangdog'))
}
