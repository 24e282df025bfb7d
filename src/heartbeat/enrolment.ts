import { randomUUID } from 'node:crypto'
import type { Emit } from '../event/event.js'
import type { Clock, Scheduled } from '../time.js'
import type { BeatReceiver } from '../watch/sign-of-life.js'
import type { Connection } from './connection.js'
import { FloodGate, type FloodLimit } from './flood-gate.js'
import { LoopHistory, type LoopReport } from './loop-history.js'
import type { RareReport } from './rare-report.js'
import { type Refusal, reportRefusals } from './refusal.js'
import { Speaker, type SpokenFor } from './speaker.js'

/** Connections one service may have. */
export const connectionLimit = 64

/** Where an enrolment is found by its token. */
export type TokenTable = Map<string, Enrolment>

/** A service's place on the heartbeat socket: its token, its connections, its share of hangdog's attention. */
export class Enrolment implements SpokenFor {
  readonly receiver: BeatReceiver
  readonly #tokens: TokenTable
  readonly #surroundings: EnrolmentSurroundings
  readonly #gate: FloodGate
  readonly #connections = new Set<Connection>()
  // Most services never need these two, and there may be ten thousand services.
  #refusals: RareReport<Refusal> | undefined
  #boundChannels: Map<string, number> | undefined
  #token: string | undefined
  #pid: number | undefined
  #flood: Scheduled | undefined
  #lagMs: number | undefined
  #loop: LoopHistory | undefined

  constructor(receiver: BeatReceiver, tokens: TokenTable, surroundings: EnrolmentSurroundings) {
    this.receiver = receiver
    this.#tokens = tokens
    this.#surroundings = surroundings
    this.#gate = new FloodGate(surroundings.clock, surroundings.floodLimit)
  }

  get pid(): number | undefined {
    return this.#pid
  }

  get isConnected(): boolean {
    return this.#connections.size > 0
  }

  /** Makes the secret for the next run. That of the last run is good no longer. */
  freshToken(): string {
    const token = randomUUID()
    this.takeToken(token)
    return token
  }

  /** The run that goes on has this secret from another hangdog. */
  takeToken(token: string): void {
    if (this.#token !== undefined) this.#tokens.delete(this.#token)
    this.#token = token
    this.#tokens.set(token, this)
  }

  /** What came in since the process exists, but before it was known here, is delivered from now on. */
  started(pid: number): void {
    this.#pid = pid
    this.#lagMs = undefined
    this.#loop = undefined
    if (this.#connections.size > 0) this.receiver.contact()
    this.#resume()
  }

  /** This process is the service's from now on. */
  replaced(pid: number): void {
    this.#pid = pid
  }

  /** Nothing is delivered any more; connections that outlive the service are closed. */
  ended(): void {
    this.#pid = undefined
    this.#flood?.cancel()
    this.#flood = undefined
    for (const connection of this.#connections) connection.drop()
  }

  /** The service is gone for good. */
  leave(): void {
    this.ended()
    if (this.#token !== undefined) this.#tokens.delete(this.#token)
    this.#token = undefined
  }

  counters(): Readonly<Record<string, number>> {
    const lag = this.#lagMs === undefined ? {} : { 'event-loop-lag-ms': this.#lagMs }
    return { connections: this.#connections.size, ...lag, ...this.#refusals?.totals() }
  }

  /** @returns undefined when there is no room */
  admit(connection: Connection): Speaker | undefined {
    if (this.#connections.size >= connectionLimit) {
      this.refused('too-many-connections', `limit ${connectionLimit}`)
      return undefined
    }
    this.#connections.add(connection)
    if (this.#pid !== undefined) this.receiver.contact()
    if (!this.#flows) connection.pause()
    return new Speaker(this, connection)
  }

  get connections(): number {
    return this.#connections.size
  }

  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection)
  }

  refused(refusal: Refusal, detail: string): void {
    const { emit, clock } = this.#surroundings
    this.#refusals ??= reportRefusals(emit, clock, this.receiver.service)
    this.#refusals.note(refusal, detail)
  }

  lagReported(lagMs: number): void {
    this.#lagMs = lagMs
  }

  /** Only services with the preload have one. */
  get loop(): LoopHistory {
    this.#loop ??= new LoopHistory(this.#surroundings.clock)
    return this.#loop
  }

  /** What the service's preload said of its event loop, the oldest first. */
  loopReports(): readonly LoopReport[] {
    return this.#loop?.reports() ?? []
  }

  linesPassed(count: number): void {
    const wait = this.#gate.passed(count)
    if (wait === undefined || this.#flood !== undefined) return
    this.refused('flood', '')
    this.#flood = this.#surroundings.clock.schedule(wait, () => {
      this.#flood = undefined
      this.#resume()
    })
    for (const connection of this.#connections) connection.pause()
  }

  channelBound(channel: string): boolean {
    this.#boundChannels ??= new Map()
    const speakers = this.#boundChannels.get(channel) ?? 0
    this.#boundChannels.set(channel, speakers + 1)
    return speakers === 0
  }

  channelReleased(channel: string): boolean {
    const speakers = (this.#boundChannels?.get(channel) ?? 1) - 1
    if (speakers > 0) this.#boundChannels?.set(channel, speakers)
    else this.#boundChannels?.delete(channel)
    return speakers === 0
  }

  get #flows(): boolean {
    return this.#pid !== undefined && this.#flood === undefined
  }

  #resume(): void {
    if (this.#flows) for (const connection of this.#connections) connection.resume()
  }
}

export interface EnrolmentSurroundings {
  readonly clock: Clock
  readonly emit: Emit
  readonly floodLimit: FloodLimit
}
