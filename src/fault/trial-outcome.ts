import type { Incident } from '../incident/incident-reader.js'
import type { Hang } from '../watch/verdict.js'
import type { Fault } from './fault.js'
import type { Sightings } from './sightings.js'

/** What hangdog made of a fault. Field names are stable. */
export interface TrialOutcome {
  readonly kind: string
  readonly language: string
  readonly limitMs: number
  readonly action: 'log' | 'terminate'
  /** The hang was found. */
  readonly detected: boolean
  /** Verdict, hold and cause are what the kit expects, and the process was ended if it had to be. */
  readonly asExpected: boolean
  readonly verdict: Hang | null
  readonly expectedVerdict: readonly Hang['kind'][]
  /** Why it was held before, if it was. */
  readonly held: string | null
  readonly expectedHold: string | null
  readonly cause: string | null
  /** A regular expression that the cause is to match. */
  readonly expectedCause: string
  readonly causeAsExpected: boolean
  /** From the last beat to the verdict, by hangdog's own count. */
  readonly verdictAfterMs: number | null
  /** From the last beat to the proof that nothing is left of the service; null when it was not ended. */
  readonly goneAfterMs: number | null
  /** What is not as expected, a sentence each. */
  readonly complaints: readonly string[]
}

export interface TrialFindings {
  readonly fault: Fault
  readonly limitMs: number
  readonly action: 'log' | 'terminate'
  readonly sightings: Sightings
  readonly incident: Incident | undefined
}

/** Compares what was seen with what the kit expects. */
export function judgeTrial(findings: TrialFindings): TrialOutcome {
  const { fault, limitMs, action, sightings, incident } = findings
  const { expected } = fault
  const hang = sightings.find('hang-recovery', 'hang-logged')
  const gone = sightings.find('terminate-proven')
  const opened = incident?.kind === 'whole' ? incident.opened : undefined
  const cause = readText(sightings.find('hang-explained')?.event.parameters.cause)
  const held = readText(sightings.find('hold-started')?.event.parameters.reason)
  const verdictAfterMs = opened?.silentMs ?? null
  const sinceVerdict = hang === undefined || gone === undefined ? undefined : gone.atMs - hang.atMs
  const facts = {
    detected: hang !== undefined,
    verdict: opened?.hang ?? null,
    held,
    cause,
    causeAsExpected: cause !== null && expected.cause.test(cause),
    goneAfterMs:
      verdictAfterMs === null || sinceVerdict === undefined ? null : Math.round(verdictAfterMs + sinceVerdict),
  }
  const complaints = complain(findings, facts)
  return {
    kind: fault.kind,
    language: fault.language,
    limitMs,
    action,
    ...facts,
    asExpected: complaints.length === 0,
    expectedVerdict: expected.hang,
    expectedHold: expected.held ?? null,
    expectedCause: expected.cause.source,
    verdictAfterMs,
    complaints,
  }
}

type Facts = Pick<TrialOutcome, 'detected' | 'verdict' | 'held' | 'cause' | 'causeAsExpected' | 'goneAfterMs'>

function complain({ fault, action, sightings }: TrialFindings, facts: Facts): readonly string[] {
  if (!facts.detected) return ['the hang was not found']
  const { hang, held, cause } = fault.expected
  const complaints: string[] = []
  if (facts.verdict === null || !hang.includes(facts.verdict.kind)) {
    complaints.push(`the verdict is "${facts.verdict?.kind ?? 'unreadable'}", not "${hang.join('" or "')}"`)
  }
  if (held !== undefined && facts.held !== held) {
    complaints.push(`it was ${facts.held === null ? 'not held' : `held as ${facts.held}`}, and should be as ${held}`)
  }
  if (!facts.causeAsExpected) complaints.push(`the cause does not match ${cause}`)
  const unasked = describeUnaskedEnd(sightings)
  if (unasked !== undefined)
    complaints.push(`before the service was asked to end, while evidence was taken, it ${unasked}`)
  if (action === 'terminate' && facts.goneAfterMs === null) complaints.push('the service was not proven to be gone')
  return complaints
}

/** None of the kit ends by itself: evidence may have disturbed it. */
function describeUnaskedEnd(sightings: Sightings): string | undefined {
  const ended = sightings.find('service-ended')
  const asked = sightings.find('terminate-requested', 'kill-requested', 'service-stopping')
  if (ended === undefined || (asked !== undefined && asked.atMs <= ended.atMs)) return undefined
  return `ended: ${ended.event.parameters.outcome}`
}

function readText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
