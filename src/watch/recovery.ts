import { describeError } from '../errors.js'
import type { ProcessIdentity, ProcessReading, ServiceProcess } from '../platform/platform.js'
import { elapsed, formatDuration, type Instant, type Milliseconds, zero } from '../time.js'
import { withinLimit } from './bounded.js'
import { takeCore } from './core-dump.js'
import { causeExhibit, type EvidenceRequest } from './evidence.js'
import type { IncidentOpening, IncidentRecord } from './incident.js'
import { type Judgement, recordJudgement } from './judgement.js'
import { actionNumber, type ServicePolicy } from './policy.js'
import type { Surroundings } from './surroundings.js'
import { type TerminationResult, terminate } from './termination.js'
import { describeHang, type Hang } from './verdict.js'

/** A hang, with all that reporting it or acting on it needs. */
export interface HangCase {
  readonly service: string
  readonly command: string
  readonly process: ServiceProcess
  /** The process that is silent: the service's own, or one that it started. */
  readonly subject: ProcessIdentity
  readonly reading: ProcessReading
  readonly channel: string
  readonly limit: Milliseconds
  readonly silent: Milliseconds
  /** When the countdown ended, on the clock. */
  readonly expiredAt: Instant
  readonly hang: Hang
  readonly judgement: Judgement | undefined
  readonly policy: ServicePolicy
  /** True when the service has shown a sign of life since the verdict. */
  readonly isAlive: () => boolean
  /** True when the service has been asked to stop since the verdict: it is still ended, but no machine is stopped for it. */
  readonly isStopping: () => boolean
}

export type LadderResult =
  | TerminationResult
  /** The service beat again before anything irreversible was done. */
  | { readonly kind: 'abandoned' }

/** Writes the incident, within its limit. A record that cannot be written delays nothing and is an event. */
export async function openIncident(hangCase: HangCase, parts: Surroundings): Promise<IncidentRecord | undefined> {
  const { service, policy } = hangCase
  const opening = parts.incidents.open(describeOpening(hangCase))
  const opened = await withinLimit(opening, policy.incidentTimeout, parts.clock)
  if (opened.kind === 'done') return opened.value
  const error =
    opened.kind === 'failed'
      ? describeError(opened.error)
      : `not on disk within ${formatDuration(policy.incidentTimeout)}`
  parts.emit({ name: 'incident-unwritten', service, parameters: { error } })
  return undefined
}

/** What an incident is opened with. */
export function describeOpening(
  hangCase: Omit<HangCase, 'reading' | 'expiredAt' | 'isAlive' | 'isStopping' | 'subject'>,
): IncidentOpening {
  const { service, command, process, channel, limit, silent, hang, judgement, policy } = hangCase
  const { pid } = process.identity
  const opening = { service, command, pid, channel, limitMs: limit, silentMs: Math.round(silent) }
  const judged = judgement === undefined ? {} : { judgement: recordJudgement(judgement) }
  return { ...opening, action: policy.action, hang, ...judged }
}

/** Takes evidence while the service still exists. Never later than the budget, whatever a collector does. */
export async function takeEvidence(
  hangCase: HangCase,
  record: IncidentRecord | undefined,
  parts: Surroundings,
): Promise<void> {
  const { service, process, subject, reading, hang, silent, policy } = hangCase
  const budget = policy.evidenceTimeout
  const incident = record === undefined ? {} : { incident: record.id }
  if (budget === zero) return
  const request: EvidenceRequest = { service, process, subject, reading, hang, silent, budget }
  const captured = await withinLimit(parts.evidence.capture(request), budget, parts.clock)
  const exhibits = captured.kind === 'done' ? captured.value : []
  if (captured.kind !== 'done') {
    parts.emit({ name: 'evidence-late', service, parameters: { limit: formatDuration(budget), missing: 'all of it' } })
  }
  const cause = exhibits.find((exhibit) => exhibit.name === causeExhibit)
  if (cause?.kind === 'captured') {
    parts.emit({ name: 'hang-explained', service, ...incident, parameters: { cause: String(cause.content) } })
  }
  const attached = record?.attach(exhibits)
  if (attached !== undefined) await withinLimit(attached, policy.incidentTimeout, parts.clock)
}

