import { describeError, HangdogError } from './errors.js'
import type { Emit } from './event/event.js'
import { moduleVariable } from './heartbeat/module-file.js'
import type { Addon, LoadedAddon } from './platform/addon.js'
import {
  findKernelModule,
  type KernelAction,
  type KernelAddon,
  KernelCountdown,
  kernelEvents,
} from './platform/kernel-module.js'
import {
  type Clock,
  formatDuration,
  longer,
  type Milliseconds,
  milliseconds,
  type Scheduled,
  shorter,
  zero,
} from './time.js'
import { coreDumpDelay, isShadow, type ServicePolicy } from './watch/policy.js'
import type { Service } from './watch/service.js'
import type { RunCompanion, StartedRun } from './watch/service-spec.js'
import { mainChannel } from './watch/sign-of-life.js'

/** The first descriptor that a service is handed; see SpawnRequest. */
const firstHanded = 3

/** What the kernel grants hangdog beyond all its own limits, before it acts in its place. */
const marginMs = 2000

/** How often it is looked whether the service has begun to beat the kernel's countdown. */
const shortestLook = milliseconds(100)

/** The most that the kernel lets a countdown be put off at a time: HANGDOG_TIMEOUT_MAX_MS. */
const longestExtension = milliseconds(0xffffffff * 1000)

/** What there is of the addon, as far as the kernel module is concerned. */
export type LoadedKernel =
  | Extract<LoadedAddon, { readonly kind: 'absent' }>
  | { readonly kind: 'loaded'; readonly addon: Pick<Addon, 'kernel'> }

export interface KernelWatchParts {
  readonly addon: LoadedKernel
  /** Default: /dev/hangdog. */
  readonly device?: string
  readonly clock: Clock
  readonly emit: Emit
}

/** Why services cannot be watched by the kernel as well; undefined when they can. */
export function kernelLack(addon: LoadedKernel): string | undefined {
  if (addon.kind === 'absent') return addon.reason
  if (addon.addon.kernel === undefined) return 'the addon was built before it knew the kernel module'
  const found = findKernelModule()
  if (found.kind === 'usable') return undefined
  return found.kind === 'absent'
    ? 'the kernel module hangdog is not loaded'
    : `/dev/hangdog cannot be used: ${found.reason}`
}

/** @throws HangdogError `unavailable` without the native part */
export function requireKernel(addon: LoadedKernel): KernelAddon {
  const kernel = addon.kind === 'loaded' ? addon.addon.kernel : undefined
  if (kernel !== undefined) return kernel
  throw new HangdogError('unavailable', `cannot use the kernel module: ${kernelLack(addon)}`)
}

/**
 * Has the kernel watch a service beside us. The service beats the kernel's countdown itself, through a file that it is handed: so a healthy
 * service goes on unharmed while hangdog is stopped, and one that hangs then is acted on by the kernel. The kernel's limit leaves hangdog the
 * time for all it does itself, so that the kernel acts only in its place. See docs/adr/0012-kernel-module.md.
 */
export class KernelWatch implements RunCompanion {
  readonly slowestPace = 'as-told'
  readonly #addon: KernelAddon
  readonly #parts: KernelWatchParts
  readonly #service: Service
  readonly #filesBefore: () => number
  #countdown: KernelCountdown | undefined
  #run: StartedRun | undefined
  /** Beats of the file before the service was known to the kernel, which may be anybody's. */
  #beatsBefore = 0
  /** The service has beaten the kernel's countdown in this run; one that never does is not judged by it. */
  #heard = false
  #running = false
  #look: Scheduled | undefined

  /**
   * @param filesBefore how many files the companions before this one hand over
   * @throws HangdogError `unavailable` without the native part
   */
  constructor(parts: KernelWatchParts, service: Service, filesBefore: () => number) {
    this.#addon = requireKernel(parts.addon)
    this.#parts = parts
    this.#service = service
    this.#filesBefore = filesBefore
  }

