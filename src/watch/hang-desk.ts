import { elapsed, type Instant, instant, milliseconds, seconds } from '../time.js'
import { withinLimit } from './bounded.js'
import type { EarlyCapture } from './early-capture.js'
import type { ForeignEnding } from './foreign-ending.js'
import type { IncidentOutcome, IncidentRecord, PreparedIncident } from './incident.js'
import { isShadow } from './policy.js'
import {
  climb,
  describeOpening,
  emitDryRun,
  emitHangLogged,
  emitRecovery,
  endWhatIsLeft,
  type HangCase,
  type LadderResult,
  openIncident,
  report,
} from './recovery.js'
import type { ServiceContext } from './service-context.js'
import type { ServiceState } from './service-state.js'
import type { Silence } from './silence.js'
import type { HangActions } from './status.js'

/** Deals with the hangs of one service, one at a time: opens the incident, reports or recovers, closes the incident. */
export class HangDesk {
  /** Hangs since the service was added. */
  count = 0
  actions: HangActions = { log: 0, terminate: 0, bugcheck: 0 }
  readonly #context: ServiceContext
  readonly #silence: Silence
  readonly #early: EarlyCapture
  #incident: IncidentRecord | undefined
  #prepared: PreparedIncident | undefined
  #preparing: Promise<PreparedIncident> | undefined
  #alive = false
  #stopping = false
  #reporting = false
  #expiredAt: Instant = instant(0)
  /** Written by something else about the present silence. */
  #adopted: Promise<IncidentRecord | undefined> | undefined
  #ending: ForeignEnding | undefined

  constructor(context: ServiceContext, silence: Silence, early: EarlyCapture) {
    this.#context = context
    this.#silence = silence
    this.#early = early
  }

  get incidentId(): string | undefined {
    return this.#incident?.id
  }

  /**
   * The warning point: there is time now for what there is none for at expiry. The incident is written ahead, saying what will be done,
   * and the platform looks at what a kill would have to reach.
   */
  prepare(channel: string): void {
    const { parts, process, policy, spec } = this.#context
    if (process === undefined || policy.action === 'log' || isShadow(policy, parts.platform)) return
    parts.platform.prepareKill?.(process)
    this.#forgetPrepared()
    const opening = describeOpening({
      service: spec.name,
      command: process.command,
      process,
      channel,
      limit: this.#context.limitOf(channel),
      silent: this.#context.limitOf(channel),
      judgement: undefined,
      hang: { kind: 'unknown', detail: 'written at the warning; the verdict was not recorded' },
      policy,
    })
    const preparing = parts.incidents.prepare(opening)
    this.#preparing = preparing
    preparing.then(
      (prepared) => {
        if (this.#preparing === preparing) this.#prepared = prepared
        else void prepared.discard()
      },
      // At expiry the record is written again, and if that fails too it is an event.
      () => undefined,
    )
  }

  /** The silence ended: nothing that was prepared for its end is needed. */
  silenceEnded(): void {
    this.#early.forget()
    this.#forgetPrepared()
    void this.#adopted?.then((record) => record?.close('recovered-by-itself'))
    this.#adopted = undefined
  }

  /** Something else has begun the record of the present silence: it is gone on with when that turns out to be a hang. */
  adopt(record: Promise<IncidentRecord | undefined>): void {
    this.#adopted = record
  }

  /** See Service.takenOver. When we were at it ourselves, what the other did is told in our record. */
  takenOver(ending: ForeignEnding): void {
    this.#ending = ending
    if (this.#context.state.kind === 'recovering') void this.#tellOf(ending)
  }

  async #tellOf(ending: ForeignEnding): Promise<void> {
    const other = await ending.record
    if (other === undefined) return
    await this.#incident?.step(`meanwhile the guard acted: incident ${other.id}`)
    await other.close('terminated')
  }

  #forgetPrepared(): void {
    void this.#prepared?.discard()
    this.#prepared = undefined
    this.#preparing = undefined
  }

  /** The record, at once if it was written ahead. */
  async #open(hangCase: HangCase): Promise<IncidentRecord | undefined> {
    const adopted = await this.#takeAdopted()
    if (adopted !== undefined) {
      this.#forgetPrepared()
      return adopted
    }
    const prepared = this.#prepared
    this.#prepared = undefined
    this.#preparing = undefined
    // A machine is not stopped before everything that is known is on disk.
    if (prepared !== undefined && hangCase.policy.action === 'terminate')
      return prepared.open(describeOpening(hangCase))
    void prepared?.discard()
    return await openIncident(hangCase, this.#context.parts)
  }

  /** A sign of life on the silent channel: a recovery that has not acted yet is called off. Other channels are no excuse. */
  signOfLife(channel: string): void {
    const { state } = this.#context
    if (state.kind !== 'recovering' || state.hang.kind === 'triggered') return
    if (state.channel === channel || state.hang.kind === 'never-started') this.#alive = true
  }

