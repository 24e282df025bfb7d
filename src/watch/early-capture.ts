import { type Milliseconds, milliseconds, type WallTime, zero } from '../time.js'
import { withinLimit } from './bounded.js'
import { beginningExhibit, type Exhibit } from './evidence.js'
import type { IncidentRecord } from './incident.js'
import type { ServiceContext } from './service-context.js'

/** What was seen at the warning point of one silence. */
interface Capture {
  readonly at: WallTime
  readonly silent: Milliseconds
  /** Empty until it has been taken. */
  exhibits: readonly Exhibit[]
  /** Where it belongs as soon as it has been taken. */
  record: IncidentRecord | undefined
}

/** The light capture of the present silence: kept until that ends, and part of the incident when it is a hang. */
export class EarlyCapture {
  readonly #context: ServiceContext
  #capture: Capture | undefined

  constructor(context: ServiceContext) {
    this.#context = context
  }

  /** Takes it, beside everything else. */
  take(channel: string, silent: Milliseconds): void {
    const { parts, process, policy, spec } = this.#context
    this.#capture = undefined
    if (process === undefined || policy.evidenceTimeout === zero) return
    const subject = this.#context.subjectOf(channel) ?? process.identity
    const reading = parts.platform.readProcess(subject)
    const budget = policy.evidenceTimeout
    // A capture that comes late must find its own silence, not a later one.
    const capture: Capture = { at: parts.clock.wallNow(), silent, exhibits: [], record: undefined }
    this.#capture = capture
    const taking = parts.evidence.captureLight({ service: spec.name, process, subject, reading, budget })
    void withinLimit(taking, budget, parts.clock).then((taken) => {
      if (taken.kind !== 'done') return
      capture.exhibits = taken.value
      if (capture.record !== undefined) void attach(capture, capture.record)
    })
  }

  /** The silence ended. */
  forget(): void {
    this.#capture = undefined
  }

  /** Puts it on disk with the incident, once, before the full capture is there: hangdog may not live that long. Nobody waits for it. */
  keepIn(record: IncidentRecord | undefined): void {
    const capture = this.#capture
    if (capture === undefined || record === undefined || capture.record !== undefined) return
    capture.record = record
    if (capture.exhibits.length > 0) void attach(capture, record)
  }

  /** One line on what the service was doing; undefined when that is not known, or not yet. */
  get summary(): string | undefined {
    const found = this.#capture?.exhibits.find(({ name }) => name === beginningExhibit)
    return found?.kind === 'captured' ? String(found.content) : undefined
  }
}

function attach({ at, silent, exhibits }: Capture, record: IncidentRecord): Promise<void> {
  return record.attach(exhibits, { at: at.toISOString(), silentMs: milliseconds(Math.round(silent)) })
}
