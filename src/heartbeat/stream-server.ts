import { chmodSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { isPipe, listenAt } from '../endpoint.js'
import { describeError } from '../errors.js'
import type { Emit } from '../event/event.js'
import { type Clock, elapsed, milliseconds, type Scheduled, seconds } from '../time.js'
import type { BeatReceiver } from '../watch/sign-of-life.js'
import { Connection, type ConnectionOwner } from './connection.js'
import { Enrolment, type EnrolmentSurroundings, type TokenTable } from './enrolment.js'
import { defaultFloodLimit, type FloodLimit } from './flood-gate.js'
import { longestLine } from './protocol.js'
import type { RareReport } from './rare-report.js'
import { type Refusal, reportRefusals } from './refusal.js'
import type { Speaker } from './speaker.js'

/** Time from connecting to a token. */
export const tokenLimit = seconds(2)

/** Connections without a token that are kept beyond `sweepInterval`; the oldest go first. */
export const unprovenLimit = 64

/** As above, but at any moment: a thousand services that start together are no attack, so this is far more. */
export const unprovenBurst = 4096

/** How often connections without a token are looked at, while there are any. Long enough for what is in the socket to be read. */
const sweepInterval = milliseconds(100)

export interface StreamServerOptions {
  /** Of a Unix socket, or of a named pipe on Windows. The caller makes the directory (mode 0700). */
  readonly path: string
  readonly clock: Clock
  readonly emit: Emit
  /** Lets services of other users connect: file mode 0666 instead of 0600. Default false. */
  readonly openToOthers?: boolean
  /** Per service. Default 2,000 lines per 20 ms. */
  readonly floodLimit?: FloodLimit
}

/** @throws HangdogError `create` or `permission` when the socket cannot be created */
export async function openStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const server = new StreamServer(options)
  await server.listen()
  return server
}

/** The one heartbeat socket of a supervisor, for all its services. Who speaks is known by the token of the first line. */
export class StreamServer implements ConnectionOwner {
  readonly path: string
  readonly #surroundings: EnrolmentSurroundings
  readonly #openToOthers: boolean
  readonly #server: Server
  readonly #tokens: TokenTable = new Map()
  /** In the order they came. */
  readonly #unproven = new Set<Connection>()
  readonly #refusals: RareReport<Refusal>
  #sweep: Scheduled | undefined

  constructor(options: StreamServerOptions) {
    const { clock, emit, floodLimit = defaultFloodLimit } = options
    this.path = options.path
    this.#surroundings = { clock, emit, floodLimit }
    this.#openToOthers = options.openToOthers ?? false
    this.#refusals = reportRefusals(emit, clock)
    this.#server = createServer({ pauseOnConnect: true }, (socket) => this.#connected(socket))
  }

  /** Called once. @throws HangdogError `create` or `permission` when the socket cannot be created */
  async listen(): Promise<void> {
    const server = this.#server
    await listenAt(server, this.path, { thing: 'the heartbeat socket', whoServes: async () => 'a live hangdog' })
    if (this.#openToOthers && !isPipe(this.path)) chmodSync(this.path, 0o666)
    server.on('error', (error) => this.#lost(error))
  }

  /** Gives a service its place. */
  enrol(receiver: BeatReceiver): Enrolment {
    return new Enrolment(receiver, this.#tokens, this.#surroundings)
  }

  /** What was refused and belongs to no service. */
  counters(): Readonly<Record<string, number>> {
    const connections = [...this.#tokens.values()].reduce((sum, enrolment) => sum + enrolment.connections, 0)
    return { connections, unproven: this.#unproven.size, ...this.#refusals.totals() }
  }

  /** Closes all connections and removes the socket file. */
  async close(): Promise<void> {
    this.#sweep?.cancel()
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const connection of this.#unproven) connection.drop()
    for (const enrolment of this.#tokens.values()) enrolment.leave()
    await closed
  }

  tokenPresented(connection: Connection, token: string | undefined): Speaker | undefined {
    this.#unproven.delete(connection)
    const enrolment = token === undefined ? undefined : this.#tokens.get(token)
    if (enrolment === undefined) {
      this.#refusals.note('bad-token', '')
      return undefined
    }
    return enrolment.admit(connection)
  }

  lineTooLong(): void {
    this.#refusals.note('line-too-long', `more than ${longestLine} bytes`)
  }

  connectionClosed(connection: Connection): void {
    this.#unproven.delete(connection)
  }

  #connected(socket: Socket): void {
    const { clock } = this.#surroundings
    this.#unproven.add(new Connection(socket, this, clock))
    if (this.#unproven.size > unprovenBurst) this.#dropOldest()
    this.#sweep ??= clock.schedule(sweepInterval, () => this.#sweepElapsed())
  }

  #sweepElapsed(): void {
    const { clock } = this.#surroundings
    const now = clock.now()
    this.#sweep = undefined
    for (const connection of this.#unproven) {
      const age = elapsed(connection.since, now)
      // What came since the last sweep may have a token that was not read yet.
      if (age < sweepInterval) break
      if (age >= tokenLimit) this.#dropUnproven(connection, 'no-token')
      else if (this.#unproven.size > unprovenLimit) this.#dropUnproven(connection, 'too-many-unproven')
      else break
    }
    if (this.#unproven.size > 0) this.#sweep = clock.schedule(sweepInterval, () => this.#sweepElapsed())
  }

  #dropOldest(): void {
    for (const oldest of this.#unproven) {
      this.#dropUnproven(oldest, 'too-many-unproven')
      return
    }
  }

  #dropUnproven(connection: Connection, refusal: Refusal): void {
    this.#unproven.delete(connection)
    this.#refusals.note(refusal, '')
    connection.drop()
  }

  #lost(error: Error): void {
    this.#surroundings.emit({ name: 'source-lost', parameters: { reason: describeError(error) } })
  }
}
