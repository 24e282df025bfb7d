import { readEvents } from '../event/history-reader.js'

/** The start that came after a hang. Field names are stable. */
export interface NextStart {
  readonly at: string
  /** Message of the event that told it. */
  readonly message: string
}

const starts = new Set(['service-started', 'service-restarted', 'service-adopted'])

/**
 * What the history says of the first start of a service after a hang; null when there was none, or the history is not there any more.
 * @throws HangdogError when the history cannot be read at all
 */
export async function readNextStart(events: string, service: string, hungAt: string): Promise<NextStart | null> {
  const since = new Date(hungAt)
  if (Number.isNaN(since.getTime())) return null
  let found: NextStart | null = null
  for await (const { name, time, message } of readEvents(events, { service, since })) {
    if (!starts.has(name)) continue
    // It says more than the event of the start itself, and follows it at once.
    if (name === 'service-restarted') return { at: time, message }
    if (found !== null) break
    found = { at: time, message }
  }
  return found
}
