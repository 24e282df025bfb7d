import { connect, type Socket } from 'node:net'

/** A connection to the systemd journal by its stream protocol, the one that carries the output of services. */
export class JournalStream {
  readonly #path: string
  readonly #identifier: string
  #socket: Socket | undefined

  constructor(path: string, identifier: string) {
    this.#path = path
    this.#identifier = identifier
  }

  /**
   * Sends lines that each start with their priority, such as `<3>`. Connects when there is no connection.
   * @returns why it failed, or undefined
   */
  send(lines: readonly string[]): Promise<string | undefined> {
    const socket = this.#socket ?? this.#connect()
    return new Promise((resolve) => {
      const finish = (error?: Error | null): void => {
        socket.off('error', finish)
        socket.off('close', closed)
        resolve(error?.message)
      }
      const closed = (): void => finish(new Error('the journal closed the connection'))
      socket.once('error', finish)
      socket.once('close', closed)
      socket.write(lines.map((line) => `${line}\n`).join(''), finish)
    })
  }

  close(): void {
    this.#socket?.end()
    this.#socket = undefined
  }

  #connect(): Socket {
    const socket = connect(this.#path)
    this.#socket = socket
    socket.unref()
    const forget = (): void => {
      if (this.#socket === socket) this.#socket = undefined
    }
    socket.on('error', forget)
    socket.on('close', forget)
    // Header of sd_journal_stream_fd(3): identifier, unit, default priority, whether lines carry a priority of their own, and
    // whether to forward to syslog, the kernel log and the console; one line each.
    socket.write(`${this.#identifier}\n\n3\n1\n0\n0\n0\n`)
    return socket
  }
}
