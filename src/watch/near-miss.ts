import { elapsed, formatDuration, type Instant, type Milliseconds, seconds } from '../time.js'
import type { Channel } from './channel.js'
import type { EarlyCapture } from './early-capture.js'
import { NearMissLedger } from './near-miss-ledger.js'
import type { ServiceContext } from './service-context.js'
import type { Sample } from './verdict.js'

/** A silence that passed its warning point and ended by itself, before anything was done about it. Field names are stable. */
export interface NearMiss {
  /** When it ended. Wall time, ISO 8601 in UTC. */
  readonly at: string
  readonly channel: string
  readonly silentMs: number
  readonly limitMs: number
  /** The silence as a share of the limit; 100 and more when the beat came after the limit and before the verdict. */
  readonly percent: number
  /** What the service was doing at the warning. */
  readonly seen: string
}

/** Warnings are an event this often within the period; what is more is counted only. */
const warningsTold = 3
const warningPeriod = seconds(3600)

/** Warns of silence, and says when it ended by itself. Neither floods the log, whatever rhythm a service has. */
export class NearMissDesk {
  /** Silences that passed the warning point, since the service was added. */
  warnings = 0
  /** The last one, whether it was told or not. */
  last: NearMiss | undefined
  readonly #context: ServiceContext
  readonly #early: EarlyCapture
  readonly #ledger: NearMissLedger
  #periodFrom: Instant | undefined
  #told = 0
  #reading = ''
  /** The channel of the warning that was told. */
  #toldOf: string | undefined

  constructor(context: ServiceContext, early: EarlyCapture) {
    this.#context = context
    this.#early = early
    this.#ledger = new NearMissLedger(context.parts.clock)
  }

  /** Of those warnings, the silences that ended by themselves. */
  get count(): number {
    return this.#ledger.count
  }

  warned({ name: channel }: Channel, silent: Milliseconds, sample: Sample): void {
    const { parts, spec, policy } = this.#context
    this.warnings++
    this.#reading = describeReading(sample)
    this.#toldOf = undefined
    if (!this.#mayTell()) return
    this.#toldOf = channel
    const limit = formatDuration(this.#context.limitOf(channel))
    const percent = policy.warningPercent
    const parameters = { channel, silentMs: Math.round(silent), percent, limit, reading: this.#reading }
    parts.emit({ name: 'silence-warning', service: spec.name, parameters })
  }

  /** A silence that had been warned of ended by itself. To be called before what was captured of it is forgotten. */
  ended(channel: string, silent: Milliseconds): void {
    const { parts, spec, policy } = this.#context
    if (policy.warningPercent === 0) return
    const limit = this.#context.limitOf(channel)
    const silentMs = Math.round(silent)
    const percent = Math.round((silent / limit) * 100)
    const seen = this.#early.summary ?? this.#reading
    this.last = { at: parts.clock.wallNow().toISOString(), channel, silentMs, limitMs: limit, percent, seen }
    if (this.#toldOf === channel)
      parts.emit({ name: 'silence-ended', service: spec.name, parameters: { channel, silentMs } })
    this.#toldOf = undefined
    const count = this.#ledger.happened(percent)
    if (count === undefined) return
    const parameters = { channel, silentMs, percent, limit: formatDuration(limit), seen, count }
    parts.emit({ name: 'near-miss', service: spec.name, parameters })
  }

  #mayTell(): boolean {
    const now = this.#context.parts.clock.now()
    if (this.#periodFrom === undefined || elapsed(this.#periodFrom, now) >= warningPeriod) {
      this.#periodFrom = now
      this.#told = 0
    }
    this.#told++
    return this.#told <= warningsTold
  }
}

function describeReading({ process }: Sample): string {
  if (process.kind === 'gone') return 'gone'
  return process.waitChannel === undefined ? process.state : `${process.state} in ${process.waitChannel}`
}
