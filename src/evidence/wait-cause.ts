import type { CauseQuestion, CauseRule } from './cause.js'
import { readWaits, type Wait } from './wait.js'
import { describeWait } from './wait-sentence.js'

/** Names what the main thread waits for, when that lies outside of its process and was found. */
export const waitCause: CauseRule = (question) => {
  const wait = findMainWait(question)
  const what = wait === undefined ? undefined : describeWait(wait)
  if (wait === undefined || what === undefined) return undefined
  const { hang, seen } = question
  const from = seen.frame === undefined ? '' : `; called from ${seen.frame}`
  switch (hang.kind) {
    case 'blocked-in-kernel':
      return `blocked in the kernel, state D, in ${what}${from}`
    case 'waiting':
    case 'unknown':
      return `waiting in ${what}${from}`
    case 'never-started':
      return `no sign of life since its start: waiting in ${what}${from}`
    default:
      return undefined
  }
}

function findMainWait({ exhibits }: CauseQuestion): Wait | undefined {
  const exhibit = exhibits.find(({ name }) => name === 'waits')
  if (exhibit?.kind !== 'captured') return undefined
  // The main thread's number is that of the process, and its wait comes first.
  const [first] = readWaits(exhibit.content)
  return first?.isMain === true ? first : undefined
}
