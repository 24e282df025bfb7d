import { HangdogError } from './errors.js'
import { formatDuration, type Milliseconds, parseDuration, seconds } from './time.js'

/** What the kernel can be asked to do about hangdog itself, by the names of HangRecoveryAction. To do nothing is not to be asked for. */
export const ownWatchActions = ['log', 'terminate', 'bugcheck'] as const
export type OwnWatchAction = (typeof ownWatchActions)[number]

/** How the kernel module is to watch hangdog itself. */
export interface OwnWatchSettings {
  /** Longest time without a round of decisions; from 5 s to 4294967295 s. */
  readonly timeout: Milliseconds
  /** Default `terminate`. */
  readonly action: OwnWatchAction
}

/** With less, a hangdog that is well would be ended on a busy machine: a round is due eight times within the limit. */
const shortestLimit = seconds(5)

/**
 * Reads `LIMIT` or `LIMIT:ACTION`.
 * @param option what the text was given for; named in the error
 * @throws HangdogError `usage` with the expected form and what was given
 */
export function parseOwnWatch(text: string, option: string): OwnWatchSettings {
  const end = text.indexOf(':')
  const timeout = parseDuration(end < 0 ? text : text.slice(0, end), option)
  if (end < 0) return completeOwnWatch({ timeout }, option)
  const action = ownWatchActions.find((name) => name === text.slice(end + 1))
  if (action === undefined) throw refusal(option, text, `LIMIT or LIMIT:ACTION with ${ownWatchActions.join(', ')}`)
  return completeOwnWatch({ timeout, action }, option)
}

/**
 * Fills in what was not given, and refuses what cannot be.
 * @throws HangdogError `usage` with the expected form and what was given
 */
export function completeOwnWatch(
  { timeout, action = 'terminate' }: Pick<OwnWatchSettings, 'timeout'> & Partial<OwnWatchSettings>,
  option: string,
): OwnWatchSettings {
  if (timeout >= shortestLimit) return { timeout, action }
  throw refusal(option, `${timeout / 1000}s`, `a limit of ${formatDuration(shortestLimit)} or more`)
}

function refusal(option: string, found: string, expected: string): HangdogError {
  return new HangdogError('usage', `cannot use ${option} "${found}": expected ${expected}`)
}
