import type { Socket } from 'node:net'
import { describeError, HangdogError } from '../errors.js'
import type { Clock, Instant } from '../time.js'
import { LineSplitter } from './line-splitter.js'
import { type Answer, findId, longestRequest, parseRequest, type Request } from './protocol.js'

/** Bytes that may wait for a client when it is sent more; one that lets more wait does not read. */
const mostWaiting = 1_000_000

/** What a connection does with a request. May throw: the client is then told. */
export type Serve = (request: Request, connection: Connection) => void

/** One client of the control server. Whatever it sends, and however it leaves, nothing here throws. */
export class Connection {
  /** When it last asked something, or had taken all it was sent. */
  lastActive: Instant
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #serve: Serve
  readonly #ends: (() => void)[] = []

  constructor(socket: Socket, clock: Clock, serve: Serve) {
    this.#socket = socket
    this.#clock = clock
    this.#serve = serve
    this.lastActive = clock.now()
    const lines = new LineSplitter(
      longestRequest,
      (line) => this.#lineReceived(line),
      () => this.refuse(null, new HangdogError('usage', tooLong)),
    )
    socket.on('data', (chunk: Buffer) => lines.push(chunk))
    // The end of the connection follows; that is all there is to know.
    socket.on('error', () => {})
    socket.once('close', () => {
      for (const end of this.#ends.splice(0)) end()
    })
  }

  /** Called once, when the client has left; at once if it has left already. */
  onEnd(end: () => void): void {
    if (this.#socket.destroyed) end()
    else this.#ends.push(end)
  }

  /** Sends an answer. A client that does not read what it was sent before is dropped. */
  send(answer: Answer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    if (this.#socket.writableLength > mostWaiting) this.#socket.destroy()
    else this.#socket.write(`${JSON.stringify(answer)}\n`)
  }

  /** As `send`, for what will soon be said again: left out while the client has not taken what it was sent before. */
  sendIfReady(answer: Answer): void {
    if (this.#socket.writableLength > 0) return
    this.lastActive = this.#clock.now()
    this.send(answer)
  }

  /** Tells why a request cannot be served, or be served any further. */
  refuse(id: Answer['id'], error: unknown): void {
    const code = error instanceof HangdogError ? error.code : 'internal'
    this.send({ id, error: { code, message: describeError(error) } })
  }

  close(): void {
    this.#socket.destroy()
  }

  #lineReceived(line: string): void {
    // Dropped in the middle of a chunk.
    if (this.#socket.destroyed) return
    this.lastActive = this.#clock.now()
    let id: Answer['id'] | undefined
    try {
      const request = parseRequest(line)
      id = request.id
      this.#serve(request, this)
    } catch (error) {
      this.refuse(id === undefined ? findId(line) : id, error)
    }
  }
}

const tooLong = `cannot read the request: expected a line of at most ${longestRequest} bytes`
