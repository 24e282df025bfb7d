import type { Incident } from '../incident/incident-reader.js'
import type { Platform, ServiceProcess } from '../platform/platform.js'
import { type Instant, later, type Milliseconds, milliseconds, zero } from '../time.js'
import { describeHang, type Hang } from '../watch/verdict.js'
import type { CanaryRun } from './canary-record.js'
import type { CanaryWatch, Sighting } from './canary-watch.js'
import { type DrillPlan, slack, timeToHang, timeToWarning } from './drill-plan.js'
import { type DrillFigures, type DrillStepName, type HangManner, StepFailure } from './drill-report.js'

/** What is looked at beside the events: what the canary wrote down, and what is on disk of its incident. */
export interface DrillReadings {
  readonly record: (path: string) => Promise<readonly CanaryRun[]>
  readonly incident: (id: string) => Promise<Incident | undefined>
  /** The names of the functions in the JavaScript stack of an incident; undefined when there is none. */
  readonly stack: (incident: Incident) => Promise<readonly string[] | undefined>
}

/** All that the steps of a drill need. */
export interface Rehearsal {
  readonly plan: DrillPlan
  readonly watch: CanaryWatch
  readonly readings: DrillReadings
  readonly platform: Pick<Platform, 'readProcess' | 'survivors'>
  readonly machineTime: () => Instant
  /** The stack is expected among the evidence. */
  readonly javaScriptStack: boolean
  /** The process of the canary that runs now. */
  readonly currentProcess: () => ServiceProcess | undefined
  /** @param at when it was seen */
  readonly observed: (step: DrillStepName, detail: string, at: Instant) => void
  /** The canary hangs: from here on, time is counted from its last beat. */
  readonly lastBeatKnown: (at: Instant) => void
}

/** What is known of the canary once it hangs. */
interface Hung {
  readonly process: ServiceProcess
  /** Resolves when its process has ended. */
  readonly death: Promise<Instant>
  readonly lastBeat: Instant
}

/** The kind of hang that each manner must be taken for. */
const expectedKind: Readonly<Record<HangManner, Hang['kind']>> = { blocked: 'waiting', 'busy-loop': 'busy-loop' }

/** The functions of canary.ts in which it hangs. */
const hangFunctions: Readonly<Record<HangManner, string>> = { blocked: 'drillBlocked', 'busy-loop': 'drillBusyLoop' }

/** Beats of the second process that prove that it lives. */
const provingBeats = 2

/** Goes through the path of a hang, step by step. @throws StepFailure with the first step that is missing, late or wrong */
export async function rehearse(rehearsal: Rehearsal): Promise<DrillFigures> {
  const hung = await untilHung(rehearsal)
  const verdict = await untilJudged(rehearsal, hung)
  const incident = await untilWritten(rehearsal, verdict)
  await untilCaptured(rehearsal, incident)
  const { diedAt, reportedMs } = await untilGone(rehearsal, hung)
  await untilAliveAgain(rehearsal, hung)
  await untilClosed(rehearsal, incident)
  const due = later(hung.lastBeat, rehearsal.plan.policy.heartbeatTimeout)
  return { detectionMs: difference(due, verdict.at), overshootMs: difference(due, diedAt), reportedMs }
}

async function untilHung({ plan, watch, ...rest }: Rehearsal): Promise<Hung> {
  const { policy } = plan
  const started = await watch.next('started', 'service-started', slack)
  rest.observed('started', `the canary runs as pid ${started.event.parameters.pid}`, started.at)
  const armed = await watch.next('beating', 'service-armed', sum(policy.startTimeout, slack))
  rest.observed('beating', armed.event.message, armed.at)
  const process = rest.currentProcess()
  if (process === undefined) throw new StepFailure('hung', 'the canary ended before its hang')
  const death = process.exited.then(() => rest.machineTime())
  const run = await watch.until('hung', timeToHang(policy), 'the hang of the canary', async () => {
    const runs = await rest.readings.record(plan.record)
    return runs.find(({ pid, hung }) => hung && pid === process.identity.pid)
  })
  rest.lastBeatKnown(run.lastBeat)
  rest.observed('hung', `after ${run.beats} beats it hangs (${plan.how})`, run.lastBeat)
  return { process, death, lastBeat: run.lastBeat }
}

async function untilJudged({ plan, watch, observed }: Rehearsal, { lastBeat }: Hung): Promise<Sighting> {
  const { policy } = plan
  if (policy.warningPercent > 0) {
    // On a loaded machine a beat before the hang may have been late enough for a warning of its own.
    const warning = await watch.next('warning', 'silence-warning', timeToWarning(policy), lastBeat)
    observed('warning', warning.event.message, warning.at)
  }
  const verdict = await watch.next('verdict', 'hang-recovery', sum(policy.heartbeatTimeout, slack))
  observed('verdict', verdict.event.message, verdict.at)
  return verdict
}

async function untilWritten(rehearsal: Rehearsal, { event }: Sighting): Promise<Incident & { kind: 'whole' }> {
  const { plan, watch, readings, observed, machineTime } = rehearsal
  const id = event.incident
  if (id === undefined) throw new StepFailure('incident', 'hangdog acts without an incident on disk')
  const incident = await watch.until(
    'incident',
    sum(plan.policy.incidentTimeout, slack),
    `incident ${id}`,
    async () => {
      const found = await readings.incident(id)
      // What was written at the warning does not have the verdict yet.
      return found?.kind === 'whole' && found.opened.pending !== true ? found : undefined
    },
  )
  const expected = expectedKind[plan.how]
  const { hang } = incident.opened
  if (hang.kind !== expected) {
    throw new StepFailure(
      'verdict',
      `expected a hang of the kind "${expected}", not "${hang.kind}": ${describeHang(hang)}`,
    )
  }
  observed('incident', `incident ${id} is on disk: ${describeHang(hang)}`, machineTime())
  return incident
}

