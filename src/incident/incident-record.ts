import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory, writeDurably } from '../durable-file.js'
import { describeError, systemCode } from '../errors.js'
import type { Clock } from '../time.js'
import type { Exhibit } from '../watch/evidence.js'
import type { EarlyTime, IncidentOutcome, IncidentRecord } from '../watch/incident.js'
import {
  type ClosedFile,
  type EvidenceEntry,
  fileNames,
  type OpenedFile,
  type Step,
  safeName,
} from './incident-file.js'

/** Bytes kept of one exhibit. */
export const exhibitLimit = 4 * 1024 * 1024

/** An open incident on disk. What is asked of it is done in order; nothing rejects. */
export class DiskRecord implements IncidentRecord {
  readonly id: string
  readonly #path: string
  readonly #clock: Clock
  readonly #failed: (incident: string, error: string) => void
  #last: Promise<void> = Promise.resolve()
  #exhibits = 0
  #closed = false

  constructor(id: string, path: string, clock: Clock, failed: (incident: string, error: string) => void) {
    this.id = id
    this.#path = path
    this.#clock = clock
    this.#failed = failed
  }

  get directory(): string {
    return this.#path
  }

  /** Puts the whole opening in the place of the one that was written ahead. */
  replaceOpening(opened: OpenedFile): Promise<void> {
    return this.#inOrder(() =>
      writeDurably(join(this.#path, fileNames.opened), `${JSON.stringify(opened, undefined, 2)}\n`),
    )
  }

  step(text: string): Promise<void> {
    const step: Step = { at: this.#clock.wallNow().toISOString(), text }
    return this.#inOrder(() => this.#append(fileNames.steps, [step]))
  }

  attach(exhibits: readonly Exhibit[], early?: EarlyTime): Promise<void> {
    return this.#inOrder(async () => {
      // Not recursive: an incident that was removed meanwhile must not come back in part.
      if (this.#exhibits === 0) await mkdir(join(this.#path, fileNames.exhibits), { mode: 0o700 }).catch(ignoreExisting)
      const entries: EvidenceEntry[] = []
      for (const exhibit of exhibits) {
        const entry = await this.#keep(exhibit)
        entries.push(early === undefined ? entry : { ...entry, early })
      }
      await this.#append(fileNames.evidence, entries)
    })
  }

  close(outcome: IncidentOutcome): Promise<void> {
    const closed: ClosedFile = { outcome, closedAt: this.#clock.wallNow().toISOString() }
    return this.#inOrder(async () => {
      // The first outcome stands.
      if (this.#closed) return
      await writeDurably(join(this.#path, fileNames.closed), `${JSON.stringify(closed, undefined, 2)}\n`)
      this.#closed = true
    })
  }

  #inOrder(work: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(work).catch((error: unknown) => this.#failed(this.id, describeError(error)))
    return this.#last
  }

  async #append(name: string, lines: readonly (Step | EvidenceEntry)[]): Promise<void> {
    const file = await open(join(this.#path, name), 'a', 0o600)
    try {
      const { size } = await file.stat()
      await file.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
      await Promise.all([file.datasync(), size === 0 ? syncDirectory(this.#path) : undefined])
    } finally {
      await file.close()
    }
  }

  /** One that cannot be written is missing with the reason; the others are kept. */
  async #keep(exhibit: Exhibit): Promise<EvidenceEntry> {
    const { name, tookMs } = exhibit
    if (exhibit.kind === 'missing') return { kind: 'missing', name, tookMs, reason: exhibit.reason }
    try {
      const { text, extension, cut } = render(exhibit.content)
      this.#exhibits += 1
      const number = String(this.#exhibits).padStart(2, '0')
      const file = `${fileNames.exhibits}/${number}-${safeName(name, 60)}.${extension}`
      await writeDurably(join(this.#path, file), text)
      return { kind: 'captured', name, tookMs, file, cut }
    } catch (error) {
      this.#failed(this.id, describeError(error))
      return { kind: 'missing', name, tookMs, reason: `it could not be written: ${describeError(error)}` }
    }
  }
}

function ignoreExisting(error: unknown): void {
  if (systemCode(error) !== 'EEXIST') throw error
}

interface Rendered {
  readonly text: Uint8Array
  readonly extension: 'txt' | 'json'
  readonly cut: boolean
}

/** @throws when the content cannot be put into JSON */
function render(content: unknown): Rendered {
  const isText = typeof content === 'string'
  const whole = Buffer.from(isText ? content : `${JSON.stringify(content, undefined, 2) ?? 'null'}\n`)
  const cut = whole.length > exhibitLimit
  // Cut JSON is not JSON any more.
  return { text: whole.subarray(0, exhibitLimit), extension: isText || cut ? 'txt' : 'json', cut }
}
