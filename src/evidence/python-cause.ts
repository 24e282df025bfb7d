import type { CauseQuestion, CauseRule } from './cause.js'
import type { PythonFrame } from './python-dump.js'
import { isPythonStack, type ObservedThread } from './python-stack.js'
import { findContent } from './scene.js'

/** From this share of one CPU on, in percent, a thread counts as busy: little, as a loaded machine gives no thread much. */
const busyPercent = 5

/** Other threads named in the sentence. */
const namedLimit = 2

/**
 * Causes of a hung Python service, from the stacks of its threads. A lock of Python does not say which thread holds it, so the
 * sentence says who waits and where, and claims no deadlock.
 */
export const namePythonCause: CauseRule = ({ hang, exhibits }) => {
  const stack = findContent(exhibits, 'python-stack')
  if (!isPythonStack(stack) || hang.kind === 'held-too-long') return undefined
  const main = stack.threads.find(({ tid }) => tid === stack.pid)
  const name = (thread: ObservedThread) => (thread === main ? 'main thread' : `thread ${thread.tid ?? 'unknown'}`)
  if (hang.kind === 'busy-loop') {
    const [busiest] = [...stack.threads].sort((a, b) => (b.cpuPercent ?? 0) - (a.cpuPercent ?? 0))
    const whole = `process on CPU ${Math.round(hang.cpuPercent)} %`
    if (busiest?.cpuPercent === undefined || busiest.cpuPercent < busyPercent) {
      const place = main === undefined ? '' : `; main thread was in ${describePlace(main)}`
      return `unknown: busy, ${whole}, but no thread had a CPU when looked at${place}`
    }
    return `busy: ${name(busiest)} in ${describePlace(busiest)}, on CPU ${busiest.cpuPercent} %; ${whole}`
  }
  const prefix = hang.kind === 'never-started' ? 'no sign of life since its start; ' : ''
  if (main?.inLock === true) {
    const others = stack.threads.filter((each) => each !== main && each.inLock === true && isInOwnCode(each))
    const waits = [main, ...others.slice(0, namedLimit)].map(
      (each) => `${name(each)} waits for a lock in ${describePlace(each)}`,
    )
    const more = others.length - namedLimit
    return prefix + waits.join('; ') + (more > 0 ? `; and ${more} more threads` : '')
  }
  return undefined
}

/** Says from where in Python the main thread waits, when another rule has named what it waits for. */
export function addPythonPlace(sentence: string, { hang, exhibits }: CauseQuestion): string {
  const stack = findContent(exhibits, 'python-stack')
  if (!isPythonStack(stack) || hang.kind === 'busy-loop' || hang.kind === 'held-too-long') return sentence
  const main = stack.threads.find(({ tid }) => tid === stack.pid)
  if (main === undefined || main.frames.length === 0) return sentence
  const place = describePlace(main)
  return sentence.includes(place) ? sentence : `${sentence}, called from ${place}`
}

/** A worker that waits for its next task does so inside of Python's own library. */
function isInOwnCode({ frames: [innermost] }: ObservedThread): boolean {
  return innermost !== undefined && !isLibrary(innermost)
}

function describePlace({ frames }: ObservedThread): string {
  const frame = frames.find((each) => !isLibrary(each)) ?? frames[0]
  return frame === undefined
    ? 'code that is not Python'
    : `${frame.function} (${frame.file.split('/').at(-1)}:${frame.line})`
}

function isLibrary({ file }: PythonFrame): boolean {
  return file.startsWith('<frozen') || (/\/lib\d*\/python\d/.test(file) && !/\/(site|dist)-packages\//.test(file))
}