/** HangRecoveryAction 1, the event: it repeats each period while the hang lasts. */
export function emitHangLogged(hangCase: HangCase, parts: Surroundings): void {
  const why = hangCase.policy.action === 'log' ? 'HangRecoveryAction is 1' : 'this hangdog, or the service, is a shadow'
  parts.emit({ name: 'hang-logged', service: hangCase.service, parameters: { ...hangParameters(hangCase), why } })
}

/** What would be done now, if this were no shadow. */
export function emitDryRun({ service, policy }: HangCase, parts: Surroundings): void {
  if (policy.action === 'log') return
  const restart = policy.restart.mode === 'never' ? '' : ', and restart by policy'
  const terminate = `send ${policy.terminateSignal}, then SIGKILL${restart}`
  const action = policy.action === 'bugcheck' ? `stop this machine if it has consent, else ${terminate}` : terminate
  parts.emit({ name: 'dry-run', service, parameters: { action } })
}

/** HangRecoveryAction 1, once per hang: evidence for the record. */
export async function report(
  hangCase: HangCase,
  record: IncidentRecord | undefined,
  parts: Surroundings,
): Promise<void> {
  await step(record, 'reported only', hangCase, parts)
  await takeEvidence(hangCase, record, parts)
}

/**
 * The ladder of HangRecoveryAction 2 and 3: record, evidence, act, prove, and the next rung when there is no proof.
 * Each step has its own limit; none waits for a file system, a client or a collector beyond it.
 */
export async function climb(
  hangCase: HangCase,
  record: IncidentRecord | undefined,
  parts: Surroundings,
): Promise<LadderResult> {
  const { policy } = hangCase
  emitRecovery(hangCase, record, parts)
  await takeEvidence(hangCase, record, parts)
  if (hangCase.isAlive()) return { kind: 'abandoned' }
  await takeCore(hangCase, record, parts)
  if (hangCase.isAlive()) return { kind: 'abandoned' }
  if (policy.action === 'bugcheck') await bugCheck(hangCase, record, parts)
  const result = await terminateHung(hangCase, record, parts)
  if (result.kind === 'not-gone' && policy.action !== 'bugcheck' && policy.escalation === 'bugcheck') {
    await bugCheck(hangCase, record, parts)
  }
  return result
}

/** The event of HangRecoveryAction 2 and 3. */
export function emitRecovery(hangCase: HangCase, record: IncidentRecord | undefined, parts: Surroundings): void {
  const { service, policy } = hangCase
  const incident = record === undefined ? {} : { incident: record.id }
  const action = `${actionNumber(policy.action)} (${policy.action})`
  if (hangCase.hang.kind === 'never-started') {
    const seconds = Number((hangCase.limit / 1000).toFixed(1))
    parts.emit({ name: 'start-hung', service, ...incident, parameters: { seconds } })
  }
  parts.emit({ name: 'hang-recovery', service, ...incident, parameters: { ...hangParameters(hangCase), action } })
}

/** Something else has ended the service, or tried: what is left of it is ended by force, and the proof is ours. */
export async function endWhatIsLeft(
  hangCase: HangCase,
  record: IncidentRecord | undefined,
  parts: Surroundings,
): Promise<TerminationResult> {
  const { service, process, policy } = hangCase
  const incident = record === undefined ? {} : { incident: record.id }
  const { terminateSignal: signal, killTimeout: killLimit } = policy
  const result = await terminate({ service, ...incident, process, signal, grace: zero, killLimit }, parts)
  if (result.kind === 'gone') {
    await step(record, 'nothing is left of it', hangCase, parts)
    return result
  }
  const survivors = result.survivors.map((survivor) => survivor.pid).join(', ')
  parts.emit({ name: 'terminate-failed', service, ...incident, parameters: { survivors } })
  await step(record, 'not gone', hangCase, parts)
  if (policy.action === 'bugcheck' || policy.escalation === 'bugcheck') await bugCheck(hangCase, record, parts)
  return result
}

