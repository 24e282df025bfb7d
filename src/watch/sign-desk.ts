import { elapsed, formatDuration, type Instant, type Milliseconds, seconds, type WallTime } from '../time.js'
import type { Channel } from './channel.js'
import type { ChannelSet } from './channel-set.js'
import type { HangDesk } from './hang-desk.js'
import type { Lifecycle } from './lifecycle.js'
import type { NearMissDesk } from './near-miss.js'
import type { ServicePolicy } from './policy.js'
import type { ServiceContext } from './service-context.js'
import { isStall, type ServiceState } from './service-state.js'
import { mainChannel, type SignOfLife } from './sign-of-life.js'
import type { Silence } from './silence.js'

/** The reading point when no warning is wanted: what is read there is compared with at expiry. */
export const quietReadingShare = 0.5

/** Where in its limit a silence is looked at. */
export function warningShare({ warningPercent }: ServicePolicy): number {
  return warningPercent === 0 ? quietReadingShare : warningPercent / 100
}

/** A changed STATUS= is an event at most this often. */
const statusInterval = seconds(1)

/** What signs of life have an effect on. */
export interface SignListeners {
  readonly channels: ChannelSet
  readonly silence: Silence
  readonly hangs: HangDesk
  readonly misses: NearMissDesk
  readonly lifecycle: Pick<Lifecycle, 'succession'>
}

/** Takes what a service says about itself; all but the ordinary heartbeat, which Service deals with alone. */
export class SignDesk {
  statusText = ''
  /** Something has been heard in this run, or a source has contact. */
  contacted = false
  /** This run has given a sign of life. */
  heard = false
  /** Of the last beat that did more than reset a countdown; for `status` while no countdown runs. */
  lastNoticedBeat: WallTime | undefined
  #statusAt: Instant | undefined
  readonly #context: ServiceContext
  readonly #channels: ChannelSet
  readonly #silence: Silence
  readonly #hangs: HangDesk
  readonly #misses: NearMissDesk
  readonly #lifecycle: SignListeners['lifecycle']

  constructor(context: ServiceContext, { channels, silence, hangs, misses, lifecycle }: SignListeners) {
    this.#context = context
    this.#channels = channels
    this.#silence = silence
    this.#hangs = hangs
    this.#misses = misses
    this.#lifecycle = lifecycle
  }

