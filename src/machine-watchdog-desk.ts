import { describeError } from './errors.js'
import type { Emit } from './event/event.js'
import type { MachineWatchdogRecord } from './machine-watchdog-record.js'
import type { MachineWatchdog, MachineWatchdogNature } from './platform/machine-watchdog.js'
import { formatDuration, fraction, type Milliseconds, milliseconds } from './time.js'

/** Rounds within the time that the machine may go without: three may be late or lost. */
const roundsPerTimeout = 4

export interface MachineWatchdogDeskParts {
  readonly watchdog: Pick<MachineWatchdog, 'nature' | 'feed' | 'lengthenForDump' | 'release'>
  readonly emit: Emit
  /** Keeps for the next boot what was done last. May fail. */
  readonly keep: (phase: MachineWatchdogRecord['phase'], timeout: Milliseconds) => Promise<void>
}

/** Feeds the machine's watchdog once for each round of decisions, and at no other time; leaves it in order. */
export class MachineWatchdogDesk {
  readonly interval: Milliseconds
  readonly #parts: MachineWatchdogDeskParts
  #failing = false

  constructor(parts: MachineWatchdogDeskParts) {
    this.#parts = parts
    const { timeout, pretimeout } = parts.watchdog.nature
    this.interval = fraction(milliseconds(timeout - pretimeout), 1 / roundsPerTimeout)
  }

  reportArmed(): void {
    const { watchdog, emit } = this.#parts
    const { device, identity, timeout } = watchdog.nature
    const notes = describeNature(watchdog.nature).join('; ')
    emit({
      name: 'machine-watchdog-armed',
      parameters: {
        device,
        identity,
        timeout: formatDuration(timeout),
        interval: formatDuration(this.interval),
        notes,
      },
    })
  }

  roundCompleted(): void {
    const error = this.#parts.watchdog.feed()
    if (error !== undefined && !this.#failing) this.#reportFailure('fed', error)
    this.#failing = error !== undefined
  }

  /** Right before a crash dump, which would be cut off. */
  lengthenForDump(): void {
    const given = this.#parts.watchdog.lengthenForDump()
    if (typeof given === 'string') this.#reportFailure('given the time for a crash dump', given)
  }

  async close(): Promise<void> {
    const { watchdog, emit, keep } = this.#parts
    const { device } = watchdog.nature
    const release = watchdog.release()
    if (release.kind === 'stopped') emit({ name: 'machine-watchdog-stopped', parameters: { device } })
    else {
      const { timeout, reason } = release
      emit({ name: 'machine-watchdog-left', parameters: { device, reason, timeout: formatDuration(timeout) } })
    }
    const phase = release.kind === 'stopped' ? 'idle' : 'left-running'
    await keep(phase, release.kind === 'stopped' ? watchdog.nature.timeout : release.timeout).catch((error: unknown) =>
      this.#reportFailure('recorded', describeError(error)),
    )
  }

  #reportFailure(doing: string, error: string): void {
    const { device } = this.#parts.watchdog.nature
    this.#parts.emit({ name: 'machine-watchdog-failed', parameters: { device, doing, error } })
  }
}

/** What who relies on it should know. */
function describeNature(nature: MachineWatchdogNature): readonly string[] {
  const { pretimeout, governor, nowayout, stopsOnCrash, wasRunning } = nature
  const action = governor === undefined ? '' : ` (${governor})`
  return [
    pretimeout > 0 ? `the kernel is told ${formatDuration(pretimeout)} before${action}` : 'no pretimeout',
    nowayout
      ? 'nothing can stop it (nowayout): the machine is reset after hangdog ends, unless a successor feeds it'
      : '',
    stopsOnCrash ? 'weaker: its driver has no magic close and stops it when hangdog dies' : '',
    wasRunning ? 'it was running: taken over' : '',
  ].filter((note) => note !== '')
}
