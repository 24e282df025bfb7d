import { formatDuration, fraction, longer, type Milliseconds, seconds, zero } from '../time.js'
import type { ChannelSet } from './channel-set.js'
import type { HangDesk } from './hang-desk.js'
import { isShadow, type RecoveryAction, type ServicePolicy } from './policy.js'
import { bearableLimit, changesCountdown } from './policy-change.js'
import type { ServiceContext } from './service-context.js'
import { isWatched, type WatchOff } from './service-state.js'
import { quietReadingShare, type SignDesk, warningShare } from './sign-desk.js'

/** What a change of policy has an effect on. */
export interface PolicyListeners {
  readonly channels: ChannelSet
  readonly hangs: HangDesk
  readonly signs: SignDesk
}

/** Which policy a service is held to, and whether its silence is judged at all. */
export class PolicyDesk {
  inForce: ServicePolicy
  /** The last policy that was asked for; the one in force may have a longer limit until the service is started again. */
  #asked: ServicePolicy
  /** The limit that the present run was told at its start. */
  #told: Milliseconds
  #inMaintenance = false
  readonly #context: ServiceContext
  readonly #channels: ChannelSet
  readonly #hangs: HangDesk
  readonly #signs: SignDesk

  constructor(context: ServiceContext, { channels, hangs, signs }: PolicyListeners) {
    this.inForce = context.spec.policy
    this.#asked = context.spec.policy
    this.#told = context.spec.policy.heartbeatTimeout
    this.#context = context
    this.#channels = channels
    this.#hangs = hangs
    this.#signs = signs
  }

  /**
   * Applies another policy at once. A countdown whose limit changes starts over with the new one; a limit that is too short for how the
   * service beats now, or was told to beat, waits until it is seen to beat faster, or for its next start.
   */
  change(asked: ServicePolicy): void {
    this.#asked = asked
    this.#applyPolicy(asked)
    const { heartbeatTimeout: limit } = this.inForce
    if (limit === asked.heartbeatTimeout) return
    const parameters = { asked: formatDuration(asked.heartbeatTimeout), limit: formatDuration(limit) }
    this.#context.parts.emit({ name: 'limit-deferred', service: this.#context.spec.name, parameters })
    this.#tryLater(asked)
  }

  /** Holds the monitoring, or goes on with it. A recovery that is under way goes on. */
  maintain(inMaintenance: boolean): void {
    const before = this.watchOff
    this.#inMaintenance = inMaintenance
    this.#watchTurned(before)
  }

  /** Why no silence is judged; undefined when it is. */
  get watchOff(): WatchOff | undefined {
    if (this.inForce.action === 'disable') return 'disabled'
    return this.#inMaintenance ? 'maintenance' : undefined
  }

  /** A shadow decides like any other, but goes no further than the report. */
  get actionInForce(): RecoveryAction {
    return isShadow(this.inForce, this.#context.parts.platform) ? 'log' : this.inForce.action
  }

  /** The limit that was asked for and waits; undefined when it is in force. */
  get deferredLimit(): Milliseconds | undefined {
    const { heartbeatTimeout: asked } = this.#asked
    return asked === this.inForce.heartbeatTimeout ? undefined : asked
  }

  runStarted(): void {
    this.#told = this.inForce.heartbeatTimeout
  }

  /** The next run is held to what was asked for last. */
  runGone(): void {
    this.inForce = this.#asked
  }

  #applyPolicy(asked: ServicePolicy): void {
    const before = { policy: this.inForce, watchOff: this.watchOff }
    const limit = this.#limitFor(asked.heartbeatTimeout)
    this.inForce = limit === asked.heartbeatTimeout ? asked : { ...asked, heartbeatTimeout: limit }
    if (limit !== before.policy.heartbeatTimeout)
      for (const companion of this.#context.companions) companion.limitChanged?.()
    for (const companion of this.#context.companions) companion.policyChanged?.()
    if (this.#watchTurned(before.watchOff) || !isWatched(this.#context.state)) return
    if (changesCountdown(before.policy, this.inForce, this.#context.state)) this.#rearm(before.policy)
  }

  #limitFor(asked: Milliseconds): Milliseconds {
    if (this.#context.process === undefined) return asked
    return bearableLimit(asked, this.inForce.heartbeatTimeout, this.#channels.pace(), this.#slowestPace())
  }

  /** How far beats are apart at most, before that was seen. A limit has room for two that come as they were told to, so half of it. */
  #slowestPace(): Milliseconds {
    const asTold = fraction(this.#told, 0.5)
    const paces = this.#context.companions.flatMap(({ slowestPace }) => slowestPace ?? [])
    if (paces.length === 0) return asTold
    return paces.reduce<Milliseconds>((slowest, pace) => longer(slowest, pace === 'as-told' ? asTold : pace), zero)
  }

  #tryLater(asked: ServicePolicy): void {
    this.#context.parts.clock.schedule(longer(seconds(1), this.inForce.heartbeatTimeout), () => {
      if (this.#asked !== asked || this.inForce.heartbeatTimeout === asked.heartbeatTimeout) return
      this.#applyPolicy(asked)
      if (this.inForce.heartbeatTimeout !== asked.heartbeatTimeout) this.#tryLater(asked)
    })
  }

  #rearm(before: ServicePolicy): void {
    this.#hangs.silenceEnded()
    const { state } = this.#context
    const starting = state.kind === 'starting' || (state.kind === 'held' && state.starting)
    if (starting) this.#channels.rearm(this.inForce.startTimeout, quietReadingShare, before.startTimeout)
    else this.#channels.rearm(this.inForce.heartbeatTimeout, warningShare(this.inForce), before.heartbeatTimeout)
  }

  /** @returns whether the watch was turned on or off */
  #watchTurned(before: WatchOff | undefined): boolean {
    const now = this.watchOff
    if (now !== undefined) {
      if (this.#context.state.kind !== 'recovering') this.#hangs.silenceEnded()
      this.#context.dispatch({ kind: 'disableRequested', why: now })
    } else if (before !== undefined) this.#context.dispatch({ kind: 'enableRequested', opened: this.#signs.heard })
    return now !== undefined || before !== undefined
  }
}
