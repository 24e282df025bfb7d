import { writeFile } from 'node:fs/promises'
import { describeError } from '../errors.js'
import type { RecordedEvent } from '../event/event.js'
import type { HeartbeatSource } from '../heartbeat/source.js'
import type { Platform } from '../platform/platform.js'
import type { ServiceSettings } from '../service-settings.js'
import { type Clock, elapsed, formatDuration, type Instant, milliseconds } from '../time.js'
import { withinLimit } from '../watch/bounded.js'
import { describeExit } from '../watch/restart-ledger.js'
import type { Service } from '../watch/service.js'
import type { Supervisor } from '../watch/supervisor.js'
import { unrecordedExitCode } from './canary-record.js'
import { CanaryWatch } from './canary-watch.js'
import { type DrillPlan, longestDrill, slack } from './drill-plan.js'
import {
  type DrillFigures,
  type DrillOutcome,
  type DrillStepName,
  StepFailure,
  type TellDrill,
} from './drill-report.js'
import { type DrillReadings, rehearse } from './rehearsal.js'

/** What one drill needs from outside. */
export interface DrillParts {
  readonly clock: Clock
  /** The machine's monotonic clock, which the canary uses too. */
  readonly machineTime: () => Instant
  readonly supervisor: Supervisor
  /** That of the supervisor. */
  readonly platform: Pick<Platform, 'name' | 'readProcess' | 'survivors'>
  /** Adds the canary to the supervisor, with its source of heartbeats. */
  readonly addCanary: (settings: ServiceSettings) => HeartbeatSource
  readonly readings: DrillReadings
  /** hangdog takes JavaScript stacks. */
  readonly javaScriptStack: boolean
}

/** One drill from its start to its outcome. Whatever happens, the canary is ended, and nothing is thrown. */
export class Drill {
  readonly plan: DrillPlan
  readonly watch: CanaryWatch
  readonly #parts: DrillParts
  readonly #tell: TellDrill
  readonly #seen: string[] = []
  #lastBeat: Instant | undefined
  #step: DrillStepName = 'started'
  #starting: Promise<void> = Promise.resolve()

  constructor(plan: DrillPlan, parts: DrillParts, tell: TellDrill) {
    this.plan = plan
    this.#parts = parts
    this.#tell = tell
    const { clock, machineTime } = parts
    this.watch = new CanaryWatch({ canary: plan.canary, limit: plan.policy.heartbeatTimeout, clock, machineTime })
  }

  /** The steps that were seen, each with its time since the last beat. */
  get summary(): string {
    return this.#seen.join(', ')
  }

  async run(): Promise<DrillOutcome> {
    const { service, canary, how, policy } = this.plan
    const result = await this.#perform()
    const incident = this.watch.incident ?? null
    const facts = { service, canary, how, limitMs: policy.heartbeatTimeout, incident }
    const outcome: DrillOutcome =
      result instanceof StepFailure
        ? { kind: result.kind, ...facts, step: result.step, detail: result.message }
        : { kind: 'passed', ...facts, ...result }
    this.#tell(outcome)
    return outcome
  }

  /** To be given all events. */
  record(event: RecordedEvent): void {
    this.watch.record(event)
    const { canary, record } = this.plan
    if (event.service !== canary || event.name !== 'service-ended' || event.parameters.outcome !== unrecorded) return
    this.watch.end('failed', `the canary could not write its record "${record}"; its disk may be full`)
    // Nobody's restart policy is to blame: it is not started again. Its end is not dealt with until this event has been told to all.
    queueMicrotask(() => void this.#parts.supervisor.service(canary).stop('it cannot write its record'))
  }

  async #perform(): Promise<DrillFigures | StepFailure> {
    let source: HeartbeatSource | undefined
    let result: DrillFigures | StepFailure
    try {
      await this.#beginRecord()
      source = this.#parts.addCanary(this.plan.settings)
      result = await this.#rehearseInTime(this.#parts.supervisor.service(this.plan.canary))
    } catch (error) {
      result = this.#failure(error)
    }
    if (source === undefined) return result
    const left = await this.#endCanary()
    await source.close()
    if (left === undefined) {
      this.#observed('removed', 'the canary was stopped and is watched no longer', this.#parts.machineTime())
      return result
    }
    return result instanceof StepFailure
      ? new StepFailure(result.step, `${result.message}; ${left}`)
      : new StepFailure('removed', left)
  }

  async #beginRecord(): Promise<void> {
    const { canary, record } = this.plan
    try {
      await writeFile(record, '', { mode: 0o600 })
    } catch (error) {
      const detail = `the record of the canary "${canary}" could not be made: ${describeError(error)}`
      throw new StepFailure('started', detail)
    }
  }

  async #rehearseInTime(canary: Service): Promise<DrillFigures> {
    const { clock } = this.#parts
    const longest = longestDrill(this.plan.policy)
    const limit = clock.schedule(longest, () =>
      this.watch.end('failed', `the drill lasted longer than ${formatDuration(longest)}`),
    )
    try {
      this.#starting = canary.start()
      return await rehearse({
        ...this.#parts,
        plan: this.plan,
        watch: this.watch,
        currentProcess: () => canary.process,
        observed: (step, detail, at) => this.#observed(step, detail, at),
        lastBeatKnown: (at) => {
          this.#lastBeat = at
        },
      })
    } finally {
      limit.cancel()
    }
  }

  /** Stops the canary and takes it out of the supervisor. @returns why it is still there, if it is */
  async #endCanary(): Promise<string | undefined> {
    const { clock, supervisor } = this.#parts
    const { canary, policy } = this.plan
    const service = supervisor.service(canary)
    const stop = async (): Promise<void> => {
      // What is just being started cannot be stopped yet.
      await this.#starting
      await service.stop('the drill is over')
      await service.finished
    }
    const limit = milliseconds(longestEnd(policy) + slack)
    const stopped = await withinLimit(stop(), limit, clock)
    if (stopped.kind === 'late') return `the canary could not be ended within ${formatDuration(limit)}`
    try {
      supervisor.remove(canary)
      return undefined
    } catch (error) {
      return `the canary could not be ended: ${describeError(error)}`
    }
  }

  #failure(error: unknown): StepFailure {
    return error instanceof StepFailure ? error : new StepFailure(this.#step, describeError(error))
  }

  #observed(step: DrillStepName, detail: string, at: Instant): void {
    const sinceLastBeatMs = this.#lastBeat === undefined ? null : Math.round(elapsed(this.#lastBeat, at) * 10) / 10
    this.#step = step
    this.#seen.push(sinceLastBeatMs === null ? step : `${step} +${Math.round(sinceLastBeatMs)} ms`)
    this.#tell({ kind: 'step', step, detail, sinceLastBeatMs })
  }
}

const unrecorded = describeExit({ kind: 'code', code: unrecordedExitCode })

/** A canary may be met in the middle of its ladder. */
function longestEnd({
  evidenceTimeout,
  incidentTimeout,
  terminateTimeout,
  stopTimeout,
  killTimeout,
}: DrillPlan['policy']): number {
  return evidenceTimeout + 3 * incidentTimeout + terminateTimeout + stopTimeout + 2 * killTimeout
}
