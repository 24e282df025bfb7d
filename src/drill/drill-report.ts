import type { Milliseconds } from '../time.js'

/** How the canary of a drill hangs. `blocked` waits for ever and costs nothing; `busy-loop` takes a whole CPU while it lasts. */
export const hangManners = ['blocked', 'busy-loop'] as const
export type HangManner = (typeof hangManners)[number]

/** What is asked for. */
export interface DrillOrder {
  readonly service: string
  /** Default: the limit of the service. */
  readonly timeout?: Milliseconds
  /** Default `blocked`, which disturbs nobody. */
  readonly how?: HangManner
}

/** The steps of a drill, in their order. Those that the policy of the service leaves out do not come. */
export const drillSteps = [
  'started',
  'beating',
  'hung',
  'warning',
  'verdict',
  'incident',
  'evidence',
  'signalled',
  'killed',
  'ended',
  'gone',
  'restarted',
  'alive-again',
  'closed',
  'removed',
] as const
export type DrillStepName = (typeof drillSteps)[number]

/** A step that was observed. Field names are stable; times in milliseconds. */
export interface DrillStep {
  readonly kind: 'step'
  readonly step: DrillStepName
  /** What was seen, as a sentence. */
  readonly detail: string
  /** When it was seen, since the last heartbeat of the canary; null before that. */
  readonly sinceLastBeatMs: number | null
}

/** What every outcome says. */
interface DrillFacts {
  readonly service: string
  /** The name under which the canary was watched; its events and its incident carry it. */
  readonly canary: string
  readonly how: HangManner
  readonly limitMs: number
  /** Of the canary's hang; null when none was opened. */
  readonly incident: string | null
}

/** What was measured. */
export interface DrillFigures {
  /** From the end of the limit to the verdict. */
  readonly detectionMs: number
  /** From the end of the limit, counted from the last beat as the canary wrote it down, to the end of its process. */
  readonly overshootMs: number
  /** What hangdog's own event says: from the end of its countdown to the proof that nothing is left. */
  readonly reportedMs: number
}

export type DrillPassed = DrillFacts & DrillFigures & { readonly kind: 'passed' }

export type DrillFailed = DrillFacts & {
  /** `abandoned`: hangdog was stopped meanwhile; nothing was found to be wrong. */
  readonly kind: 'failed' | 'abandoned'
  /** The step that was missing, late or wrong, or was waited for last. */
  readonly step: DrillStepName
  readonly detail: string
}

/** How a drill ended. Field names are stable. */
export type DrillOutcome = DrillPassed | DrillFailed

/** What is told while a drill goes on: its steps, then its outcome. */
export type DrillNews = DrillStep | DrillOutcome

export type TellDrill = (news: DrillNews) => void

/** A step that did not come, came late, or was not what it should be. Never leaves the drill. */
export class StepFailure extends Error {
  override readonly name = 'StepFailure'
  readonly step: DrillStepName
  readonly kind: DrillFailed['kind']

  constructor(step: DrillStepName, detail: string, kind: DrillFailed['kind'] = 'failed') {
    super(detail)
    this.step = step
    this.kind = kind
  }
}
