import type { ProcessIdentity } from '../platform/platform.js'
import { elapsed, type Instant, longer, type Milliseconds, milliseconds, zero } from '../time.js'
import type { BeatGaps } from './beat-gaps.js'
import type { Countdown, CountdownEngine, CountdownListener } from './countdown.js'

/** What a channel tells its service. */
export interface ChannelListener {
  channelWarned(channel: Channel): void
  channelElapsed(channel: Channel): void
}

/** Where a channel counts how far its beats were apart. */
export interface GapKeeper {
  /** Of the channels of this name, in this run and others. */
  gapsOf(channel: string): BeatGaps
  /** Silences that no beat ended. */
  hangsOf(channel: string): BeatGaps
}

/**
 * What becomes of the time until the next beat. `uncounted`: it was no beat that started the countdown, or none runs. `counted`: it is a
 * gap. Else a silence that outlasted the limit: what the countdowns had counted of it when the last one ended, and when that was.
 */
type Gap = 'uncounted' | 'counted' | { readonly countedMs: Milliseconds; readonly at: Instant }

/** How much of the pace is left when a shorter gap follows. */
const paceFading = 0.75

/** One line of life of a service, with a countdown of its own. */
export class Channel implements CountdownListener {
  readonly name: string
  readonly #listener: ChannelListener
  readonly countdown: Countdown
  readonly #keeper: GapKeeper
  /** Made with the first gap. */
  gaps: BeatGaps | undefined
  /** Its own limit; undefined follows the service's. */
  ownLimit: Milliseconds | undefined
  beats = 0
  /** Beats that reported no progress and so did not count. */
  stalledBeats = 0
  /** The silence has passed its warning point. */
  warned = false
  /** Opened by its first beat or by name; an unopened main channel has no countdown. */
  opened = false
  /** The process that beats here, when it is not the service's own. */
  subject: ProcessIdentity | undefined
  idle = false
  /** A stall gave this silence its whole limit once more. */
  stallExcused = false
  /** How far beats were apart lately, in ms: the longest gap, which counts for less with each beat after it. */
  pace: Milliseconds = zero
  #progress: number | undefined
  #gap: Gap = 'uncounted'

  constructor(name: string, engine: CountdownEngine, listener: ChannelListener, keeper: GapKeeper) {
    this.name = name
    this.#listener = listener
    this.#keeper = keeper
    this.countdown = engine.create(this)
  }

  warningElapsed(): void {
    this.warned = true
    this.#listener.channelWarned(this)
  }

  limitElapsed(): void {
    this.#listener.channelElapsed(this)
  }

  get armed(): boolean {
    return this.countdown.armed
  }

  /** Takes over what the engine has heard and counted by itself. */
  collect(): void {
    const heard = this.countdown.takeTally?.()
    if (heard === undefined) return
    this.beats += heard.total
    this.gaps ??= this.#keeper.gapsOf(this.name)
    this.gaps.add(heard)
    this.pace = longer(milliseconds(heard.maxMs), milliseconds(this.pace * paceFading ** heard.total))
  }

  /**
   * The whole of an ordinary heartbeat.
   * @param silent the time since the last, if that is not what the countdown says
   * @returns false when there is more to do than to reset the countdown
   */
  resetQuietly(silent?: Milliseconds): boolean {
    if (this.warned || this.stallExcused || !this.countdown.armed) return false
    const spent = this.countdown.reset()
    if (this.#gap === 'counted') this.#count(silent ?? spent)
    else this.#gap = 'counted'
    if (silent !== undefined) this.collect()
    return true
  }

  /** A beat that does more than that has come; nothing has been done about it yet. */
  gapEnded(now: Instant, silent: Milliseconds): void {
    const gap = this.#gap
    this.#gap = 'uncounted'
    if (gap === 'uncounted') return
    if (gap !== 'counted') this.#count(milliseconds(gap.countedMs + (this.armed ? silent : elapsed(gap.at, now))))
    else if (this.armed) this.#count(silent)
  }

  /** What there was to do about that beat is done. */
  gapBegins(): void {
    this.#gap = this.armed ? 'counted' : 'uncounted'
  }

  /** The limit has passed, perhaps not for the first time in this silence. */
  gapOutlasted(limit: Milliseconds, now: Instant): void {
    const before = typeof this.#gap === 'string' ? zero : this.#gap.countedMs
    this.#gap = { countedMs: milliseconds(before + limit), at: now }
  }

  /** The silence is not the doing of the service. */
  gapExcused(): void {
    this.#gap = 'uncounted'
  }

  /** The run ends; if in a silence, nobody will know how long that would have been. */
  gapUnended(): void {
    if (typeof this.#gap !== 'string')
      this.#keeper.hangsOf(this.name).record(milliseconds(this.#gap.countedMs + this.silent()))
    this.#gap = 'uncounted'
  }

  /** Beats that did not come through here were this far apart. */
  gapsSeen(gap: Milliseconds, count: number): void {
    if (this.#gap !== 'counted') return
    this.#follow(gap)
    this.gaps ??= this.#keeper.gapsOf(this.name)
    this.gaps.add({ total: count, sumMs: gap * count, maxMs: gap, bins: [[gap, count]] })
  }

  #count(gap: Milliseconds): void {
    this.#follow(gap)
    this.gaps ??= this.#keeper.gapsOf(this.name)
    this.gaps.record(gap)
  }

  #follow(gap: Milliseconds): void {
    const faded = this.pace * paceFading
    this.pace = (gap > faded ? gap : faded) as Milliseconds
  }

  /** Takes note of a progress number. @returns whether it moved */
  moved(progress: number): boolean {
    if (progress === this.#progress) {
      this.stalledBeats++
      return false
    }
    this.#progress = progress
    return true
  }

  arm(limit: Milliseconds, warningShare: number): void {
    this.warned = false
    this.stallExcused = false
    if (this.#gap === 'counted') this.#gap = 'uncounted'
    this.countdown.arm(limit, warningShare)
  }

  /** The limit comes no sooner than this much from now; as with systemd, asking again adds nothing to what is left. */
  extend(span: Milliseconds): void {
    const missing = span - this.countdown.remaining()
    if (missing > 0) this.countdown.extend(milliseconds(missing))
  }

  /** As `arm`, because the policy has changed; more time that was asked for is not taken away. @param before the limit it had */
  rearm(limit: Milliseconds, warningShare: number, before: Milliseconds): void {
    const left = this.remaining()
    this.arm(limit, warningShare)
    if (left > before) this.extend(left)
  }

  disarm(): void {
    this.countdown.disarm()
  }

  remaining(): Milliseconds {
    return this.countdown.remaining()
  }

  silent(): Milliseconds {
    return this.countdown.spent()
  }

  dispose(): void {
    this.countdown.dispose()
  }
}
