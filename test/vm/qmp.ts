import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** What QEMU reports of its own accord, such as RESET, SHUTDOWN or GUEST_PANICKED. */
export interface QmpEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
  /** On the host's wall clock, in ms. */
  readonly at: number
}

/** Attempts to reach QEMU's socket, 100 ms apart; it makes it some time after it was started. */
const attempts = 200

/** The control connection to one QEMU, which takes one command at a time. */
export class Qmp {
  readonly #socket: Socket
  readonly #events: QmpEvent[]
  #answered: ((error: string | undefined) => void) | undefined

  private constructor(socket: Socket, events: QmpEvent[]) {
    this.#socket = socket
    this.#events = events
    createInterface({ input: socket }).on('line', (line) => this.#lineCame(line))
    socket.on('error', () => {
      // QEMU has ended; that is seen by its exit.
    })
    socket.on('close', () => this.#answered?.('the connection ended'))
  }

  /** Connects and leaves negotiation mode. @param events gets what QEMU reports from now on */
  static async open(path: string, events: QmpEvent[], isGone: () => boolean): Promise<Qmp> {
    for (let attempt = 1; ; attempt++) {
      const socket = await connectTo(path)
      if (socket !== undefined) {
        const qmp = new Qmp(socket, events)
        await qmp.execute('qmp_capabilities')
        return qmp
      }
      if (isGone() || attempt === attempts) throw new Error(`QEMU does not listen on ${path}`)
      await sleep(100)
    }
  }

  /** @throws Error when QEMU refuses, or ends before it has answered */
  async execute(command: string): Promise<void> {
    const error = await new Promise<string | undefined>((resolve) => {
      this.#answered = resolve
      this.#socket.write(`${JSON.stringify({ execute: command })}\n`)
    })
    this.#answered = undefined
    if (error !== undefined) throw new Error(`QEMU refused "${command}": ${error}`)
  }

  close(): void {
    this.#socket.destroy()
  }

  #lineCame(line: string): void {
    const message: unknown = JSON.parse(line)
    if (typeof message !== 'object' || message === null) return
    if ('event' in message) {
      const data = 'data' in message && typeof message.data === 'object' ? { ...message.data } : {}
      this.#events.push({ event: String(message.event), data, at: Date.now() })
    } else if ('return' in message) {
      this.#answered?.(undefined)
    } else if ('error' in message) {
      this.#answered?.(JSON.stringify(message.error))
    }
  }
}

function connectTo(path: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', () => resolve(undefined))
  })
}
