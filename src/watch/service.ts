import { unreachable } from '../errors.js'
import type { ProcessIdentity, ServiceProcess } from '../platform/platform.js'
import { formatDuration, type Instant, type Milliseconds } from '../time.js'
import type { Channel, ChannelListener } from './channel.js'
import { ChannelSet } from './channel-set.js'
import { HangDesk } from './hang-desk.js'
import { type FinalEnd, Lifecycle, type RunListener } from './lifecycle.js'
import type { HoldReason, RecoveryAction, ServicePolicy } from './policy.js'
import type { ServiceContext } from './service-context.js'
import type { RunCompanion, ServiceSpec } from './service-spec.js'
import { advance, type Effect, isWatched, type ServiceEvent, type ServiceState } from './service-state.js'
import { quietReadingShare, SignDesk, warningShare } from './sign-desk.js'
import type { BeatReceiver, SignOfLife } from './sign-of-life.js'
import { Silence } from './silence.js'
import type { Surroundings } from './surroundings.js'
import type { Sample } from './verdict.js'

/** One watched service: asks the state machine what follows from each event, and has it done by its parts. */
export class Service implements BeatReceiver, ChannelListener, RunListener, ServiceContext {
  readonly spec: ServiceSpec
  readonly parts: Surroundings
  readonly channels: ChannelSet
  readonly silence: Silence
  readonly hangs: HangDesk
  readonly signs: SignDesk
  readonly lifecycle: Lifecycle
  policy: ServicePolicy
  state: ServiceState = { kind: 'stopped', reason: 'not started yet' }

  constructor(spec: ServiceSpec, parts: Surroundings) {
    this.spec = spec
    this.parts = parts
    this.policy = spec.policy
    this.channels = new ChannelSet(parts.engine, this)
    this.silence = new Silence(this)
    this.hangs = new HangDesk(this, this.silence)
    this.signs = new SignDesk(this, this)
    this.lifecycle = new Lifecycle(this, this)
  }

  get service(): string {
    return this.spec.name
  }

  get process(): ServiceProcess | undefined {
    return this.lifecycle.process
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

  start(): Promise<void> {
    return this.lifecycle.start()
  }

  stop(reason: string, signal: NodeJS.Signals = this.policy.terminateSignal): Promise<void> {
    return this.lifecycle.stop(reason, signal)
  }

  // What the service says (BeatReceiver).

  beat(): void {
    const main = this.channels.main
    main.beats++
    if (this.state.kind === 'armed' && main.resetQuietly()) return
    this.signs.beatNoticed(main)
  }

  beatChannel(name: string, progress?: number): boolean {
    const channel = this.channels.obtain(name)
    if (channel === undefined) return false
    if (progress !== undefined && !channel.moved(progress)) return true
    channel.beats++
    if (!channel.opened) this.channels.nameOpened()
    if (this.state.kind === 'armed' && channel.resetQuietly()) return true
    this.signs.beatNoticed(channel)
    return true
  }

  signOfLife(sign: SignOfLife): boolean {
    return this.signs.signOfLife(sign)
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
    this.silence.limitPassed(starting ? this.policy.startTimeout : this.limitOf(channel.name))
    this.hangs.expired()
    this.dispatch({ kind: 'limitElapsed', channel: channel.name })
  }

  // What becomes of its runs (RunListener).

  runStarted(): void {
    this.signs.contacted = false
    this.silence.over()
    this.silence.forgetReading()
  }

  runEnded(): void {
    this.channels.disarm()
    if (this.state.kind !== 'recovering') this.hangs.silenceEnded()
    if (this.state.kind === 'reported' || this.state.kind === 'expired') this.hangs.close('ended-by-itself')
    if (this.state.kind === 'stopping') this.hangs.close('stopped')
  }

  runGone(): void {
    this.channels.clear()
    this.signs.statusText = ''
  }

  // What the operator and the supervisor say.

  /** Applies another policy at once. A countdown that runs starts over with the new limit. */
  changePolicy(policy: ServicePolicy): void {
    const previous = this.policy
    this.policy = policy
    if (policy.action === 'disable') this.dispatch({ kind: 'disableRequested' })
    else if (previous.action === 'disable') this.dispatch({ kind: 'enableRequested' })
    else if (isWatched(this.state)) this.#perform(this.state.kind === 'starting' ? 'arm-start' : 'arm-channels')
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
    const { state, effects } = advance(before, event, { action: this.#effectiveAction(), committed })
    this.state = state
    if (before.kind === 'held' && state !== before) this.silence.holdEnded(before.reason, state)
    if (state.kind === 'held' && state !== before) this.silence.holdStarted(state)
    if (state.kind === 'unwatched' && state !== before) this.#reportUnwatched(state.why)
    for (const effect of effects) this.#perform(effect)
    if (state.kind === 'stopped') this.hangs.close('terminated')
    if (state.kind === 'failed') this.hangs.close(this.lifecycle.restarts.total > 0 ? 'left-failed' : 'terminated')
  }

  /** A dry run decides like any other, but goes no further than the report. */
  #effectiveAction(): RecoveryAction {
    const { action } = this.policy
    return this.parts.platform.name === 'dry-run' && action !== 'disable' ? 'log' : action
  }

  #perform(effect: Effect): void {
    switch (effect) {
      case 'arm-start':
        this.channels.main.arm(this.policy.startTimeout, quietReadingShare)
        break
      case 'arm-channels':
        this.channels.disarm()
        this.channels.arm(this.policy.heartbeatTimeout, warningShare(this.policy))
        break
      case 'arm-stalled':
        this.channels.armStalled(this.policy.heartbeatTimeout, warningShare(this.policy))
        break
      case 'arm-stop':
        this.channels.main.arm(this.policy.stopTimeout, quietReadingShare)
        break
      case 'end-overdue':
        void this.lifecycle.endOverdue()
        break
      case 'disarm':
        this.channels.disarm()
        break
      case 'judge':
        void this.silence.judge(this.state)
        break
      case 'watch-hold':
        this.silence.watchHold(this.state)
        break
      case 'report':
        void this.hangs.report(this.state)
        break
      case 'recover':
        void this.#recover()
        break
      case 'sweep':
        void this.lifecycle.sweep()
        break
      case 'watch-stuck':
        void this.lifecycle.watchStuck()
        break
      case 'close-incident':
        this.hangs.close('recovered-by-itself')
        break
      default:
        unreachable(effect)
    }
  }

  async #recover(): Promise<void> {
    this.lifecycle.endsHung()
    const result = await this.hangs.recover(this.state)
    if (result?.kind === 'gone') this.lifecycle.gone()
    if (result?.kind === 'abandoned') {
      this.lifecycle.goesOn()
      this.silence.over()
      this.dispatch({ kind: 'recoveryAbandoned' })
      if (this.lifecycle.hasExited) this.dispatch({ kind: 'processExited' })
      else this.lifecycle.resumeStop()
    }
    if (result?.kind === 'not-gone') {
      this.hangs.close('not-terminated')
      this.dispatch({ kind: 'terminationFailed' })
    }
  }

  #reportUnwatched(why: 'disabled' | 'no-contact'): void {
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
