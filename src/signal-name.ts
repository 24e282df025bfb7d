import { constants } from 'node:os'
import { HangdogError } from './errors.js'

/**
 * Reads a signal by name.
 * @param option what it was given for; named in the error
 * @throws HangdogError `usage` when there is no such signal on this machine
 */
export function parseSignal(text: string, option: string): NodeJS.Signals {
  if (isSignal(text)) return text
  throw new HangdogError(
    'usage',
    `cannot read ${option} "${text}": expected a signal by name, such as SIGTERM or SIGINT`,
  )
}

/** Whether this machine has a signal of that name. */
export function isSignal(text: string): text is NodeJS.Signals {
  return text in constants.signals
}

/** The number of a signal on this machine. */
export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal]
}
