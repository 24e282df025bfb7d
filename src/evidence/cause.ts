import type { Milliseconds } from '../time.js'
import type { Exhibit } from '../watch/evidence.js'
import type { Hang } from '../watch/verdict.js'
import { nameGoCause } from './go-cause.js'
import { nameJavaCause } from './java-cause.js'
import { addFullQueue, listenQueueCause } from './listen-queue.js'
import { nameLockCause } from './lock-cycle-cause.js'
import { describeMainThread } from './main-thread-cause.js'
import { nodeRules } from './node-cause.js'
import { addPythonPlace, namePythonCause } from './python-cause.js'
import { readScene, type Scene } from './scene.js'
import { strainCause } from './strain-cause.js'
import { waitCause } from './wait-cause.js'

/** What a rule judges by. */
export interface CauseQuestion {
  readonly hang: Hang
  readonly exhibits: readonly Exhibit[]
  /** What the exhibits show of the main thread. */
  readonly seen: Scene
  /** How long the service has been silent, when that is known. */
  readonly silent?: Milliseconds
}

/** Names the cause of the hangs it knows, with what supports it. Answers nothing for every other hang. */
export type CauseRule = (question: CauseQuestion) => string | undefined

/** In the order of worth: the first answer counts. */
const rules: readonly CauseRule[] = [
  nameJavaCause,
  nameGoCause,
  nameLockCause,
  namePythonCause,
  ...nodeRules,
  waitCause,
  strainCause,
  listenQueueCause,
]

/**
 * Names the cause of a hang in one sentence, with what supports it. Every sentence follows from a rule; where none fits it begins
 * with `unknown:` and says what is known, which is worth more than a guess.
 */
export function describeCause(hang: Hang, exhibits: readonly Exhibit[], silent?: Milliseconds): string {
  const question = { hang, exhibits, seen: readScene(exhibits), ...(silent === undefined ? {} : { silent }) }
  return (
    addFullQueue(addPythonPlace(describe(question), question), question) +
    question.seen.stoppedChildren.map((child) => `; its child ${child} is stopped (T)`).join('')
  )
}

function describe(question: CauseQuestion): string {
  for (const rule of rules) {
    const cause = rule(question)
    if (cause !== undefined) return cause
  }
  return describeMainThread(question.hang, question.seen)
}
