import { connect, type Socket } from 'node:net'
import { clearTimeout, setImmediate, setTimeout } from 'node:timers'

/** Where and as whom to report; from the environment that hangdog gives a service. */
export interface LinkTarget {
  readonly socket: string
  readonly token: string
  /** Sent when the speaker may be another process than the service's own. */
  readonly pid?: number
}

/** More than this is not queued in the program: hangdog does not read, and beats from the past are worth nothing. */
export const queueLimitBytes = 64 * 1024

/** First wait before connecting again, in ms; it doubles up to the longest. */
const shortestRetryMs = 100
const longestRetryMs = 5000

/**
 * How long written bytes may wait in the program before the connection is given up, in ms. A write that waits keeps a Node program
 * alive, and a stopped hangdog must not do that.
 */
const stuckLimitMs = 500

/** What a service has in its environment when hangdog watches it by the heartbeat socket; undefined when it does not. */
export function findTarget(environment: NodeJS.ProcessEnv): LinkTarget | undefined {
  const { HANGDOG_SOCKET: socket, HANGDOG_TOKEN: token } = environment
  return socket === undefined || socket === '' || token === undefined ? undefined : { socket, token }
}

/**
 * The client's end of the heartbeat socket. Sending never waits and never throws; what cannot be sent is dropped and counted.
 * Neither its socket nor its timers keep the program alive. Connects again by itself, for ever.
 */
export class Link {
  readonly #target: LinkTarget
  readonly #greeting: () => string
  #socket: Socket | undefined
  #connected = false
  /** Sends that were not taken at once, and may be lost with the connection. */
  #waiting = 0
  #retryMs = shortestRetryMs
  #stuckCheck: NodeJS.Timeout | undefined
  #dropped = 0

  /** @param greeting lines to send first on each new connection, so that a restarted hangdog knows where things stand */
  constructor(target: LinkTarget, greeting: () => string) {
    this.#target = target
    this.#greeting = greeting
    this.#connect()
  }

  /** Sends that did not leave the program, as far as is known here. */
  get dropped(): number {
    return this.#dropped
  }

  get connected(): boolean {
    return this.#connected
  }

  /** @param lines each ended by a newline. @returns false when they were dropped */
  send(lines: string): boolean {
    const socket = this.#socket
    if (socket === undefined || socket.writableLength + lines.length > queueLimitBytes) {
      this.#dropped++
      return false
    }
    if (socket.writableLength === 0) this.#waiting = 0
    socket.write(lines)
    if (socket.writableLength > 0) {
      this.#waiting++
      this.#watchProgress(socket)
    }
    return true
  }

  #connect(): void {
    const { socket: path, token, pid } = this.#target
    const socket = connect(path)
    this.#socket = socket
    socket.unref()
    socket.on('error', () => {})
    socket.on('connect', () => this.#established(socket))
    socket.on('close', () => this.#lost())
    // Nothing is ever said to a client. Reading is how it learns that the other end was closed.
    socket.resume()
    const speaker = pid === undefined ? '' : `PID=${pid}\n`
    socket.write(`HANGDOG_TOKEN=${token}\n${speaker}${this.#greeting()}`)
    this.#watchProgress(socket)
  }

  #established(socket: Socket): void {
    this.#connected = true
    // A connection that lasts starts the waits anew; one that is refused at once must not.
    setTimeout(() => {
      if (socket === this.#socket) this.#retryMs = shortestRetryMs
    }, longestRetryMs).unref()
  }

  /** Gives the connection up when none of what waits has moved for a while. */
  #watchProgress(socket: Socket): void {
    if (this.#stuckCheck !== undefined) return
    const takenBefore = taken(socket)
    const look = (): void => {
      this.#stuckCheck = undefined
      if (socket !== this.#socket || socket.writableLength === 0) return
      if (taken(socket) === takenBefore) socket.destroy()
      else this.#watchProgress(socket)
    }
    // Timers run before sockets: after a long turn of the program, the socket must have its chance before it is judged.
    // (An immediate that is not referenced would wait for the next event, which may never come.)
    this.#stuckCheck = setTimeout(() => setImmediate(look), stuckLimitMs).unref()
  }

  #lost(): void {
    this.#socket = undefined
    this.#connected = false
    this.#dropped += this.#waiting
    this.#waiting = 0
    clearTimeout(this.#stuckCheck)
    this.#stuckCheck = undefined
    setTimeout(() => this.#connect(), this.#retryMs).unref()
    this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs)
  }
}

/** Bytes the system has taken. */
function taken(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength
}
