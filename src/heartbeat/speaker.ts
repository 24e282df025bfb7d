import { unreachable } from '../errors.js'
import type { BeatReceiver, SignOfLife } from '../watch/sign-of-life.js'
import type { Connection } from './connection.js'
import type { HeapReport } from './loop-history.js'
import { longestLine, parseLine } from './protocol.js'
import type { Refusal } from './refusal.js'

export interface LoopListener {
  lagReported(lagMs: number): void
  heapReported(heap: HeapReport): void
}

/** What a speaker needs to know of the service it speaks for. */
export interface SpokenFor {
  readonly receiver: BeatReceiver
  /** The service's process; undefined while it does not run. */
  readonly pid: number | undefined
  linesPassed(count: number): void
  refused(refusal: Refusal, detail: string): void
  connectionClosed(connection: Connection): void
  lagReported(lagMs: number): void
  /** What the service's own process says of its event loop, to be kept. */
  readonly loop: LoopListener
  /** Another process than the service's own speaks on a channel of its own, or has ended. @returns whether it is the only one */
  channelBound(channel: string): boolean
  channelReleased(channel: string): boolean
}

/** Beats are charged by this many: all connections of a service together owe it less than its share of one window. */
const chargedTogether = 16

/**
 * Hands on what one connection says. When it says that it is another process than the service's own (a child of `npm start`, say),
 * it speaks only for itself: its beats go to a channel that lives as long as the connection, so that a hang of either is seen.
 */
export class Speaker {
  readonly #service: SpokenFor
  readonly #receiver: BeatReceiver
  readonly #connection: Connection
  #channel: string | undefined
  /** Beats that the service has not been charged for. */
  #uncharged = 0

  constructor(service: SpokenFor, connection: Connection) {
    this.#service = service
    this.#receiver = service.receiver
    this.#connection = connection
  }

  /**
   * The hot path ends here for hangdog's input side: one call into the core for each beat line. With ten thousand services its cost is
   * that of the objects it touches, none of which is in the processor's cache; so it goes straight to the receiver.
   */
  beats(count: number): void {
    if (this.#channel === undefined) for (let beat = 0; beat < count; beat++) this.#receiver.beat()
    else for (let beat = 0; beat < count; beat++) this.#receiver.beatChannel(this.#channel)
    this.#uncharged += count
    if (this.#uncharged >= chargedTogether) this.#charge()
  }

  #charge(): void {
    const count = this.#uncharged
    this.#uncharged = 0
    this.#service.linesPassed(count)
  }

  line(text: string): void {
    const line = parseLine(text)
    switch (line.kind) {
      case 'beat':
        this.beats(1)
        return
      case 'channel-beat':
        this.#check(this.#receiver.beatChannel(line.channel, line.progress), 'HEARTBEAT')
        break
      case 'sign':
        this.#check(this.#hand(line.sign), line.sign.kind)
        break
      case 'speaker':
        this.#bind(line.pid)
        break
      case 'lag':
        this.#service.lagReported(line.lag)
        // What a child says of its loop would not be told apart.
        if (this.#channel === undefined) this.#service.loop.lagReported(line.lag)
        break
      case 'heap':
        if (this.#channel === undefined) this.#service.loop.heapReported(line)
        break
      // What speaks here beats here.
      case 'page-line':
      case 'unknown':
        break
      case 'bad':
        this.#service.refused('bad-value', line.key)
        break
      default:
        unreachable(line)
    }
    this.#service.linesPassed(1)
  }

  lineTooLong(): void {
    this.#service.refused('line-too-long', `more than ${longestLine} bytes`)
  }

  closed(): void {
    this.#charge()
    this.#service.connectionClosed(this.#connection)
    const channel = this.#channel
    if (channel === undefined) return
    this.#channel = undefined
    const last = this.#service.channelReleased(channel)
    if (last && this.#service.pid !== undefined) this.#receiver.signOfLife({ kind: 'channel-closed', channel })
  }

  #bind(pid: number): void {
    if (pid === this.#service.pid || this.#channel !== undefined) return
    this.#channel = `pid-${pid}`
    if (!this.#service.channelBound(this.#channel)) return
    this.#check(this.#receiver.signOfLife({ kind: 'channel-opened', channel: this.#channel, pid }), 'PID')
  }

  #hand(sign: SignOfLife): boolean {
    return this.#receiver.signOfLife(this.#channel === undefined ? sign : ownSign(sign, this.#channel))
  }

  #check(accepted: boolean, what: string): void {
    if (!accepted) this.#service.refused('not-accepted', what)
  }
}

/** What a child says of itself is no statement about the whole service. */
function ownSign(sign: SignOfLife, channel: string): SignOfLife {
  switch (sign.kind) {
    case 'ready':
      return { kind: 'channel-opened', channel }
    case 'limit':
      return { kind: 'channel-opened', channel, limit: sign.limit }
    case 'stopping':
      return { kind: 'channel-closed', channel }
    default:
      return sign
  }
}
