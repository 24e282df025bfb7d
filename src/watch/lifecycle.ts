import { describeError, HangdogError } from '../errors.js'
import type { ExitStatus, ServiceProcess } from '../platform/platform.js'
import { elapsed, formatDuration, type Instant, instant, type Scheduled, seconds, zero } from '../time.js'
import { withinLimit } from './bounded.js'
import { describeEnd, describeExit, RestartLedger, type RunEnd } from './restart-ledger.js'
import type { RunListener } from './run-listener.js'
import type { ServiceContext } from './service-context.js'
import type { RunCompanion } from './service-spec.js'
import { isRunning } from './service-state.js'
import { Succession } from './succession.js'
import { forceEnd, terminate } from './termination.js'

/** How a service came to its end for good. */
export interface FinalEnd {
  readonly end: RunEnd
  readonly reason: string
  /** Why it could not be started, or not be ended, for the caller to report as its own error. */
  readonly startError?: HangdogError
}

/** How long to look again for what could not be killed. */
const stuckInterval = seconds(1)

/** The runs of one service, one after the other: start, exit, what is left behind, restart. Never two at once. */
export class Lifecycle {
  readonly finished: Promise<FinalEnd>
  readonly restarts: RestartLedger
  readonly companions: RunCompanion[] = []
  readonly succession: Succession
  process: ServiceProcess | undefined
  /** What companions have given the present run as environment. */
  given: Readonly<Record<string, string>> = {}
  startedAt: Instant = instant(0)
  /** The process of the present run has ended, though perhaps not all that it started. */
  hasExited = false
  readonly #context: ServiceContext
  readonly #listener: RunListener
  #resolveFinished: (end: FinalEnd) => void = () => {}
  #stopReason: string | undefined
  #runEnd: RunEnd = { kind: 'not-started' }
  #endedAt: Instant | undefined
  #restartTimer: Scheduled | undefined
  /** Who waits for the present run to be gone, or known not to go. */
  readonly #waiting: (() => void)[] = []

