import { performance } from 'node:perf_hooks'
import { type Clock, instant } from './time.js'

/** Node's timers take no more than this; longer delays are chained. */
const longestTimer = 2 ** 31 - 1

/** The machine's clocks. Timers scheduled here keep the process alive until they are called or cancelled. */
export const systemClock: Clock = {
  now: () => instant(performance.now()),
  wallNow: () => new Date(),
  schedule(delay, callback) {
    let remaining: number = delay
    let timer: NodeJS.Timeout
    const next = (): void => {
      const span = Math.min(remaining, longestTimer)
      remaining -= span
      // Rounded up: Node cuts fractions off, and a timer that comes early only comes again.
      timer = setTimeout(() => (remaining > 0 ? next() : callback()), Math.ceil(span))
    }
    next()
    return { cancel: () => clearTimeout(timer) }
  },
}
