import type { Milliseconds } from '../time.js'
import type { BeatReceiver } from '../watch/sign-of-life.js'
import type { Enrolment } from './enrolment.js'
import type { LoopReport } from './loop-history.js'
import type { HeartbeatSource, StartedProcess } from './source.js'
import type { StreamServer } from './stream-server.js'

/** The service beats by itself, over the heartbeat socket. Each start has a secret of its own. */
export class StreamSource implements HeartbeatSource {
  readonly description: string = 'stream'
  readonly #path: string
  readonly #enrolment: Enrolment
  readonly #limit: () => Milliseconds

  /** @param limit of the service at its next start; told to it as WATCHDOG_USEC, so that it knows how often to beat */
  constructor(server: StreamServer, receiver: BeatReceiver, limit: () => Milliseconds) {
    this.#path = server.path
    this.#enrolment = server.enrol(receiver)
    this.#limit = limit
  }

  environment(): Readonly<Record<string, string>> {
    return {
      HANGDOG_SOCKET: this.#path,
      HANGDOG_TOKEN: this.#enrolment.freshToken(),
      WATCHDOG_USEC: String(Math.round(this.#limit() * 1000)),
    }
  }

  adopted({ HANGDOG_TOKEN: token }: Readonly<Record<string, string>>): void {
    if (token !== undefined) this.#enrolment.takeToken(token)
  }

  get isConnected(): boolean {
    return this.#enrolment.isConnected
  }

  serviceStarted(process: StartedProcess): void {
    this.#enrolment.started(process.pid)
  }

  processReplaced({ pid }: StartedProcess): void {
    this.#enrolment.replaced(pid)
  }

  serviceEnded(): void {
    this.#enrolment.ended()
  }

  async close(): Promise<void> {
    this.#enrolment.leave()
  }

  loopReports(): readonly LoopReport[] {
    return this.#enrolment.loopReports()
  }

  counters(): Readonly<Record<string, number>> {
    return this.#enrolment.counters()
  }
}