async function terminateHung(
  hangCase: HangCase,
  record: IncidentRecord | undefined,
  parts: Surroundings,
): Promise<TerminationResult> {
  const { service, process, policy, hang } = hangCase
  const incident = record === undefined ? {} : { incident: record.id }
  // The incident that is on disk says what is about to be done; its steps need not be waited for.
  void step(record, `terminate pid ${process.identity.pid}`, hangCase, parts)
  const order = {
    service,
    ...incident,
    process,
    signal: policy.terminateSignal,
    // A signal does not reach what cannot run: then the grace would only be time lost.
    grace: canTakeSignal(hang) ? policy.terminateTimeout : zero,
    killLimit: policy.killTimeout,
  }
  const result = await terminate(order, parts)
  const afterMs = Math.round(elapsed(hangCase.expiredAt, parts.clock.now()))
  if (result.kind === 'gone') {
    parts.emit({ name: 'terminate-proven', service, ...incident, parameters: { afterMs } })
  } else {
    const survivors = result.survivors.map((survivor) => survivor.pid).join(', ')
    parts.emit({ name: 'terminate-failed', service, ...incident, parameters: { survivors } })
  }
  if (order.signal === 'SIGQUIT' && order.grace > zero) keepLastWords(hangCase, record)
  await step(record, result.kind === 'gone' ? `gone after ${afterMs} ms` : 'not gone', hangCase, parts)
  return result
}

/** Output kept of a service that was ended by SIGQUIT, in lines; more is not remembered. */
const lastWordLines = 200

/** Go, and others, answer SIGQUIT with their stacks and end. It is not waited for: the next record comes after it by itself. */
function keepLastWords({ process }: HangCase, record: IncidentRecord | undefined): void {
  const content = process.lastLines(lastWordLines)
  if (content.length > 0) void record?.attach([{ kind: 'captured', name: 'last-words', tookMs: 0, content }])
}

function canTakeSignal(hang: Hang): boolean {
  return hang.kind !== 'blocked-in-kernel' && hang.kind !== 'held-too-long' && hang.kind !== 'dead-main-thread'
}

/** Stops the machine if it may and can. Returns when it did not. */
async function bugCheck(hangCase: HangCase, record: IncidentRecord | undefined, parts: Surroundings): Promise<void> {
  const { service, process, limit } = hangCase
  const incident = record === undefined ? {} : { incident: record.id }
  const permit = parts.bugCheckGate.permit()
  const method = parts.platform.bugCheckMethod()
  const stopping = hangCase.isStopping() ? 'the service was asked to stop' : undefined
  const refusal =
    stopping ?? (permit.kind === 'refused' ? permit.reason : method.kind === 'none' ? method.reason : undefined)
  if (refusal !== undefined) {
    parts.emit({ name: 'bugcheck-refused', service, ...incident, parameters: { reason: refusal } })
    await step(record, `bugcheck refused: ${refusal}`, hangCase, parts)
    return
  }
  const pid = process.identity.pid
  const how = method.kind === 'none' ? '' : method.method
  parts.emit({
    name: 'bugcheck-requested',
    service,
    ...incident,
    parameters: { pid, seconds: limit / 1000, method: how },
  })
  await step(record, `bugcheck by ${how}`, hangCase, parts)
  const failure = await parts.platform.bugCheck({ service, pid, timeout: limit, incident: record?.id ?? 'unwritten' })
  parts.emit({
    name: 'bugcheck-failed',
    service,
    ...incident,
    parameters: { method: failure.method, error: failure.error },
  })
  await step(record, `bugcheck failed: ${failure.error}`, hangCase, parts)
}

/** Written before it is done, but never waited for beyond the limit. */
async function step(
  record: IncidentRecord | undefined,
  text: string,
  hangCase: HangCase,
  parts: Surroundings,
): Promise<void> {
  if (record !== undefined) await withinLimit(record.step(text), hangCase.policy.incidentTimeout, parts.clock)
}

function hangParameters({ command, process, silent, hang }: HangCase): {
  image: string
  pid: number
  seconds: number
  cause: string
} {
  return {
    image: command,
    pid: process.identity.pid,
    seconds: Number((silent / 1000).toFixed(1)),
    cause: describeHang(hang),
  }
}
