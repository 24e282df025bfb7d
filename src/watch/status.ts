import type { HoldReason, RecoveryAction, RestartMode } from './policy.js'

/** What `status` shows of a service. Field names are stable. Times in milliseconds; wall times in ISO 8601. */
export interface ServiceStatus {
  readonly service: string
  readonly state: string
  /** One sentence about the state: the hold's reason, what recovery is doing, why it is not watched. */
  readonly detail: string
  readonly pid: number | null
  readonly command: string
  readonly heartbeat: string
  readonly action: RecoveryAction
  /** What would be done is only decided and reported. */
  readonly shadow: boolean
  readonly limitMs: number
  /** A shorter limit that was asked for and waits until the service is seen to beat fast enough for it, or is started again. */
  readonly deferredLimitMs?: number
  /** Of the channel closest to its end; null when no countdown runs. */
  readonly remainingMs: number | null
  readonly startedAt: string | null
  readonly lastBeatAt: string | null
  readonly beats: number
  readonly restarts: number
  readonly restartMode: RestartMode
  readonly holds: number
  /** Their reasons, but for those that there were none of. */
  readonly holdsByReason: Readonly<Partial<Record<HoldReason, number>>>
  readonly hangs: number
  /** Silences that passed the warning point. */
  readonly warnings: number
  /** Of these, the ones that ended by themselves before anything was done. */
  readonly nearMisses: number
  /** What was done about hangs, by the action that was in force. A recovery that was called off is in none. */
  readonly actions: HangActions
  readonly statusText: string
  readonly channels: readonly ChannelStatus[]
  readonly counters: Readonly<Record<string, number>>
}

export interface HangActions {
  /** Only reported. */
  readonly log: number
  readonly terminate: number
  readonly bugcheck: number
}

export interface ChannelStatus {
  readonly channel: string
  readonly armed: boolean
  readonly limitMs: number
  readonly remainingMs: number | null
  readonly beats: number
}

/** A line of life at the present moment, in hangdog's own ticks. Spans in ms. */
export interface ChannelClock {
  readonly channel: string
  readonly armed: boolean
  readonly warned: boolean
  readonly beats: number
  readonly limitMs: number
  readonly silentMs: number | null
  readonly remainingMs: number | null
}
