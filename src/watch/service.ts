import type { ProcessIdentity, ServiceProcess } from '../platform/platform.js'
import { formatDuration, type Instant, type Milliseconds } from '../time.js'
import type { Channel, ChannelListener } from './channel.js'
import { ChannelSet } from './channel-set.js'
import type { CountdownEngine } from './countdown.js'
import { EarlyCapture } from './early-capture.js'
import type { ForeignEnding } from './foreign-ending.js'
import { HangDesk } from './hang-desk.js'
import { lastBeat } from './last-beat.js'
import { type FinalEnd, Lifecycle } from './lifecycle.js'
import { NearMissDesk } from './near-miss.js'
import type { HoldReason, ServicePolicy } from './policy.js'
import { PolicyDesk } from './policy-desk.js'
import type { RunListener } from './run-listener.js'
import type { ServiceContext } from './service-context.js'
import { perform } from './service-effects.js'
import type { RunCompanion, ServiceSpec } from './service-spec.js'
import type { ServiceEvent, ServiceState, WatchOff } from './service-state.js'
import { advance } from './service-step.js'
import { SignDesk } from './sign-desk.js'
import { type BeatReceiver, mainChannel, type SignOfLife } from './sign-of-life.js'
import { Silence } from './silence.js'
import type { Surroundings } from './surroundings.js'

/** What is known of a run that goes on under another hangdog. */
export interface AdoptedRun {
  /** What its heartbeat sources had given it as environment. */
  readonly given: Readonly<Record<string, string>>
  readonly beats: boolean
}

/** One watched service: asks the state machine what follows from each event, and has it done by its parts. */
export class Service implements BeatReceiver, ChannelListener, RunListener, ServiceContext {
  readonly spec: ServiceSpec
  readonly parts: Surroundings
  readonly channels: ChannelSet
  readonly #main: Channel
  readonly silence: Silence
  readonly #early: EarlyCapture
  readonly hangs: HangDesk
  readonly misses: NearMissDesk
  readonly signs: SignDesk
  readonly lifecycle: Lifecycle
  readonly policies: PolicyDesk
  state: ServiceState = { kind: 'stopped', reason: 'not started yet' }

