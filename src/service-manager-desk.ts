import type { Emit } from './event/event.js'
import type { NotifySender } from './platform/notify-sender.js'
import { fraction, type Milliseconds, seconds } from './time.js'
import type { Supervisor } from './watch/supervisor.js'

/** Without a limit there is only the status to be kept up. */
const statusInterval = seconds(10)

export interface ServiceManagerDeskParts {
  readonly send: NotifySender
  readonly supervisor: Pick<Supervisor, 'services'>
  readonly emit: Emit
  /** WATCHDOG_USEC, if it is for us. */
  readonly limit: Milliseconds | undefined
}

/** Tells the service manager how hangdog is, with each round of decisions and at no other time. */
export class ServiceManagerDesk {
  readonly interval: Milliseconds
  readonly #parts: ServiceManagerDeskParts
  #status = ''
  #stopping = false
  #failing = false

  constructor(parts: ServiceManagerDeskParts) {
    this.#parts = parts
    this.interval = parts.limit === undefined ? statusInterval : fraction(parts.limit, 1 / 2)
  }

  /** Every service runs, or it is known that it does not start. */
  servicesStarted(): void {
    if (!this.#stopping) this.#send(['READY=1', ...this.#newStatus()])
  }

  roundCompleted(): void {
    const beat = this.#parts.limit === undefined ? [] : ['WATCHDOG=1']
    this.#send([...beat, ...this.#newStatus()])
  }

  stopping(): void {
    this.#stopping = true
    this.#send(['STOPPING=1', 'STATUS=ending all services'])
  }

  #newStatus(): readonly string[] {
    if (this.#stopping) return []
    const status = describeServices(this.#parts.supervisor)
    if (status === this.#status) return []
    this.#status = status
    return [`STATUS=${status}`]
  }

  /** What was not sent is not sent again: the next round comes soon. Said once, until it works again. */
  #send(lines: readonly string[]): void {
    if (lines.length === 0) return
    const error = this.#parts.send(lines)
    if (error !== undefined && !this.#failing)
      this.#parts.emit({ name: 'service-manager-unreached', parameters: { error } })
    this.#failing = error !== undefined
    if (this.#failing) this.#status = ''
  }
}

/** Such as `3 services: 2 armed, 1 waiting`. */
function describeServices({ services }: Pick<Supervisor, 'services'>): string {
  const counts = new Map<string, number>()
  for (const { state } of services) counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1)
  const kinds = [...counts].map(([kind, count]) => `${count} ${kind}`)
  return `${services.length} ${services.length === 1 ? 'service' : 'services'}: ${kinds.join(', ')}`
}
