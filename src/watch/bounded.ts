import type { Clock, Milliseconds } from '../time.js'

export type Bounded<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'late' }
  | { readonly kind: 'failed'; readonly error: unknown }

/** Waits for a promise, but not longer than the limit. Never rejects; a result that comes late is ignored. */
export function withinLimit<T>(promise: Promise<T>, limit: Milliseconds, clock: Clock): Promise<Bounded<T>> {
  return new Promise((resolve) => {
    const timer = clock.schedule(limit, () => resolve({ kind: 'late' }))
    promise.then(
      (value) => {
        timer.cancel()
        resolve({ kind: 'done', value })
      },
      (error: unknown) => {
        timer.cancel()
        resolve({ kind: 'failed', error })
      },
    )
  })
}

/** Resolves after the delay. */
export function pause(delay: Milliseconds, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(delay, resolve)
  })
}
