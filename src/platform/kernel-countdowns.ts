import { constants } from 'node:os'
import { HangdogError } from '../errors.js'
import { longer, type Milliseconds, milliseconds, zero } from '../time.js'
import type { GuardCountdowns, GuardNotice, GuardReading } from '../watch/native-engine.js'
import {
  type KernelAction,
  type KernelAddon,
  KernelCountdown,
  type KernelEvent,
  type KernelWatch,
  kernelEvents,
  kernelStates,
} from './kernel-module.js'
import type { ProcessIdentity } from './platform.js'

/** Whom the countdowns of an engine are about. */
export interface KernelTarget {
  readonly process: ProcessIdentity
  readonly action: KernelAction
  readonly name: string
}

/** Counted in the kernel's milliseconds: none is shorter. */
const shortest = milliseconds(10)

/**
 * Many countdowns that the kernel keeps, for `createNativeEngine`. Unlike those of the guard, one that has expired is past help: the
 * kernel has taken its action before we hear of it.
 */
export class KernelCountdowns implements GuardCountdowns {
  readonly #addon: KernelAddon
  readonly #target: KernelTarget
  readonly #watch: KernelWatch
  readonly #countdowns = new Map<number, KernelCountdown>()
  /** By descriptor. */
  readonly #ids = new Map<number, number>()
  #last = 0
  #noticed: (notice: GuardNotice) => void = () => {}

  /** @throws HangdogError `unavailable` */
  constructor(addon: KernelAddon, target: KernelTarget) {
    this.#addon = addon
    this.#target = target
    const watch = addon.watch(() => this.deliver())
    if (typeof watch === 'number') {
      throw new HangdogError('unavailable', `cannot watch the kernel module (errno ${-watch})`)
    }
    this.#watch = watch
  }

  onNotice(listener: (notice: GuardNotice) => void): void {
    this.#noticed = listener
  }

  hold(held: boolean): void {
    this.#watch.hold(held)
  }

  countdownCreate(): number {
    const countdown = new KernelCountdown(this.#addon)
    this.#last++
    this.#countdowns.set(this.#last, countdown)
    this.#ids.set(countdown.fd, this.#last)
    this.#watch.add(countdown.fd)
    return this.#last
  }

  countdownArm(id: number, limit: Milliseconds, warning: Milliseconds): number {
    return this.#countdowns.get(id)?.arm({ ...this.#target, timeout: longer(limit, shortest), warning }) ?? gone
  }

  countdownQuietBeat(id: number): number {
    return this.#countdowns.get(id)?.beatSpent() ?? gone
  }

  countdownExtend(id: number, span: Milliseconds): number {
    this.#countdowns.get(id)?.extend(span)
    return 0
  }

  countdownDisarm(id: number): number {
    return this.#countdowns.get(id)?.disarm() === true ? 0 : gone
  }

  countdownDispose(id: number): number {
    const countdown = this.#countdowns.get(id)
    if (countdown === undefined) return gone
    this.#countdowns.delete(id)
    this.#ids.delete(countdown.fd)
    // Whoever else holds the file would keep it in the set.
    this.#watch.remove(countdown.fd)
    countdown.close()
    return 0
  }

  countdownClaim(id: number, arming: number): number {
    const state = this.#countdowns.get(id)?.state()
    return state?.state === kernelStates.expired && state.arming === arming ? 0 : gone
  }

  countdownReading(id: number): GuardReading | undefined {
    const state = this.#countdowns.get(id)?.state()
    if (state === undefined) return undefined
    const { warned, expired } = kernelStates
    return {
      warned: state.state === warned || state.state === expired,
      spent: milliseconds(state.spent),
      remaining: milliseconds(state.remaining),
    }
  }

  /** The kernel tells of each beat by nothing but its countdown. */
  countdownTally(): undefined {
    return undefined
  }

  /** Hands on all that the kernel has to say. */
  deliver(): void {
    for (let ready = this.#watch.ready(); ready.length > 0; ready = this.#watch.ready()) {
      const heard = ready.flatMap((fd) => this.#heardFrom(fd))
      // All of them saw the same stall.
      const lost = heard.reduce((most, { event }) => longer(most, stallOf(event)), zero)
      if (lost > 0) this.#noticed({ kind: 'stall', lost })
      for (const { id, event } of heard) this.#hand(id, event)
    }
  }

  close(): void {
    this.#noticed = () => {}
    for (const id of [...this.#countdowns.keys()]) this.countdownDispose(id)
    this.#watch.close()
  }

  #heardFrom(fd: number): readonly Heard[] {
    const id = this.#ids.get(fd)
    const countdown = id === undefined ? undefined : this.#countdowns.get(id)
    const heard: Heard[] = []
    if (id === undefined || countdown === undefined) return heard
    for (let event = countdown.event(); event !== undefined; event = countdown.event()) heard.push({ id, event })
    return heard
  }

  #hand(countdown: number, { kind, arming }: KernelEvent): void {
    if (kind === kernelEvents.warning) this.#noticed({ kind: 'warning', countdown, arming })
    if (kind === kernelEvents.expired) this.#noticed({ kind: 'acted', countdown, arming })
  }
}

interface Heard {
  readonly id: number
  readonly event: KernelEvent
}

const gone = -constants.errno.ENOENT

function stallOf({ kind, span }: KernelEvent): Milliseconds {
  return kind === kernelEvents.stall ? milliseconds(span) : zero
}
