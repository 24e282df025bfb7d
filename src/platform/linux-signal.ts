import { describeError, systemCode } from '../errors.js'
import { readStat } from './linux-proc.js'
import type { ProcessIdentity, SignalOutcome } from './platform.js'

/** What is sent one of these is not woken to take it. */
export const stoppingSignals: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGKILL',
])

/** Asked right before each signal. What remains is the time between two system calls, which only a pidfd would close. */
export function isSame(identity: ProcessIdentity): boolean {
  return readStat(identity.pid)?.startTime === identity.startTime
}

/** To the group of this number, or to the process alone when it leads no group. */
export function signalGroup(identity: ProcessIdentity, signal: NodeJS.Signals): SignalOutcome {
  const outcome = sendSignal(-identity.pid, signal)
  return outcome.kind === 'gone' && isSame(identity) ? sendSignal(identity.pid, signal) : outcome
}

/** To a process, or to a group when the number is negative. */
export function sendSignal(pid: number, signal: NodeJS.Signals): SignalOutcome {
  try {
    process.kill(pid, signal)
    return { kind: 'sent' }
  } catch (error) {
    return systemCode(error) === 'ESRCH' ? { kind: 'gone' } : { kind: 'refused', error: describeError(error) }
  }
}
