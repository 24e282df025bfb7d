import { longer, type Milliseconds, shorter, zero } from '../time.js'
import { BeatGaps } from './beat-gaps.js'
import { Channel, type ChannelListener, type GapKeeper } from './channel.js'
import type { CountdownEngine } from './countdown.js'
import { type BeatGapsRecord, GapBook } from './gap-book.js'
import type { Pace } from './policy-change.js'
import { channelLimit, channelPattern, mainChannel } from './sign-of-life.js'
import type { ChannelClock, ChannelStatus } from './status.js'

/** All channels of one service. The service is alive only while each open channel is. */
export class ChannelSet implements GapKeeper {
  readonly main: Channel
  readonly #engine: CountdownEngine
  readonly #listener: ChannelListener
  /** Made with the first named channel: most services have none, and there may be ten thousand services. */
  #named: Map<string, Channel> | undefined
  /** As rarely needed: for named channels, hangs and what an earlier hangdog counted. */
  #book: GapBook | undefined

  /** Nothing but READY has opened the main channel in this run. */
  #onlyReady = false
  /** Beats of the main channel in earlier runs. */
  #beatsBefore = 0

  /** @param mainEngine keeps the countdown of the main channel, when another engine does than that of named channels */
  constructor(engine: CountdownEngine, listener: ChannelListener, mainEngine = engine) {
    this.#engine = engine
    this.#listener = listener
    this.main = new Channel(mainChannel, mainEngine, listener, this)
  }