  constructor(spec: ServiceSpec, parts: Surroundings) {
    this.spec = spec
    this.parts = parts
    this.channels = new ChannelSet(spec.namedEngine ?? parts.engine, this, spec.engine ?? parts.engine)
    this.#main = this.channels.main
    this.silence = new Silence(this)
    this.#early = new EarlyCapture(this)
    this.hangs = new HangDesk(this, this.silence, this.#early)
    this.misses = new NearMissDesk(this, this.#early)
    this.lifecycle = new Lifecycle(this, this)
    this.signs = new SignDesk(this, this)
    this.policies = new PolicyDesk(this, this)
  }

  get service(): string {
    return this.spec.name
  }

  /** Whether a countdown of this service stands still while the engine does. */
  isKeptBy(engine: CountdownEngine): boolean {
    const { engine: main = this.parts.engine, namedEngine: named = this.parts.engine } = this.spec
    return engine === main || (engine === named && this.channels.hasNamed)
  }

  get policy(): ServicePolicy {
    return this.policies.inForce
  }

  get process(): ServiceProcess | undefined {
    return this.lifecycle.process
  }

  /** Whether this process is the service's own or one of its descendants. */
  isMember(pid: number): boolean {
    return this.process !== undefined && this.parts.platform.identifyMember(this.process, pid) !== undefined
  }

  get startedAt(): Instant {
    return this.lifecycle.startedAt
  }

  get finished(): Promise<FinalEnd> {
    return this.lifecycle.finished
  }

  /** Adds a heartbeat source, before the service is started. */
  accompany(companion: RunCompanion): void {
    this.lifecycle.companions.push(companion)
  }

  get companions(): readonly RunCompanion[] {
    return this.lifecycle.companions
  }

  start(): Promise<void> {
    return this.lifecycle.start()
  }

  /** Goes on with a run that another hangdog started. @param beats it has given beats before */
  adopt(process: ServiceProcess, { given, beats }: AdoptedRun): void {
    this.lifecycle.adopt(process, given)
    // It has the whole limit from now on, as after any time in which nobody judged it.
    if (!beats) return
    this.contact()
    this.beat()
  }

  stop(reason: string, signal: NodeJS.Signals = this.policy.terminateSignal): Promise<void> {
    this.hangs.stopRequested()
    return this.lifecycle.stop(reason, signal)
  }

  // What the service says (BeatReceiver).

  beat(silent?: Milliseconds): void {
    const main = this.#main
    main.beats++
    if (this.state.kind === 'armed' && main.resetQuietly(silent)) return
    this.signs.beatNoticed(main, silent)
  }

  beatChannel(name: string, progress?: number, silent?: Milliseconds): boolean {
    const channel = this.channels.obtain(name)
    if (channel === undefined) return false
    if (progress !== undefined && !channel.moved(progress)) return true
    channel.beats++
    if (!channel.opened) this.channels.nameOpened()
    if (this.state.kind === 'armed' && channel.resetQuietly(silent)) return true
    this.signs.beatNoticed(channel, silent)
    return true
  }

  signOfLife(sign: SignOfLife): boolean {
    return this.signs.signOfLife(sign)
  }

  gapsSeen(channel: string, gap: Milliseconds, count: number): void {
    this.channels.find(channel)?.gapsSeen(gap, count)
  }

  contact(): void {
    this.signs.contacted = true
  }

  limitOf(channel: string): Milliseconds {
    return this.channels.find(channel)?.ownLimit ?? this.policy.heartbeatTimeout
  }

  beatsOn(channel: string): number {
    return this.channels.find(channel)?.beats ?? 0
  }

  /** The process whose silence is meant by that of a channel. */
  subjectOf(channel: string): ProcessIdentity | undefined {
    return this.channels.find(channel)?.subject ?? this.process?.identity
  }

  /** The process that a channel stood for has ended: for a child the channel ends with it; the service's own exit is reported otherwise. */
  subjectGone(channel: string): void {
    if (this.subjectOf(channel) === this.process?.identity) return
    this.signOfLife({ kind: 'channel-closed', channel })
  }

  // What the countdowns say (ChannelListener).

  channelWarned(channel: Channel): void {
    const sample = this.silence.readAtWarning(channel.name, channel.silent())
    if (sample !== undefined && this.state.kind === 'armed') this.hangs.prepare(channel.name)
    if (sample === undefined || this.state.kind !== 'armed' || this.policy.warningPercent === 0) return
    const silent = channel.silent()
    this.misses.warned(channel, silent, sample)
    this.#early.take(channel.name, silent)
  }

  channelElapsed(channel: Channel): void {
    const starting = this.state.kind === 'starting'
    if (this.state.kind === 'armed' || this.state.kind === 'reported')
      channel.gapOutlasted(this.limitOf(channel.name), this.parts.clock.now())
    this.silence.limitPassed(starting ? this.policy.startTimeout : this.limitOf(channel.name))
    this.hangs.expired()
    this.dispatch({ kind: 'limitElapsed', channel: channel.name })
  }

  // What becomes of its runs (RunListener).

  runStarted(): void {
    this.policies.runStarted()
    this.signs.contacted = false
    this.signs.heard = false
    this.silence.over()
    this.silence.forgetReading()
  }

  processReplaced(): void {
    this.signs.processReplaced()
  }

  runEnded(): void {
    // A silence that was not judged yet when the process ended was no hang.
    if (this.state.kind !== 'expired') this.channels.gapsUnended()
    this.channels.disarm()
    if (this.state.kind !== 'recovering') this.hangs.silenceEnded()
    if (this.state.kind === 'reported' || this.state.kind === 'expired') this.hangs.close('ended-by-itself')
    if (this.state.kind === 'stopping') this.hangs.close('stopped')
  }

  runGone(): void {
    this.channels.clear()
    this.policies.runGone()
    this.signs.statusText = ''
  }

  // What the operator and the supervisor say.

  changePolicy(asked: ServicePolicy): void {
    this.policies.change(asked)
  }

  /** Holds the monitoring, or goes on with it. A recovery that is under way goes on. */
  maintain(inMaintenance: boolean): void {
    this.policies.maintain(inMaintenance)
  }

  /** Why no silence is judged; undefined when it is. */
  get watchOff(): WatchOff | undefined {
    return this.policies.watchOff
  }

  /** Something beside us ends the service, as it hung. */
  takenOver(ending: ForeignEnding): void {
    this.silence.limitPassed(this.limitOf(mainChannel))
    this.hangs.takenOver(ending)
    this.dispatch({ kind: 'takenOver', channel: mainChannel, hang: ending.hang })
  }

  /**
   * hangdog did not run for a while: a service whose limit is within reach of that gets its whole limit again.
   * @returns whether it did
   */
  stalled(lost: Milliseconds, reason: HoldReason): boolean {
    this.silence.stalled(lost, reason)
    if (this.state.kind !== 'armed' || lost * 4 < this.policy.heartbeatTimeout) return false
    if (this.policy.holds[reason] === 0) return false
    this.dispatch({ kind: 'stallNoticed', reason })
    return true
  }

  dispose(): void {
    this.channels.dispose()
  }

  // The machine (ServiceContext).

  dispatch(event: ServiceEvent): void {
    const before = this.state
    const committed = this.spec.committed || this.signs.contacted
    const { state, effects } = advance(before, event, {
      action: this.policies.actionInForce,
      off: this.watchOff,
      committed,
    })
    if (state.kind !== before.kind) this.#keepLastBeat(before)
    this.state = state
    if (before.kind === 'held' && state !== before) this.silence.holdEnded(before.reason, state)
    if (state.kind === 'held' && state !== before) this.#holdStarted(state)
    if (state.kind === 'unwatched' && state !== before) this.#reportUnwatched(state.why)
    for (const effect of effects) perform(effect, this)
    if (this.state.kind !== before.kind) for (const companion of this.companions) companion.stateChanged?.()
    if (state.kind === 'stopped') this.hangs.close('terminated')
    if (state.kind === 'failed') this.hangs.close(this.lifecycle.restarts.total > 0 ? 'left-failed' : 'terminated')
  }

  /** What follows may disarm the countdown, or start it over for something else. */
  #keepLastBeat(before: ServiceState): void {
    const known = { main: this.#main, silence: this.silence, noticed: this.signs.lastNoticedBeat }
    this.signs.lastNoticedBeat = lastBeat(before, known, this.parts.clock)
  }

  #holdStarted(state: ServiceState & { readonly kind: 'held' }): void {
    this.silence.holdStarted(state)
    this.channels.find(state.channel)?.gapExcused()
  }

  #reportUnwatched(why: WatchOff | 'no-contact'): void {
    // The start of a maintenance is an event of its own.
    if (why === 'maintenance') return
    const reason =
      why === 'disabled'
        ? 'HangRecoveryAction is 0'
        : `no heartbeat within ${formatDuration(this.policy.startTimeout)} of its start, and none was asked for; the first one starts the watch`
    this.parts.emit({ name: 'service-unwatched', service: this.service, parameters: { reason } })
  }
}