  /** The service is to end: a recovery that has not stopped the machine yet only ends the service. */
  stopRequested(): void {
    this.#stopping = true
  }

  /** The countdown ended: from here on the time until the service is gone is measured. */
  expired(): void {
    this.#alive = false
    this.#stopping = false
    this.#expiredAt = this.#context.parts.clock.now()
  }

  /** HangRecoveryAction 1. The event comes each period; incident and evidence once. */
  async report(state: ServiceState): Promise<void> {
    const hangCase = this.#hangCase(state)
    if (hangCase === undefined) return
    const { parts } = this.#context
    emitHangLogged(hangCase, parts)
    if (this.#incident !== undefined || this.#reporting) return
    this.count++
    this.#acted('log')
    this.#reporting = true
    if (isShadow(hangCase.policy, parts.platform)) emitDryRun(hangCase, parts)
    this.#incident = (await this.#takeAdopted()) ?? (await openIncident(hangCase, this.#context.parts))
    this.#early.keepIn(this.#incident)
    await report(hangCase, this.#incident, this.#context.parts)
    this.#reporting = false
    // The hang may have been over before its record was complete.
    const still = this.#context.state.kind
    // One that is being stopped has not recovered: its end closes the incident.
    if (still !== 'reported' && still !== 'expired' && still !== 'stopping') this.close('recovered-by-itself')
  }

  /** HangRecoveryAction 2 and 3. */
  async recover(state: ServiceState): Promise<LadderResult | undefined> {
    const hangCase = this.#hangCase(state)
    if (hangCase === undefined) return undefined
    this.count++
    this.#incident ??= await this.#open(hangCase)
    this.#early.keepIn(this.#incident)
    const result = await climb(hangCase, this.#incident, this.#context.parts)
    if (result.kind === 'abandoned') this.close('recovered-by-itself')
    else this.#acted(hangCase.policy.action === 'bugcheck' ? 'bugcheck' : 'terminate')
    return result
  }

  /** Something else has ended the service: its record is gone on with, and what it left behind is ended too. */
  async follow(state: ServiceState): Promise<LadderResult | undefined> {
    const hangCase = this.#hangCase(state)
    const ending = this.#ending
    if (hangCase === undefined || ending === undefined) return undefined
    const { parts } = this.#context
    this.count++
    this.#forgetPrepared()
    this.#acted('terminate')
    emitRecovery(hangCase, undefined, parts)
    const { terminateTimeout, killTimeout, incidentTimeout } = hangCase.policy
    // It has limits of its own, which are the same; the slack is for what it takes to tell us.
    const limit = milliseconds(terminateTimeout + killTimeout + 2 * incidentTimeout + seconds(30))
    const done = await withinLimit(ending.record, limit, parts.clock)
    this.#incident = (done.kind === 'done' ? done.value : undefined) ?? (await openIncident(hangCase, parts))
    this.#early.keepIn(this.#incident)
    return await endWhatIsLeft(hangCase, this.#incident, parts)
  }

  #acted(action: keyof HangActions): void {
    this.actions = { ...this.actions, [action]: this.actions[action] + 1 }
  }

  #takeAdopted(): Promise<IncidentRecord | undefined> {
    const adopted = this.#adopted ?? Promise.resolve(undefined)
    this.#adopted = undefined
    return adopted
  }

  /** @returns whether there was an incident to close */
  close(outcome: IncidentOutcome): boolean {
    const record = this.#incident
    if (record === undefined) return false
    this.#incident = undefined
    void record.close(outcome)
    const about = { service: this.#context.spec.name, incident: record.id }
    this.#context.parts.emit({ name: 'incident-closed', ...about, parameters: { incident: record.id, outcome } })
    return true
  }

  #hangCase(state: ServiceState): HangCase | undefined {
    const { process, parts, policy, spec } = this.#context
    if (process === undefined || (state.kind !== 'recovering' && state.kind !== 'reported')) return undefined
    return {
      service: spec.name,
      command: process.command,
      process,
      subject: this.#context.subjectOf(state.channel) ?? process.identity,
      reading: this.#silence.lastJudgement?.input.now.process ?? parts.platform.readProcess(process.identity),
      channel: state.channel,
      limit: state.hang.kind === 'never-started' ? policy.startTimeout : this.#context.limitOf(state.channel),
      silent: this.#silence.length(),
      expiredAt: elapsed(this.#expiredAt, parts.clock.now()) > 0 ? this.#expiredAt : parts.clock.now(),
      hang: state.hang,
      judgement: this.#silence.judgement,
      policy,
      isAlive: () => this.#alive,
      isStopping: () => this.#stopping,
    }
  }
}
