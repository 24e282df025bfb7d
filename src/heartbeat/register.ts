import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setInterval } from 'node:timers'
import { getHeapStatistics } from 'node:v8'
import { isMainThread } from 'node:worker_threads'
import { beatInterval } from './beat-interval.js'
import { freeInspectorPort } from './inspector-port.js'
import { findTarget, Link, type LinkTarget } from './link.js'
import { findModuleFile } from './module-file.js'

/**
 * The preload: `node --import hangdog/register program.js`. It beats from turns of the main thread's event loop, so that the beats
 * stop when the loop does. It changes nothing else about the program but the port of an inspector that nobody asked for: it does not
 * keep the program alive, and its own failure is no failure of the program.
 */

/** How often the loop's delay is sampled, in ms: ten wake-ups a second of native code, no JavaScript. */
const lagResolutionMs = 100
const lagReportMs = 5000

function start(target: LinkTarget, intervalMs: number): void {
  let ready = false
  const beatKernel = findModuleFile(process.env)
  const link = new Link({ ...target, pid: process.pid }, () => (ready ? 'READY=1\n' : ''))
  const lag = monitorEventLoopDelay({ resolution: lagResolutionMs })
  lag.enable()
  const turnsPerReport = Math.ceil(lagReportMs / intervalMs)
  let turns = 0
  const turnTaken = (): void => {
    if (!ready) link.send('READY=1\n')
    ready = true
    link.send('WATCHDOG=1\n')
    beatKernel()
    turns++
    if (turns % turnsPerReport !== 0) return
    const { used_heap_size, heap_size_limit } = getHeapStatistics()
    const delayMs = Math.max(0, Math.round(lag.max / 1e6) - lagResolutionMs)
    link.send(`X_LAG_MS=${delayMs}\nX_HEAP=${used_heap_size}:${heap_size_limit}\n`)
    lag.reset()
  }
  setInterval(turnTaken, intervalMs).unref()
}

try {
  const target = findTarget(process.env)
  if (isMainThread && target !== undefined) {
    freeInspectorPort()
    start(target, beatInterval(process.env.WATCHDOG_USEC))
  }
} catch {
  // The program must run, watched or not; hangdog sees that there is no beat.
}
