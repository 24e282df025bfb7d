import { performance } from 'node:perf_hooks'
import { type Clock, instant, longestTimer, type Milliseconds, type Scheduled } from './time.js'

/** The machine's clocks. Delays of any length are kept: those that are too long for one timer are chained. Timers scheduled here keep the process alive until they are called or cancelled. */
export const systemClock: Clock = {
  now: () => instant(performance.now()),
  wallNow: () => new Date(),
  schedule(delay, callback, exact = false) {
    if (exact && delay < longestTimer) return scheduleExactly(delay, callback)
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

/**
 * Node's timers have whole milliseconds and may come almost one early. This one is set to come early, and the last fraction is waited for
 * by turns of the event loop, in which sockets are served as well. It costs up to two milliseconds of CPU time a call.
 */
function scheduleExactly(delay: Milliseconds, callback: () => void): Scheduled {
  const due = performance.now() + delay
  let immediate: NodeJS.Immediate | undefined
  const look = (): void => {
    if (performance.now() >= due) callback()
    else immediate = setImmediate(look)
  }
  const timer = setTimeout(look, Math.floor(delay))
  return {
    cancel: () => {
      clearTimeout(timer)
      clearImmediate(immediate)
    },
  }
}
