import type { HoldReason } from './policy.js'

/** What kind of hang it is, with what supports that. */
export type Hang =
  /** On CPU without end. */
  | { readonly kind: 'busy-loop'; readonly cpuPercent: number }
  /** In the kernel and not to be interrupted (D). */
  | { readonly kind: 'blocked-in-kernel'; readonly waitChannel: string }
  /** Asleep and making no progress. */
  | { readonly kind: 'waiting'; readonly waitChannel: string }
  /** The main thread has ended, others live on. */
  | { readonly kind: 'dead-main-thread' }
  /** Stopped, traced, frozen or starved for longer than the hold for that may last. */
  | { readonly kind: 'held-too-long'; readonly reason: HoldReason }
  /** No sign of life since its start. */
  | { readonly kind: 'never-started' }
  /** The service said so itself. */
  | { readonly kind: 'triggered' }
  /** The readings do not tell. */
  | { readonly kind: 'unknown'; readonly detail: string }

export type Verdict =
  | { readonly kind: 'hung'; readonly hang: Hang }
  | { readonly kind: 'held'; readonly reason: HoldReason; readonly detail: string }
  | { readonly kind: 'gone' }
