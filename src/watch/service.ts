import type { ProcessIdentity, ServiceProcess } from '../platform/platform.js'
import { formatDuration, type Instant, longer, type Milliseconds, seconds } from '../time.js'
import type { Channel, ChannelListener } from './channel.js'
import { ChannelSet } from './channel-set.js'
import type { CountdownEngine } from './countdown.js'
import type { ForeignEnding } from './foreign-ending.js'
import { HangDesk } from './hang-desk.js'
import { type FinalEnd, Lifecycle, type RunListener } from './lifecycle.js'
import { type HoldReason, isShadow, type RecoveryAction, type ServicePolicy } from './policy.js'
import { bearableLimit, changesCountdown } from './policy-change.js'
import type { ServiceContext } from './service-context.js'
import { perform } from './service-effects.js'
import type { RunCompanion, ServiceSpec } from './service-spec.js'
import { isWatched, type ServiceEvent, type ServiceState, type WatchOff } from './service-state.js'
import { advance } from './service-step.js'
import { quietReadingShare, SignDesk, warningShare } from './sign-desk.js'
import { type BeatReceiver, mainChannel, type SignOfLife } from './sign-of-life.js'
import { Silence } from './silence.js'
import type { Surroundings } from './surroundings.js'
import type { Sample } from './verdict.js'

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
  readonly hangs: HangDesk
  readonly signs: SignDesk
  readonly lifecycle: Lifecycle
  policy: ServicePolicy
  state: ServiceState = { kind: 'stopped', reason: 'not started yet' }
  #inMaintenance = false
  /** The last policy that was asked for; `policy` may have a longer limit until the service is started again. */
  #asked: ServicePolicy

  constructor(spec: ServiceSpec, parts: Surroundings) {
    this.spec = spec
    this.parts = parts
    this.policy = spec.policy
    this.#asked = spec.policy
    this.channels = new ChannelSet(spec.namedEngine ?? parts.engine, this, spec.engine ?? parts.engine)
    this.#main = this.channels.main
    this.silence = new Silence(this)
    this.hangs = new HangDesk(this, this.silence)
    this.signs = new SignDesk(this, this)
    this.lifecycle = new Lifecycle(this, this)
  }

  get service(): string {
    return this.spec.name
  }

  /** Whether a countdown of this service stands still while the engine does. */
  isKeptBy(engine: CountdownEngine): boolean {
    const { engine: main = this.parts.engine, namedEngine: named = this.parts.engine } = this.spec
    return engine === main || (engine === named && this.channels.hasNamed)
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
    const sample = this.silence.readAtWarning(channel.name)
    if (sample !== undefined && this.state.kind === 'armed') this.hangs.prepare(channel.name)
    if (sample === undefined || this.state.kind !== 'armed' || this.policy.warningPercent === 0) return
    const parameters = {
      channel: channel.name,
      silentMs: Math.round(channel.silent()),
      percent: this.policy.warningPercent,
      limit: formatDuration(this.limitOf(channel.name)),
      reading: describeReading(sample),
    }
    this.parts.emit({ name: 'silence-warning', service: this.service, parameters })
    this.hangs.captureEarly(channel.name)
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
    this.signs.contacted = false
    this.signs.heard = false
    this.silence.over()
    this.silence.forgetReading()
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
    this.policy = this.#asked
    this.signs.statusText = ''
  }

  // What the operator and the supervisor say.

  /**
   * Applies another policy at once. A countdown whose limit changes starts over with the new one; a limit that is too short for how the
   * service beats now waits until it beats faster, or for its next start.
   */
  changePolicy(asked: ServicePolicy): void {
    this.#asked = asked
    this.#applyPolicy(asked)
    const { heartbeatTimeout: limit } = this.policy
    if (limit === asked.heartbeatTimeout) return
    const parameters = { asked: formatDuration(asked.heartbeatTimeout), limit: formatDuration(limit) }
    this.parts.emit({ name: 'limit-deferred', service: this.service, parameters })
    this.#tryLater(asked)
  }

  /** Something beside us ends the service, as it hung. */
  takenOver(ending: ForeignEnding): void {
    this.silence.limitPassed(this.limitOf(mainChannel))
    this.hangs.takenOver(ending)
    this.dispatch({ kind: 'takenOver', channel: mainChannel, hang: ending.hang })
  }

  #applyPolicy(asked: ServicePolicy): void {
    const before = { policy: this.policy, watchOff: this.watchOff }
    const limit = bearableLimit(asked.heartbeatTimeout, before.policy.heartbeatTimeout, this.channels.pace())
    this.policy = limit === asked.heartbeatTimeout ? asked : { ...asked, heartbeatTimeout: limit }
    if (limit !== before.policy.heartbeatTimeout) for (const companion of this.companions) companion.limitChanged?.()
    for (const companion of this.companions) companion.policyChanged?.()
    if (this.#watchTurned(before.watchOff) || !isWatched(this.state)) return
    if (changesCountdown(before.policy, this.policy, this.state)) this.#rearm(before.policy)
  }

  #tryLater(asked: ServicePolicy): void {
    this.parts.clock.schedule(longer(seconds(1), this.policy.heartbeatTimeout), () => {
      if (this.#asked !== asked || this.policy.heartbeatTimeout === asked.heartbeatTimeout) return
      this.#applyPolicy(asked)
      if (this.policy.heartbeatTimeout !== asked.heartbeatTimeout) this.#tryLater(asked)
    })
  }

  #rearm(before: ServicePolicy): void {
    this.hangs.silenceEnded()
    const starting = this.state.kind === 'starting' || (this.state.kind === 'held' && this.state.starting)
    if (starting) this.channels.rearm(this.policy.startTimeout, quietReadingShare, before.startTimeout)
    else this.channels.rearm(this.policy.heartbeatTimeout, warningShare(this.policy), before.heartbeatTimeout)
  }

  /** Holds the monitoring, or goes on with it. A recovery that is under way goes on. */
  maintain(inMaintenance: boolean): void {
    const before = this.watchOff
    this.#inMaintenance = inMaintenance
    this.#watchTurned(before)
  }

  /** Why no silence is judged; undefined when it is. */
  get watchOff(): WatchOff | undefined {
    if (this.policy.action === 'disable') return 'disabled'
    return this.#inMaintenance ? 'maintenance' : undefined
  }

  /** @returns whether the watch was turned on or off */
  #watchTurned(before: WatchOff | undefined): boolean {
    const now = this.watchOff
    if (now !== undefined) {
      if (this.state.kind !== 'recovering') this.hangs.silenceEnded()
      this.dispatch({ kind: 'disableRequested', why: now })
    } else if (before !== undefined) this.dispatch({ kind: 'enableRequested', opened: this.signs.heard })
    return now !== undefined || before !== undefined
  }

  /**
   * hangdog did not run for a while: a service whose limit is within reach of that gets its whole limit again.
   * @returns whether it did
   */
  stalled(lost: Milliseconds, reason: HoldReason): boolean {
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
    const { state, effects } = advance(before, event, { action: this.#actionInForce(), off: this.watchOff, committed })
    this.state = state
    if (before.kind === 'held' && state !== before) this.silence.holdEnded(before.reason, state)
    if (state.kind === 'held' && state !== before) this.#holdStarted(state)
    if (state.kind === 'unwatched' && state !== before) this.#reportUnwatched(state.why)
    for (const effect of effects) perform(effect, this)
    if (this.state.kind !== before.kind) for (const companion of this.companions) companion.stateChanged?.()
    if (state.kind === 'stopped') this.hangs.close('terminated')
    if (state.kind === 'failed') this.hangs.close(this.lifecycle.restarts.total > 0 ? 'left-failed' : 'terminated')
  }

  /** A shadow decides like any other, but goes no further than the report. */
  #actionInForce(): RecoveryAction {
    return isShadow(this.policy, this.parts.platform) ? 'log' : this.policy.action
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

function describeReading({ process }: Sample): string {
  if (process.kind === 'gone') return 'gone'
  return process.waitChannel === undefined ? process.state : `${process.state} in ${process.waitChannel}`
}
