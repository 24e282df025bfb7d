import { unreachable } from '../errors.js'
import type { Emit } from '../event/event.js'
import type { Clock, Milliseconds } from '../time.js'
import type { BeatReceiver, SignOfLife } from '../watch/sign-of-life.js'
import type { NotifyMessage, NotifyParty, NotifyServer } from './notify-server.js'
import { parseLine } from './protocol.js'
import type { RareReport } from './rare-report.js'
import { type Refusal, reportRefusals } from './refusal.js'
import type { HeartbeatSource, StartedProcess } from './source.js'

export interface NotifySurroundings {
  readonly clock: Clock
  readonly emit: Emit
  /** Of the service at its next start; told to it as WATCHDOG_USEC. */
  readonly limit: () => Milliseconds
  /** What names the main countdown in the guard, when that keeps it. */
  readonly countdown?: () => number | undefined
  /** Whether a process other than the service's own may speak for it, as with NotifyAccess=all. Default: none may. */
  readonly admits?: (pid: number) => boolean
  /**
   * The service was not asked to beat here. Many send READY to systemd and never a beat, so that neither that nor STOPPING is taken for a
   * promise to beat; WATCHDOG= is. Default false.
   */
  readonly offered?: boolean
  /** A channel beats in this line of the service's heartbeat page. @returns false when there is no such line or channel. Default: there is none */
  readonly lineNamed?: (channel: string, line: number) => boolean
}

/** What a service says that was not asked to beat, before it has beaten, and that is listened to all the same. */
const harmless: readonly SignOfLife['kind'][] = ['status', 'limit', 'main-process']

/** The service beats by itself, by sd_notify(3): any that works with systemd's watchdog works unchanged. */
export class NotifySource implements HeartbeatSource, NotifyParty {
  readonly description = 'notify'
  readonly #server: NotifyServer
  readonly #receiver: BeatReceiver
  readonly #surroundings: NotifySurroundings
  readonly #refusals: RareReport<Refusal>
  #process: number | undefined
  #contacted = false

  constructor(server: NotifyServer, receiver: BeatReceiver, surroundings: NotifySurroundings) {
    this.#server = server
    this.#receiver = receiver
    this.#surroundings = surroundings
    this.#refusals = reportRefusals(surroundings.emit, surroundings.clock, receiver.service)
  }

  /** WATCHDOG_PID is left out: the pid is not known yet, and without it WATCHDOG_USEC is meant for whoever reads it. */
  environment(): Readonly<Record<string, string>> {
    return {
      NOTIFY_SOCKET: this.#server.path,
      WATCHDOG_USEC: String(Math.round(this.#surroundings.limit() * 1000)),
    }
  }

  serviceStarted(process: StartedProcess): void {
    this.serviceEnded()
    this.#contacted = false
    this.#process = this.#server.joined(this, process, this.#surroundings.countdown?.())
  }

  processReplaced(process: StartedProcess): void {
    const before = this.#process
    if (before !== undefined) this.#server.released(before)
    this.#process = this.#server.joined(this, process, this.#surroundings.countdown?.())
    if (before !== undefined) this.#server.left(before)
  }

  lastWords(): Promise<void> | undefined {
    return this.#process === undefined ? undefined : this.#server.lastWords(this.#process)
  }

  serviceEnded(): void {
    if (this.#process !== undefined) this.#server.left(this.#process)
    this.#process = undefined
  }

  /** Where others may beat for the service, the guard does not always know of whom they are. */
  get guardedProcess(): number | undefined {
    return this.admits === undefined && this.#surroundings.offered !== true ? this.#process : undefined
  }

  async close(): Promise<void> {
    this.serviceEnded()
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#server.counters(), ...this.#refusals.totals() }
  }

  get admits(): ((pid: number) => boolean) | undefined {
    return this.#surroundings.admits
  }

  messageReceived({ text, beatTaken, silent }: NotifyMessage): void {
    if (this.#surroundings.offered !== true) this.#contact()
    for (const line of text.split('\n')) if (line !== '') this.#lineReceived(line, beatTaken, silent)
  }

  #lineReceived(text: string, beatTaken: boolean, silent: Milliseconds | undefined): void {
    const line = parseLine(text)
    if (!this.#contacted && line.kind === 'sign' && line.sign.kind !== 'trigger') {
      if (harmless.includes(line.sign.kind)) this.#check(this.#receiver.signOfLife(line.sign), line.sign.kind)
      return
    }
    switch (line.kind) {
      case 'beat':
        this.#contact()
        if (!beatTaken) this.#receiver.beat(silent)
        return
      case 'channel-beat':
        this.#contact()
        this.#check(this.#receiver.beatChannel(line.channel, line.progress), 'HEARTBEAT')
        return
      case 'sign':
        this.#contact()
        this.#check(this.#receiver.signOfLife(line.sign), line.sign.kind)
        return
      case 'bad':
        this.#refusals.note('bad-value', line.key)
        return
      case 'page-line':
        this.#check(this.#surroundings.lineNamed?.(line.channel, line.line) ?? false, 'HANGDOG_LINE')
        return
      // The kernel says who speaks, and sd_notify asks that what is not known be ignored.
      case 'speaker':
      case 'lag':
      case 'heap':
      case 'unknown':
        return
      default:
        unreachable(line)
    }
  }

  #contact(): void {
    if (!this.#contacted) this.#receiver.contact()
    this.#contacted = true
  }

  #check(accepted: boolean, what: string): void {
    if (!accepted) this.#refusals.note('not-accepted', what)
  }
}
