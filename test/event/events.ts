import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Emitted, type RecordedEvent, toRecord } from '../../src/event/event.js'
import { type EventFilter, readEvents } from '../../src/event/history-reader.js'

export function information(text: string, at = new Date(), service = 'web'): RecordedEvent {
  return toRecord({ name: 'service-status', service, parameters: { text } }, at)
}

export function critical(text: string, at = new Date(), service = 'web'): RecordedEvent {
  return toRecord({ name: 'bugcheck-failed', service, parameters: { method: 'test', error: text } }, at)
}

/** The text that `information` or `critical` was given. */
export function textOf(event: RecordedEvent): string {
  return String(event.parameters.text ?? event.parameters.error)
}

export async function readTexts(directory: string, filter: EventFilter = {}): Promise<string[]> {
  const texts: string[] = []
  for await (const event of readEvents(directory, filter)) texts.push(textOf(event))
  return texts
}

/** Gathers what is emitted, by name. */
export function collectEmitted(): { emit: (event: Emitted) => void; of: (name: Emitted['name']) => Emitted[] } {
  const emitted: Emitted[] = []
  return { emit: (event) => emitted.push(event), of: (name) => emitted.filter((event) => event.name === name) }
}

/** A directory of its own for a test, removed after it. */
export function temporaryDirectory(t: { teardown(fn: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'hangdog-event-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

export function subdirectory(parent: string): string {
  const path = join(parent, randomBytes(4).toString('hex'))
  mkdirSync(path)
  return path
}

/** Looks until it is so, for as long as a busy machine may take. */
export async function eventually(check: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
