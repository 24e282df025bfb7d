import type { Milliseconds } from '../time.js'

/** The channel of a service that names none. */
export const mainChannel = 'main'

/** What a channel may be called. */
export const channelPattern = /^[A-Za-z0-9._:-]{1,64}$/

/** Channels one service may have open at once. */
export const channelLimit = 256

/**
 * What a service can say about itself, whatever source it came through. A plain beat does not travel as one of these: it is a
 * call of its own (BeatReceiver.beat), so that the hot path allocates nothing.
 */
export type SignOfLife =
  /** Start-up is finished; arms the main channel unless the service has named channels of its own. */
  | { readonly kind: 'ready' }
  /** An orderly end has begun: no countdown from here on. */
  | { readonly kind: 'stopping' }
  | { readonly kind: 'reloading' }
  | { readonly kind: 'status'; readonly text: string }
  /** The service asks to be treated as hung, now. */
  | { readonly kind: 'trigger' }
  /** Sets the limit of the main channel (WATCHDOG_USEC). */
  | { readonly kind: 'limit'; readonly limit: Milliseconds }
  /** Before READY: start-up takes at least this much longer from now. After: so does the present countdown. */
  | { readonly kind: 'extend'; readonly span: Milliseconds }
  /** The service's main process is another one. */
  | { readonly kind: 'main-process'; readonly pid: number }
  /**
   * Opens a named channel; without a limit it has that of the service. Opening it again sets its limit. `pid` is the process that beats
   * there, when it is not the service's own.
   */
  | { readonly kind: 'channel-opened'; readonly channel: string; readonly limit?: Milliseconds; readonly pid?: number }
  /** The channel ends in order; its countdown is off. */
  | { readonly kind: 'channel-closed'; readonly channel: string }
  /** Nothing to do on this channel: its countdown is off until its next beat. */
  | { readonly kind: 'channel-idle'; readonly channel: string }

/** Where sources deliver. One per service. All calls are synchronous and never throw. */
export interface BeatReceiver {
  readonly service: string
  /**
   * A heartbeat on the main channel.
   * @param silent the time since the last one, when the countdown's own engine has heard this one already and started over
   */
  beat(silent?: Milliseconds): void
  /**
   * A heartbeat on a named channel, which is opened by its first beat. With `progress`, the beat counts only when the number differs
   * from that of the last beat that counted.
   * @returns false when it was refused: bad name, or too many channels
   */
  beatChannel(channel: string, progress?: number, silent?: Milliseconds): boolean
  /** @returns false when it was refused */
  signOfLife(sign: SignOfLife): boolean
  /**
   * Beats that nobody had to hear of were that far apart, on average; so many. For sources that do not deliver them.
   */
  gapsSeen(channel: string, gap: Milliseconds, count: number): void
  /** A source has contact with the service (an authenticated connection): from now on silence is meaningful. */
  contact(): void
}
