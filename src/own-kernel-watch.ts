import { describeError, HangdogError } from './errors.js'
import type { Emit } from './event/event.js'
import { kernelLack, requireKernel } from './kernel-watch.js'
import type { OwnWatchAction, OwnWatchSettings } from './own-kernel-watch-settings.js'
import type { LoadedAddon } from './platform/addon.js'
import { KernelCountdown, kernelEvents } from './platform/kernel-module.js'
import { thisProcess } from './process-identity.js'
import { formatDuration, fraction, type Milliseconds, milliseconds, zero } from './time.js'
import type { BugCheckGate } from './watch/surroundings.js'

/** Beats within one limit: each is a system call, and more would prove nothing more. */
const beatsPerLimit = 8

export interface OwnKernelWatchParts {
  readonly countdown: Pick<KernelCountdown, 'arm' | 'beatSpent' | 'event' | 'close'>
  readonly settings: OwnWatchSettings
  readonly bugCheckGate: BugCheckGate
  readonly emit: Emit
}

/** What the kernel is to do as of now, and why that is not what was asked for. */
interface Order {
  readonly action: OwnWatchAction
  readonly instead?: string
}

/**
 * Has the kernel watch hangdog itself. It is beaten by rounds of decisions and by no timer, so that a hang of the loop that decides is one
 * that the kernel sees. The countdown ends with this process, or with `close`. See docs/adr/0012-kernel-module.md.
 */
export class OwnKernelWatch {
  readonly interval: Milliseconds
  readonly #parts: OwnKernelWatchParts
  #armed: OwnWatchAction | undefined
  #trouble: string | undefined

  /** Starts the countdown. @throws HangdogError `permission` or `unavailable` when the kernel refuses */
  constructor(parts: OwnKernelWatchParts) {
    this.#parts = parts
    this.interval = fraction(parts.settings.timeout, 1 / beatsPerLimit)
    this.#arm(this.#order())
  }

  roundCompleted(): void {
    this.#tellExpiry()
    // After the action `log` it runs no more.
    if (this.#parts.countdown.beatSpent() < 0) this.#armed = undefined
    const order = this.#order()
    if (order.action === this.#armed) {
      this.#trouble = undefined
      return
    }
    try {
      this.#arm(order)
    } catch (error) {
      this.#tellTrouble(error)
    }
  }

  /** An orderly end. With nowayout the kernel does not let go. */
  close(): void {
    this.#parts.countdown.close()
  }

  /** Asked anew at each round: consent can be given and withdrawn while hangdog runs. */
  #order(): Order {
    const { action } = this.#parts.settings
    if (action !== 'bugcheck') return { action }
    const permit = this.#parts.bugCheckGate.permit()
    return permit.kind === 'granted' ? { action } : { action: 'terminate', instead: permit.reason }
  }

  /** @throws HangdogError when the kernel refuses; what is in force stays so */
  #arm(order: Order): void {
    const { countdown, settings, emit } = this.#parts
    const { action } = order
    try {
      countdown.arm({ timeout: settings.timeout, warning: zero, action, process: thisProcess(), name: 'hangdog' })
    } catch (error) {
      if (this.#armed !== undefined || action !== 'bugcheck') throw error
      // The module has a consent of its own.
      this.#tellTrouble(error)
      this.#arm({ action: 'terminate', instead: 'the kernel module refuses it' })
      return
    }
    this.#armed = action
    const times = { limit: formatDuration(settings.timeout), interval: formatDuration(this.interval) }
    emit({ name: 'own-watch-armed', parameters: { ...times, action: describeOrder(order) } })
  }

  /** Who reads this in the log was not killed: the action was `log`, or it failed. */
  #tellExpiry(): void {
    const { countdown, emit } = this.#parts
    for (let event = countdown.event(); event !== undefined; event = countdown.event()) {
      if (event.kind !== kernelEvents.expired) continue
      const silence = formatDuration(milliseconds(Math.round(event.span)))
      emit({ name: 'own-watch-expired', parameters: { silence, error: event.error } })
    }
  }

  /** Once for each cause, and again when all was well in between. */
  #tellTrouble(error: unknown): void {
    const text = describeError(error)
    if (text !== this.#trouble) this.#parts.emit({ name: 'own-watch-failed', parameters: { error: text } })
    this.#trouble = text
  }
}

/** @throws HangdogError `unavailable` when the kernel cannot watch hangdog here; a dry run only says what it would do */
export function checkOwnWatch(settings: OwnWatchSettings | undefined, addon: LoadedAddon, dryRun: boolean): void {
  if (settings === undefined || dryRun) return
  const lack = kernelLack(addon)
  if (lack !== undefined) throw new HangdogError('unavailable', `cannot have the kernel watch hangdog itself: ${lack}`)
}

export interface OwnWatchSurroundings extends Pick<OwnKernelWatchParts, 'bugCheckGate' | 'emit'> {
  readonly watchHangdog: OwnWatchSettings | undefined
  readonly addon: LoadedAddon
  readonly dryRun: boolean
}

/** @returns undefined when that was not asked for @throws HangdogError when the kernel refuses; then nothing is left of it */
export function startOwnWatch(surroundings: OwnWatchSurroundings): OwnKernelWatch | undefined {
  const { watchHangdog: settings, addon, dryRun, emit, bugCheckGate } = surroundings
  if (settings === undefined) return undefined
  if (dryRun) {
    const { timeout, action } = settings
    const would = `have the kernel watch hangdog itself, with ${formatDuration(timeout)} and the action ${action}`
    emit({ name: 'dry-run', parameters: { action: would } })
    return undefined
  }
  const countdown = new KernelCountdown(requireKernel(addon))
  try {
    return new OwnKernelWatch({ countdown, settings, bugCheckGate, emit })
  } catch (error) {
    countdown.close()
    throw error
  }
}

function describeOrder({ action, instead }: Order): string {
  const done = { log: 'writes a line to its log', terminate: 'kills hangdog', bugcheck: 'panics' }[action]
  return instead === undefined ? done : `${done}, and does not panic (${instead})`
}
