import type { Socket } from 'node:net'
import type { Clock, Instant } from '../time.js'
import { readDirectly } from './direct-read.js'
import { type LineListener, LineReader } from './line-reader.js'
import { parseToken } from './protocol.js'
import type { Speaker } from './speaker.js'

/** What a connection needs of its server until its token is accepted. */
export interface ConnectionOwner {
  /** @returns who speaks, when the token is good and there is room */
  tokenPresented(connection: Connection, token: string | undefined): Speaker | undefined
  lineTooLong(connection: Connection): void
  connectionClosed(connection: Connection): void
}

/**
 * One client of the heartbeat socket. It first presents a token; from then on its lines go to the service that the token belongs to.
 * Nothing is ever written to a client, so none can make hangdog wait.
 */
export class Connection implements LineListener {
  readonly since: Instant
  readonly #socket: Socket
  readonly #owner: ConnectionOwner
  readonly #lines = new LineReader(this)
  #speaker: Speaker | undefined
  #paused = false
  #closed = false
  /** Read, but not dealt with yet, because the connection was paused in the middle of a chunk. */
  #held: Buffer | undefined

  /** @param accepted a paused socket */
  constructor(accepted: Socket, owner: ConnectionOwner, clock: Clock) {
    this.since = clock.now()
    this.#owner = owner
    this.#socket = readDirectly(accepted, (chunk) => this.#read(chunk))
    // Whatever goes wrong with a client's connection ends in `close`.
    this.#socket.on('error', ignored)
    this.#socket.on('close', () => this.#ended())
  }

  /** Stops taking bytes. They wait in the socket, and when that is full in the client; none are lost. */
  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  /** Goes on, but not before the caller is done. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#held === undefined) this.#socket.resume()
    else setImmediate(() => this.#takeHeld())
  }

  drop(): void {
    this.#closed = true
    this.#socket.destroy()
  }

  beatsRead(count: number): void {
    // A beat before the token is as bad as any other line there.
    if (this.#speaker === undefined) this.#present(undefined)
    else this.#speaker.beats(count)
  }

  lineRead(line: string): boolean {
    if (this.#speaker === undefined) return this.#present(parseToken(line))
    this.#speaker.line(line)
    return !this.#closed
  }

  #read(chunk: Buffer): void {
    if (this.#closed) return
    const taken = this.#lines.read(chunk)
    if (taken === chunk.length || this.#closed) return
    // Copied, as the chunk is only valid during this call.
    if (taken >= 0) this.#held = Buffer.from(chunk.subarray(taken))
    else this.#lineTooLong()
  }

  #lineTooLong(): void {
    if (this.#speaker === undefined) this.#owner.lineTooLong(this)
    else this.#speaker.lineTooLong()
    this.drop()
  }

  #takeHeld(): void {
    if (this.#paused || this.#closed) return
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) this.#read(held)
    if (!this.#paused) this.#socket.resume()
  }

  #present(token: string | undefined): boolean {
    if (this.#closed) return false
    this.#speaker = this.#owner.tokenPresented(this, token)
    if (this.#speaker === undefined) this.drop()
    return !this.#paused && !this.#closed
  }

  #ended(): void {
    this.#closed = true
    if (this.#speaker === undefined) this.#owner.connectionClosed(this)
    else this.#speaker.closed()
  }
}

function ignored(): void {}