  constructor(context: ServiceContext, listener: RunListener) {
    this.#context = context
    this.#listener = listener
    this.succession = new Succession(context, (successor) => this.#handedOver(successor))
    this.restarts = new RestartLedger(context.parts.clock, context.parts.random)
    this.finished = new Promise((resolve) => {
      this.#resolveFinished = resolve
    })
  }

  /** Starts the service. Resolves when it runs or cannot be started; never rejects. */
  async start(): Promise<void> {
    if (isRunning(this.#context.state)) return
    this.#stopReason = undefined
    await this.#spawn()
  }

  /**
   * Goes on with a run that another hangdog started, instead of starting one. To be called before `start`, which then does nothing.
   * @param given what the companions had given that run as environment
   */
  adopt(process: ServiceProcess, given: Readonly<Record<string, string>>): void {
    if (isRunning(this.#context.state)) return
    this.given = given
    for (const companion of this.companions) companion.adopted?.(given)
    const { pid } = process.identity
    const { emit } = this.#context.parts
    emit({ name: 'service-adopted', service: this.#context.spec.name, parameters: { pid, command: process.command } })
    this.#runs(process)
  }

  /** Ends the service in order; resolves when it is gone, or when it is known that it will not go. */
  async stop(reason: string, signal: NodeJS.Signals): Promise<void> {
    const { parts, spec, policy } = this.#context
    if (this.#stopReason === undefined) {
      this.#stopReason = reason
      if (isRunning(this.#context.state))
        parts.emit({ name: 'service-stopping', service: spec.name, parameters: { reason } })
      this.#context.dispatch({ kind: 'stopRequested' })
      if (this.#context.state.kind === 'stopped') this.#finish(reason)
    }
    const process = this.process
    const state = this.#context.state.kind
    if (process === undefined) return
    // Ended already by the ladder or the sweep, which also have their limits.
    if (state === 'recovering' || state === 'ending') await new Promise<void>((resolve) => this.#waiting.push(resolve))
    if (state !== 'stopping' && state !== 'stuck') return
    const order = { service: spec.name, process, signal, grace: policy.stopTimeout, killLimit: policy.killTimeout }
    const result = await terminate(order, { ...parts, platform: parts.enders })
    if (result.kind === 'not-gone') {
      this.reportStuck(result.survivors.map((survivor) => survivor.pid))
      // Whoever waits for the end of the service must be let go.
      const error = new HangdogError('internal', `cannot end service "${spec.name}": it is still there after SIGKILL`)
      this.#finish('it could not be ended', error)
    }
  }

  /** The service announced its end and did not come to it within StopTimeout. */
  async endOverdue(): Promise<void> {
    const { parts, spec, policy } = this.#context
    const process = this.process
    if (process === undefined) return
    const reason = `it announced its end ${formatDuration(policy.stopTimeout)} ago and is still there`
    parts.emit({ name: 'service-stopping', service: spec.name, parameters: { reason } })
    const { terminateSignal: signal, terminateTimeout: grace, killTimeout: killLimit } = policy
    const result = await terminate({ service: spec.name, process, signal, grace, killLimit }, parts)
    if (result.kind === 'not-gone') this.reportStuck(result.survivors.map((survivor) => survivor.pid))
  }

  /** The present run is being ended because it hung. */
  endsHung(): void {
    this.#runEnd = { kind: 'hung' }
  }

  /** A stop that waited for a recovery which was called off. */
  resumeStop(): void {
    const reason = this.#stopReason
    if (reason === undefined) return
    this.#stopReason = undefined
    void this.stop(reason, this.#context.policy.terminateSignal)
  }

  /** It went on after all. */
  goesOn(): void {
    this.#runEnd = { kind: 'not-started' }
  }

  /** Ends the descendants that outlived the process. */
  async sweep(): Promise<void> {
    const { parts, spec, policy } = this.#context
    const process = this.process
    if (process === undefined) return
    const order = {
      service: spec.name,
      process,
      signal: 'SIGKILL',
      grace: zero,
      killLimit: policy.killTimeout,
    } as const
    const result = await forceEnd(order, { ...parts, platform: parts.enders })
    if (result.kind === 'gone') this.gone()
    else this.reportStuck(result.survivors.map((survivor) => survivor.pid))
  }

  reportStuck(pids: readonly number[]): void {
    const { parts, spec } = this.#context
    parts.emit({ name: 'terminate-failed', service: spec.name, parameters: { survivors: pids.join(', ') } })
    this.#context.dispatch({ kind: 'terminationFailed' })
  }

  /** Something that could not be killed may go away later: only then may a successor start. */
  async watchStuck(): Promise<void> {
    const { parts, state } = this.#context
    const process = this.process
    this.#settled()
    if (process === undefined || state.kind !== 'stuck') return
    const left = await withinLimit(parts.enders.survivors(process), stuckInterval, parts.clock)
    if (left.kind === 'done' && left.value.length === 0) this.gone()
    else parts.clock.schedule(stuckInterval, () => void this.watchStuck())
  }

  /** The run is over and nothing of it is left: the next one is planned, or there is none. */
  gone(startError?: HangdogError): void {
    this.succession.tellEnd()
    this.process = undefined
    this.#listener.runGone()
    this.#planOrEnd(startError)
    this.#settled()
  }

  #planOrEnd(startError: HangdogError | undefined): void {
    if (this.#stopReason !== undefined) this.#end('stop', this.#stopReason)
    else if (startError !== undefined && this.restarts.total === 0) this.#end('fail', startError.message, startError)
    else this.#planNext(startError)
  }

  #settled(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async #spawn(): Promise<void> {
    const { name, command, args, directory, environment, output, ownGroup } = this.#context.spec
    try {
      this.given = Object.assign({}, ...this.companions.map((companion) => companion.environment()))
      const files = this.companions.flatMap((companion) => companion.files?.() ?? [])
      const complete = { ...environment, ...this.given }
      const request = { name, command, args, environment: complete, output, ownGroup, files }
      const located = directory === undefined ? request : { ...request, directory }
      const process = await this.#context.parts.platform.spawn(located)
      const { pid } = process.identity
      this.#context.parts.emit({
        name: 'service-started',
        service: name,
        parameters: { pid, command: process.command },
      })
      this.#runs(process)
    } catch (error) {
      this.#runEnd = { kind: 'not-started' }
      const parameters = { error: describeError(error) }
      this.#context.parts.emit({ name: 'start-failed', service: name, parameters })
      this.gone(error instanceof HangdogError ? error : new HangdogError('internal', describeError(error), error))
    }
  }

  #runs(process: ServiceProcess): void {
    const { parts, spec } = this.#context
    const { pid, startTime } = process.identity
    this.process = process
    this.hasExited = false
    this.startedAt = parts.clock.now()
    if (this.#endedAt !== undefined) {
      const afterMs = Math.round(elapsed(this.#endedAt, this.startedAt))
      parts.emit({ name: 'service-restarted', service: spec.name, parameters: { pid, afterMs } })
    }
    this.#listener.runStarted()
    this.#context.dispatch({ kind: 'spawned' })
    for (const companion of this.companions) companion.serviceStarted({ pid, startTime, startedAt: process.startedAt })
    this.succession.awaitEnd(process, (status) => this.#exited(process, status))
    // Stopped while it was being started.
    this.resumeStop()
  }

  #handedOver(successor: ServiceProcess): void {
    const { pid, startTime } = successor.identity
    this.process = successor
    const run = { pid, startTime, startedAt: successor.startedAt }
    for (const companion of this.companions) companion.processReplaced?.(run)
    this.#listener.processReplaced()
    this.succession.awaitEnd(successor, (status) => this.#exited(successor, status))
  }

  #exited(process: ServiceProcess, status: ExitStatus): void {
    if (process !== this.process) return
    const { parts, spec } = this.#context
    this.hasExited = true
    this.#endedAt = parts.clock.now()
    parts.emit({ name: 'service-ended', service: spec.name, parameters: { outcome: describeExit(status) } })
    if (this.#runEnd.kind !== 'hung') this.#runEnd = { kind: 'exited', status }
    for (const companion of this.companions) companion.serviceEnded()
    this.#listener.runEnded()
    this.#context.dispatch({ kind: 'processExited' })
  }

  #planNext(startError?: HangdogError): void {
    const { parts, spec, policy } = this.#context
    const service = spec.name
    const outcome = describeEnd(this.#runEnd)
    const decision = this.restarts.decide(policy.restart, this.#runEnd)
    const count = decision.failures
    switch (decision.kind) {
      case 'restart': {
        const delayMs = Math.round(decision.delay)
        parts.emit({ name: 'ended-unexpectedly', service, parameters: { outcome, count, delayMs } })
        this.#context.dispatch({ kind: 'ended', next: 'restart', reason: outcome })
        this.#restartTimer = parts.clock.schedule(decision.delay, () => this.#restart())
        return
      }
      case 'leave': {
        const reason = `the restart policy is "${policy.restart.mode}"`
        if (!decision.clean) parts.emit({ name: 'ended-unattended', service, parameters: { outcome, count, reason } })
        this.#end(decision.clean ? 'stop' : 'fail', outcome, startError)
        return
      }
      case 'exhausted': {
        const { limit, period } = policy.restart
        parts.emit({ name: 'crash-loop', service, parameters: { limit, period: formatDuration(period) } })
        this.#end('fail', `crash loop: ${outcome}`, startError)
        return
      }
      default:
        decision satisfies never
    }
  }

  #restart(): void {
    if (this.#context.state.kind !== 'waiting') return
    this.#runEnd = { kind: 'not-started' }
    void this.#spawn()
  }

  #end(next: 'stop' | 'fail', reason: string, startError?: HangdogError): void {
    this.#context.dispatch({ kind: 'ended', next, reason })
    this.#finish(reason, startError)
  }

  #finish(reason: string, startError?: HangdogError): void {
    this.#restartTimer?.cancel()
    this.#resolveFinished({ end: this.#runEnd, reason, ...(startError !== undefined && { startError }) })
  }
}
