import { toRecord } from '../evidence/protocol-channel.js'

/** The stacks of a Node service, innermost call first: the main thread, then its workers. Undefined when there are none. */
export function describeJavaScript(content: unknown): readonly string[] | undefined {
  const main = toRecord(content)
  const workers = Array.isArray(main.workers) ? main.workers : []
  const own = describeThread(main)
  if (own.length === 0 && workers.length === 0) return undefined
  if (workers.length === 0) return own
  const more = typeof main.moreWorkers === 'number' ? [`and ${main.moreWorkers} more workers`] : []
  return [
    'main thread',
    ...indent(own.length === 0 ? ['it runs no JavaScript: its event loop is idle'] : own),
    ...workers.map(toRecord).flatMap((worker) => [`worker thread ${worker.title}`, ...indent(describeThread(worker))]),
    ...more,
  ]
}

function describeThread({ frames, omitted, builtIn, notCaptured }: Readonly<Record<string, unknown>>): string[] {
  if (typeof notCaptured === 'string') return [`not captured: ${notCaptured}`]
  if (!Array.isArray(frames) || frames.length === 0) return []
  const lines = frames.map((each) => {
    const { function: name, url, line, column } = toRecord(each)
    return `at ${name} (${url}:${line}:${column})`
  })
  const inside = typeof builtIn === 'string' ? [`in ${builtIn}, which is built in`] : []
  const rest = typeof omitted === 'number' && omitted > 0 ? [`and ${omitted} more calls`] : []
  return [...inside, ...lines, ...rest]
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`)
}