async function untilCaptured(rehearsal: Rehearsal, { id }: Incident): Promise<void> {
  const { plan, watch, readings, observed, javaScriptStack } = rehearsal
  const { evidenceTimeout, incidentTimeout } = plan.policy
  if (evidenceTimeout === zero) return
  const explained = await watch.next('evidence', 'hang-explained', sum(evidenceTimeout, slack))
  const incident = await watch.until('evidence', sum(incidentTimeout, slack), 'the evidence on disk', async () => {
    const found = await readings.incident(id)
    return found?.kind === 'whole' && found.evidence.some(({ early }) => early === undefined) ? found : undefined
  })
  if (javaScriptStack) {
    const stack = await readings.stack(incident)
    const wanted = hangFunctions[plan.how]
    if (stack?.includes(wanted) !== true) throw new StepFailure('evidence', describeMissing(incident, stack, wanted))
  }
  observed('evidence', String(explained.event.parameters.cause), explained.at)
}

function describeMissing(incident: Incident, stack: readonly string[] | undefined, wanted: string): string {
  if (stack !== undefined) return `expected a JavaScript stack that names ${wanted}, not one of ${stack.join(', ')}`
  const entries = incident.kind === 'whole' ? incident.evidence : []
  const missing = entries.flatMap((entry) => (entry.kind === 'missing' ? [`${entry.name}: ${entry.reason}`] : []))
  return `expected a JavaScript stack that names ${wanted}, and there is none (${missing.join('; ') || 'no reason given'})`
}

async function untilGone(rehearsal: Rehearsal, hung: Hung): Promise<{ diedAt: Instant; reportedMs: number }> {
  const { plan, watch, platform, observed, machineTime } = rehearsal
  const { terminateTimeout, killTimeout } = plan.policy
  if (terminateTimeout > zero) {
    const asked = await watch.next('signalled', 'terminate-requested', slack)
    observed('signalled', asked.event.message, asked.at)
  }
  let diedAt: Instant | undefined
  void hung.death.then((at) => {
    diedAt = at
  })
  // A signal that a program cannot catch ends even one that hangs; then there is nothing left to kill.
  const look = () => watch.find('kill-requested') ?? diedAt
  const killed = await watch.until('killed', sum(terminateTimeout, slack), 'SIGKILL', look)
  if (typeof killed === 'object') observed('killed', killed.event.message, killed.at)
  const ended = await watch.until('ended', sum(killTimeout, slack), 'the end of the process', () => diedAt)
  observed('ended', `pid ${hung.process.identity.pid} has ended`, ended)
  const proven = await watch.next('gone', 'terminate-proven', sum(killTimeout, slack))
  const left = await watch.until('gone', slack, 'an answer who is left', () => platform.survivors(hung.process))
  if (left.length > 0 || platform.readProcess(hung.process.identity).kind !== 'gone') {
    const pids = [hung.process.identity, ...left].map(({ pid }) => pid)
    throw new StepFailure(
      'gone',
      `hangdog says that nothing is left, and this still exists: ${[...new Set(pids)].join(', ')}`,
    )
  }
  observed('gone', proven.event.message, machineTime())
  return { diedAt: ended, reportedMs: Number(proven.event.parameters.afterMs) }
}

async function untilAliveAgain({ plan, watch, readings, observed, machineTime }: Rehearsal, hung: Hung): Promise<void> {
  const { policy } = plan
  const restarted = await watch.next('restarted', 'service-restarted', slack)
  const pid = Number(restarted.event.parameters.pid)
  if (pid === hung.process.identity.pid) throw new StepFailure('restarted', `it runs again as the same pid ${pid}`)
  observed('restarted', restarted.event.message, restarted.at)
  await watch.next('alive-again', 'service-armed', sum(policy.startTimeout, slack))
  const again = await watch.until('alive-again', timeToHang(policy), 'beats of the successor', async () => {
    const runs = await readings.record(plan.record)
    return runs.find((run) => run.pid === pid && run.beats >= provingBeats)
  })
  observed('alive-again', `pid ${pid} beats, ${again.beats} times so far`, machineTime())
}

async function untilClosed({ watch, readings, observed, machineTime }: Rehearsal, { id }: Incident): Promise<void> {
  const closed = await watch.next('closed', 'incident-closed', slack)
  const { outcome } = closed.event.parameters
  if (outcome !== 'recovered') throw new StepFailure('closed', `expected the outcome "recovered", not "${outcome}"`)
  await watch.until('closed', slack, `the end of incident ${id} on disk`, async () => {
    const found = await readings.incident(id)
    return found?.kind === 'whole' && found.closed !== null ? found : undefined
  })
  observed('closed', closed.event.message, machineTime())
}

function sum(...spans: readonly Milliseconds[]): Milliseconds {
  return milliseconds(spans.reduce((total, span) => total + span, 0))
}

/** May be negative, unlike a span: what comes before its time is as wrong as what comes late. */
function difference(from: Instant, to: Instant): number {
  return Math.round((to - from) * 10) / 10
}