  signOfLife(sign: SignOfLife): boolean {
    if (this.#context.process === undefined || this.#context.state.kind === 'ending') return false
    switch (sign.kind) {
      case 'ready':
        this.#channels.openByReady()
        this.#signNoticed(mainChannel)
        return true
      case 'stopping':
        this.#context.dispatch({ kind: 'endAnnounced' })
        return true
      case 'reloading':
        return true
      case 'status':
        this.#statusSaid(sign.text)
        return true
      case 'trigger':
        this.#context.parts.emit({ name: 'hang-triggered', service: this.#context.spec.name, parameters: {} })
        this.#hangs.expired()
        this.#context.dispatch({ kind: 'triggered' })
        return true
      case 'limit':
        return this.#openChannel(this.#channels.main, sign.limit)
      case 'extend':
        this.#channels.main.extend(sign.span)
        for (const companion of this.#context.companions) companion.extended?.(sign.span)
        return true
      case 'main-process':
        return this.#lifecycle.succession.announced(sign.pid)
      case 'channel-opened':
        // What a child says is no statement about the service's own channels.
        if (sign.pid === undefined) this.#channels.nameOpened()
        return this.#openChannel(this.#identified(sign.channel, sign.pid), sign.limit)
      case 'channel-closed':
        this.#channels.close(sign.channel)
        this.#signNoticed(sign.channel)
        return true
      case 'channel-idle':
        return this.#idleChannel(this.#channels.obtain(sign.channel))
      default:
        return sign satisfies never
    }
  }

  /** Another process is the service's: it has the whole limit that runs now. */
  processReplaced(): void {
    const { main } = this.#channels
    // What was read of another process says nothing about this one.
    this.#silence.forgetReading()
    if (this.#context.state.kind === 'starting') main.arm(this.#context.policy.startTimeout, quietReadingShare)
    else if (this.heard && main.opened && !main.idle) this.beatNoticed(main)
  }

  /** What a service says about itself is an event when it is new, but no service can flood the log with it. */
  #statusSaid(text: string): void {
    const { parts, spec } = this.#context
    const now = parts.clock.now()
    const isNew = text !== this.statusText
    this.statusText = text
    if (!isNew || (this.#statusAt !== undefined && elapsed(this.#statusAt, now) < statusInterval)) return
    this.#statusAt = now
    parts.emit({ name: 'service-status', service: spec.name, parameters: { text } })
  }

  /** @param silent for how long the channel was silent, if that is known from elsewhere */
  beatNoticed(channel: Channel, silent = channel.silent()): void {
    if (this.#context.process === undefined || this.#context.state.kind === 'ending') return
    channel.gapEnded(this.#context.parts.clock.now(), silent)
    channel.opened = true
    const wasIdle = channel.idle
    channel.idle = false
    this.lastNoticedBeat = this.#context.parts.clock.wallNow()
    if (this.#goesOn(channel)) this.#rearm(channel, silent)
    this.#signNoticed(channel.name)
    channel.gapBegins()
    if (wasIdle) this.#channelChanged(channel)
  }

  /** The countdown of this channel runs, whatever has become of others. */
  #goesOn(channel: Channel): boolean {
    const { state } = this.#context
    if (state.kind === 'armed' || (state.kind === 'held' && isStall(state.reason))) return true
    const otherSilent = (state.kind === 'held' || state.kind === 'reported') && state.channel !== channel.name
    return otherSilent && channel.armed
  }

  /** Starts the countdown of one channel over, and ends a silence that had been warned of. */
  #rearm(channel: Channel, silent = channel.silent()): void {
    if (channel.warned) {
      this.#misses.ended(channel.name, silent)
      this.#hangs.silenceEnded()
    }
    channel.arm(this.#context.limitOf(channel.name), warningShare(this.#context.policy))
  }

  #signNoticed(channel: string): void {
    this.contacted = true
    this.heard = true
    this.#hangs.signOfLife(channel)
    const before = this.#context.state
    const silent = this.#silence.length()
    const silentMs = Math.round(silent)
    this.#context.dispatch({ kind: 'signOfLife', channel })
    if (this.#context.state.kind !== 'armed') return
    if (this.#wasNearlyHung(before)) this.#misses.ended(channel, silent)
    this.#silence.over()
    if (before.kind === 'armed') return
    this.#hangs.silenceEnded()
    if (isFirstSign(before)) this.#firstSign()
    else if (this.#hangs.close('recovered-by-itself') || before.kind === 'reported') {
      this.#context.parts.emit({
        name: 'hang-over',
        service: this.#context.spec.name,
        parameters: { channel, silentMs },
      })
    }
  }

  /** The beat was waiting when the countdown ended, or came before the verdict; and nothing else made the silence so long. */
  #wasNearlyHung(before: ServiceState): boolean {
    if (before.kind !== 'expired' || before.starting || before.triggered) return false
    return this.#hangs.incidentId === undefined && Object.keys(this.#silence.holds.soFar()).length === 0
  }

  #firstSign(): void {
    const afterMs = Math.round(elapsed(this.#context.startedAt, this.#context.parts.clock.now()))
    const limit = formatDuration(this.#context.policy.heartbeatTimeout)
    this.#context.parts.emit({
      name: 'service-armed',
      service: this.#context.spec.name,
      parameters: { afterMs, limit },
    })
    this.#hangs.close('recovered')
  }

  #openChannel(channel: Channel | undefined, limit: Milliseconds | undefined): boolean {
    if (channel === undefined) return false
    const before = channel.ownLimit
    channel.ownLimit = limit ?? before
    if (channel.ownLimit !== before) this.#channelChanged(channel)
    // A limit for the main channel is no sign of life yet; READY or a beat is.
    if (channel === this.#channels.main && !channel.opened) return true
    channel.opened = true
    if (this.#goesOn(channel)) this.#rearm(channel)
    this.#signNoticed(channel.name)
    return true
  }

  #identified(name: string, pid: number | undefined): Channel | undefined {
    const channel = this.#channels.obtain(name)
    const { process } = this.#context
    if (channel !== undefined && pid !== undefined && process !== undefined) {
      channel.subject = this.#context.parts.platform.identifyMember(process, pid)
    }
    return channel
  }

  #idleChannel(channel: Channel | undefined): boolean {
    if (channel === undefined) return false
    this.beatNoticed(channel)
    channel.idle = true
    channel.disarm()
    this.#channelChanged(channel)
    return true
  }

  #channelChanged(channel: Channel): void {
    if (channel !== this.#channels.main) return
    for (const companion of this.#context.companions) companion.mainChannelChanged?.()
  }
}

/** The service had not shown any sign of life in this state. */
function isFirstSign(before: ServiceState): boolean {
  const starting = (before.kind === 'held' || before.kind === 'expired') && before.starting
  return before.kind === 'starting' || before.kind === 'unwatched' || starting
}
