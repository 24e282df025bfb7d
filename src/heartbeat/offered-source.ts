import { longer, type Milliseconds, zero } from '../time.js'
import type { LoopReport } from './loop-history.js'
import type { HeartbeatSource, StartedProcess } from './source.js'

/** Several ways to beat, of which the service takes the one it knows; it is alive by any of them. */
export class OfferedSource implements HeartbeatSource {
  readonly #sources: readonly HeartbeatSource[]

  constructor(sources: readonly HeartbeatSource[]) {
    this.#sources = sources
  }

  get description(): string {
    return `${this.#sources.map(({ description }) => description).join(' or ')} (offered)`
  }

  environment(): Readonly<Record<string, string>> {
    return Object.assign({}, ...this.#sources.map((source) => source.environment()))
  }

  adopted(environment: Readonly<Record<string, string>>): void {
    for (const source of this.#sources) source.adopted?.(environment)
  }

  /** Of a service that also speaks where the guard cannot hear it, the guard does not know all. */
  get guardedProcess(): number | undefined {
    if (this.#sources.some(({ isConnected }) => isConnected === true)) return undefined
    return this.#sources.find(({ guardedProcess }) => guardedProcess !== undefined)?.guardedProcess
  }

  get slowestPace(): Milliseconds | undefined {
    let slowest = zero
    for (const { slowestPace } of this.#sources) {
      if (slowestPace === undefined) return undefined
      slowest = longer(slowest, slowestPace)
    }
    return slowest
  }

  serviceStarted(process: StartedProcess): void {
    for (const source of this.#sources) source.serviceStarted(process)
  }

  processReplaced(process: StartedProcess): void {
    for (const source of this.#sources) source.processReplaced?.(process)
  }

  lastWords(): Promise<void> | undefined {
    const waiting = this.#sources.flatMap((source) => source.lastWords?.() ?? [])
    return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => {})
  }

  serviceEnded(): void {
    for (const source of this.#sources) source.serviceEnded()
  }

  limitChanged(): void {
    for (const source of this.#sources) source.limitChanged?.()
  }

  async close(): Promise<void> {
    for (const source of this.#sources) await source.close()
  }

  loopReports(): readonly LoopReport[] {
    return this.#sources.flatMap((source) => source.loopReports?.() ?? [])
  }

  /** What several have counted by the same name is added up. */
  counters(): Readonly<Record<string, number>> {
    const sums: Record<string, number> = {}
    for (const source of this.#sources) {
      for (const [name, count] of Object.entries(source.counters())) sums[name] = (sums[name] ?? 0) + count
    }
    return sums
  }
}