  /** @returns the channel, opened when it is new; undefined when the name is bad or there are too many */
  obtain(name: string): Channel | undefined {
    if (name === mainChannel) return this.main
    const known = this.#named?.get(name)
    if (known !== undefined) return known
    if (!channelPattern.test(name) || (this.#named?.size ?? 0) >= channelLimit) return undefined
    const channel = new Channel(name, this.#engine, this.#listener, this)
    this.#named ??= new Map()
    this.#named.set(name, channel)
    return channel
  }

  /** @returns the channel if it is there */
  find(name: string): Channel | undefined {
    return name === mainChannel ? this.main : this.#named?.get(name)
  }

  close(name: string): void {
    const channel = this.find(name)
    channel?.disarm()
    if (channel === undefined) return
    channel.opened = false
    if (channel.ownLimit !== undefined || this.#book !== undefined)
      this.#gapBook().channelClosed(name, channel.ownLimit)
    if (channel !== this.main) {
      channel.dispose()
      this.#named?.delete(name)
    }
  }

  get hasNamed(): boolean {
    return this.#named !== undefined && this.#named.size > 0
  }

  /** READY opens the main channel, unless the service has named channels of its own. */
  openByReady(): void {
    if (this.hasNamed || this.main.opened) return
    this.main.opened = true
    this.#onlyReady = true
  }

  /** A service that names its channels after READY is as little expected to beat on the main one as if it had named them before. */
  nameOpened(): void {
    this.collect()
    if (this.#onlyReady && this.main.beats === this.#beatsBefore) this.close(mainChannel)
    this.#onlyReady = false
  }

  /** Starts the countdown of each open channel over. @param except the name of one to leave out */
  arm(limitOfService: Milliseconds, warningShare: number, except?: string): void {
    for (const channel of this.#all()) {
      if (channel.opened && !channel.idle && channel.name !== except)
        channel.arm(channel.ownLimit ?? limitOfService, warningShare)
    }
  }

  /** After a stall: as `arm`, for those whose silence has not been excused already. */
  armStalled(limitOfService: Milliseconds, warningShare: number): void {
    for (const channel of this.#all()) {
      if (!channel.armed || channel.stallExcused) continue
      channel.arm(channel.ownLimit ?? limitOfService, warningShare)
      channel.stallExcused = true
    }
  }

  /** After a change of policy: starts over what runs, with the new limit. */
  rearm(limitOfService: Milliseconds, warningShare: number, before: Milliseconds): void {
    for (const channel of this.#all()) {
      if (channel.armed) channel.rearm(channel.ownLimit ?? limitOfService, warningShare, channel.ownLimit ?? before)
    }
  }

  /** Takes over what was heard without a word. Named channels have an engine that hears nothing by itself. */
  collect(): void {
    this.main.collect()
  }

  /** How far beats were apart lately, on the channels that follow the service's limit. */
  pace(): Pace {
    this.collect()
    const following = [...this.#all()].filter(({ opened, ownLimit }) => opened && ownLimit === undefined)
    return {
      seen: following.reduce((seen, { pace }) => longer(seen, pace), zero),
      unknown: following.length === 0 || following.some(({ pace }) => pace === zero),
    }
  }

  disarm(): void {
    for (const channel of this.#all()) channel.disarm()
  }

  /** The run ends while some may be silent. */
  gapsUnended(): void {
    for (const channel of this.#all()) channel.gapUnended()
  }

  /** Forgets the channels of a run that is over. */
  clear(): void {
    this.collect()
    for (const name of [...(this.#named?.keys() ?? [])]) this.close(name)
    if (this.main.opened) this.close(mainChannel)
    this.main.disarm()
    this.main.gapExcused()
    this.#onlyReady = false
    this.#beatsBefore = this.main.beats
    this.main.ownLimit = undefined
    this.main.idle = false
    this.main.pace = zero
  }

  dispose(): void {
    this.clear()
    this.main.dispose()
  }

  /** Until the first countdown ends; undefined when none runs. */
  remaining(): Milliseconds | undefined {
    let least: Milliseconds | undefined
    for (const channel of this.#all()) {
      if (channel.armed) least = least === undefined ? channel.remaining() : shorter(least, channel.remaining())
    }
    return least
  }

  beats(): number {
    let beats = 0
    for (const channel of this.#all()) beats += channel.beats
    return beats
  }

  status(limitOfService: Milliseconds): readonly ChannelStatus[] {
    return [...this.#all()]
      .filter((channel) => channel.opened)
      .map((channel) => ({
        channel: channel.name,
        armed: channel.armed,
        limitMs: channel.ownLimit ?? limitOfService,
        remainingMs: channel.armed ? Math.round(channel.remaining()) : null,
        beats: channel.beats,
      }))
  }

  /** Of the open channels, and of the one that waits for the first sign of life. */
  clocks(limitOfService: Milliseconds): readonly ChannelClock[] {
    this.collect()
    return [...this.#all()]
      .filter((channel) => channel.opened || channel.armed)
      .map((channel) => ({
        channel: channel.name,
        armed: channel.armed,
        warned: channel.warned,
        beats: channel.beats,
        limitMs: channel.ownLimit ?? limitOfService,
        silentMs: channel.armed ? Math.round(channel.silent()) : null,
        remainingMs: channel.armed ? Math.round(channel.remaining()) : null,
      }))
  }

  /** What was counted of the gaps between beats. A service that has no book gets an empty one for this: it knows the form. */
  gapRecords(service: string, since: string, limitOfService: Milliseconds): readonly BeatGapsRecord[] {
    this.collect()
    const book = this.#book ?? new GapBook()
    return book.records(this.main.gaps, (name) => {
      const channel = this.find(name)
      const own = channel?.opened === true ? channel.ownLimit : book.ownLimitOf(name)
      return { service, since, limitMs: own ?? limitOfService, ownLimit: own !== undefined }
    })
  }

  /** Goes on counting where an earlier hangdog ended; to be called before the first beat. */
  restoreGaps(record: BeatGapsRecord): void {
    this.#gapBook().restore(record)
    if (record.channel !== mainChannel || record.total === 0) return
    this.main.gaps ??= this.gapsOf(mainChannel)
    this.main.gaps.add(record)
  }

  gapsOf(channel: string): BeatGaps {
    return channel === mainChannel ? new BeatGaps() : this.#gapBook().gapsOf(channel)
  }

  hangsOf(channel: string): BeatGaps {
    return this.#gapBook().hangsOf(channel)
  }

  #gapBook(): GapBook {
    this.#book ??= new GapBook()
    return this.#book
  }

  *#all(): Generator<Channel> {
    yield this.main
    if (this.#named !== undefined) yield* this.#named.values()
  }
}
