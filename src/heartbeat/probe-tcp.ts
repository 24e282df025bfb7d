import { connect } from 'node:net'
import { describeError } from '../errors.js'
import { type Milliseconds, timerDelay } from '../time.js'
import { failure, type Probe, type ProbeOutcome, success } from './probe.js'

/**
 * Connects; a connection is success. It proves that the kernel has room in the service's queue, not that the service takes
 * connections out of it: a hung service passes until the queue is full.
 */
export class TcpProbe implements Probe {
  readonly description: string
  readonly #host: string
  readonly #port: number

  constructor(host: string, port: number) {
    this.description = `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`
    this.#host = host
    this.#port = port
  }

  look(timeout: Milliseconds): Promise<ProbeOutcome> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.#host, port: this.#port })
      const settle = (outcome: ProbeOutcome): void => {
        clearTimeout(limit)
        socket.destroy()
        resolve(outcome)
      }
      const late = () => settle(failure(`no connection within ${Math.round(timeout)} ms`))
      const limit = setTimeout(late, timerDelay(timeout))
      socket.once('connect', () => settle(success))
      socket.on('error', (error) => settle(failure(describeError(error))))
    })
  }
}