  environment(): Readonly<Record<string, string>> {
    this.#close()
    try {
      this.#countdown = new KernelCountdown(this.#addon, this.#parts.device)
      return { [moduleVariable]: String(firstHanded + this.#filesBefore()) }
    } catch (error) {
      this.#failed(error)
      return {}
    }
  }

  files(): readonly number[] {
    return this.#countdown === undefined ? [] : [this.#countdown.fd]
  }

  serviceStarted(run: StartedRun): void {
    this.#run = run
    this.#heard = false
    // Says only whose beats count; whoever inherits the file from the service is none of it.
    this.#arm('disable')
    this.#beatsBefore = this.#beats()
    this.#scheduleLook()
  }

  /** The file is shared with whoever inherited it; only whose beats count is another one now. */
  processReplaced(run: StartedRun): void {
    this.#run = run
    if (this.#running) this.#follow()
    else this.#arm('disable')
  }

  stateChanged(): void {
    this.#follow()
  }

  limitChanged(): void {
    this.#follow()
  }

  mainChannelChanged(): void {
    this.#follow()
  }

  extended(span: Milliseconds): void {
    if (this.#running && this.#service.state.kind === 'armed') this.#grant(span)
  }

  serviceEnded(): void {
    this.#report()
    this.#close()
  }

  counters(): Readonly<Record<string, number>> {
    return this.#countdown === undefined ? {} : { 'kernel-beats': this.#beats() }
  }

  #scheduleLook(): void {
    const interval = longer(shortestLook, milliseconds(this.#service.policy.heartbeatTimeout / 8))
    this.#look = this.#parts.clock.schedule(interval, () => {
      this.#heard = this.#beats() > this.#beatsBefore
      if (this.#heard) this.#follow()
      else this.#scheduleLook()
    })
  }

  /** Whatever hangdog has in hand itself is not the kernel's to judge; in the course of an action, its limit runs on. */
  #follow(): void {
    if (!this.#heard || this.#countdown === undefined) return
    // It may have acted while we were stopped; what we do next does not undo that.
    this.#report()
    switch (onceIn(this.#service)) {
      case 'runs':
        this.#running = this.#arm(this.#action())
        // What was granted before is not taken away by starting over.
        if (this.#running) this.#grant(this.#service.channels.main.remaining())
        return
      case 'runs-on':
        return
      case 'off':
        if (this.#running) this.#countdown.disarm()
        this.#running = false
        return
    }
  }

  /** The kernel's limit comes no sooner than when hangdog's own does, this much from now, and all that it may take then. */
  #grant(span: Milliseconds): void {
    const remaining = this.#countdown?.state()?.remaining
    if (remaining === undefined) return
    const missing = Math.ceil(span + ladderLimit(this.#service.policy) - remaining)
    if (missing > 0) this.#countdown?.extend(shorter(milliseconds(missing), longestExtension))
  }

  #action(): KernelAction {
    const { policy, parts } = this.#service
    if (isShadow(policy, parts.platform)) return 'log'
    if (policy.action !== 'bugcheck') return policy.action
    return parts.bugCheckGate.permit().kind === 'granted' ? 'bugcheck' : 'terminate'
  }

  #arm(action: KernelAction): boolean {
    const { policy, service: name } = this.#service
    if (this.#countdown === undefined || this.#run === undefined) return false
    const timeout = kernelLimit(policy, this.#service.limitOf(mainChannel))
    const order = { timeout, warning: zero, process: this.#run, name }
    try {
      this.#countdown.arm({ ...order, action })
      return true
    } catch (error) {
      this.#failed(error)
      // The module has a consent of its own.
      return action === 'bugcheck' && this.#arm('terminate')
    }
  }

  #beats(): number {
    return this.#countdown?.state()?.beats ?? 0
  }

  /** Tells what the kernel did while we did not. */
  #report(): void {
    for (let event = this.#countdown?.event(); event !== undefined; event = this.#countdown?.event()) {
      if (event.kind !== kernelEvents.expired) continue
      const parameters = { silence: formatDuration(milliseconds(Math.round(event.span))), error: event.error }
      this.#parts.emit({ name: 'kernel-acted', service: this.#service.service, parameters })
    }
  }

  #failed(error: unknown): void {
    const parameters = { error: describeError(error) }
    this.#parts.emit({ name: 'kernel-watch-failed', service: this.#service.service, parameters })
  }

  #close(): void {
    this.#look?.cancel()
    this.#look = undefined
    this.#countdown?.close()
    this.#countdown = undefined
    this.#run = undefined
    this.#heard = false
    this.#running = false
  }
}

/**
 * All that hangdog may take from the last beat to the end of the service.
 * @param limit of the main channel, which may be its own
 */
export function kernelLimit(policy: ServicePolicy, limit: Milliseconds): Milliseconds {
  return milliseconds(limit + ladderLimit(policy))
}

/** All that hangdog may take from the end of the limit to that of the service. */
function ladderLimit(policy: ServicePolicy): Milliseconds {
  const { evidenceTimeout, terminateTimeout, killTimeout } = policy
  return milliseconds(evidenceTimeout + coreDumpDelay(policy) + terminateTimeout + killTimeout + marginMs)
}

function onceIn({ state, channels }: Service): 'runs' | 'runs-on' | 'off' {
  switch (state.kind) {
    case 'armed':
      // An idle service does not beat.
      return channels.main.idle ? 'off' : 'runs'
    case 'expired':
    case 'recovering':
      return 'runs-on'
    default:
      return 'off'
  }
}
