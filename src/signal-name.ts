import { constants } from 'node:os'
import { HangdogError } from './errors.js'

/** What a signal has to be with which a service is asked to end; for errors. */
export const expectedSignal = 'a signal by name that can end a process, such as SIGTERM or SIGINT'

/** Job control: these stop a process, or let it go on. To one that was stopped no end can come but SIGKILL. */
const jobControl: ReadonlySet<string> = new Set(['SIGSTOP', 'SIGCONT', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU'])

/**
 * Reads the signal with which a service is asked to end, by name.
 * @param option what it was given for; named in the error
 * @throws HangdogError `usage` when there is no such signal on this machine, or it cannot end a process
 */
export function parseSignal(text: string, option: string): NodeJS.Signals {
  if (isEndingSignal(text)) return text
  throw new HangdogError('usage', `cannot read ${option} "${text}": expected ${expectedSignal}`)
}

/** Whether this machine has a signal of that name that a service can be asked to end with. */
export function isEndingSignal(text: string): text is NodeJS.Signals {
  return text in constants.signals && !jobControl.has(text)
}

/** The number of a signal on this machine. */
export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal]
}
