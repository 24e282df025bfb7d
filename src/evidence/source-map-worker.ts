import { SourceMap, type SourceMapPayload } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { MapQuestion, Original } from './source-map.js'

/**
 * Reads source maps in a thread of its own: a map of some megabytes takes longer to parse than hangdog may stand still. It reads text
 * that it was given and nothing else.
 */
function answer({ text, positions }: MapQuestion): readonly (Original | undefined)[] {
  const payload: SourceMapPayload & { readonly sourceRoot?: unknown } = JSON.parse(readMap(text))
  const root = typeof payload.sourceRoot === 'string' ? payload.sourceRoot : ''
  const map = new SourceMap(payload)
  return positions.map(({ line, column }) => {
    const entry = map.findEntry(line, column)
    // Without an entry on its own line it gives one of a line before.
    if (!('originalSource' in entry) || entry.generatedLine !== line) return undefined
    const { originalSource, originalLine, originalColumn } = entry
    if (typeof originalSource !== 'string') return undefined
    return { source: joinRoot(root, originalSource), line: originalLine, column: originalColumn }
  })
}

/** The text itself, or what a `data:` URL holds. */
function readMap(text: string): string {
  const header = /^data:[^,]{0,200},/.exec(text)?.[0]
  if (header === undefined) return text.startsWith(")]}'") ? text.slice(text.indexOf('\n') + 1) : text
  const body = text.slice(header.length)
  return header.includes(';base64') ? Buffer.from(body, 'base64').toString('utf8') : decodeURIComponent(body)
}

function joinRoot(root: string, source: string): string {
  return root === '' ? source : `${root.replace(/\/$/, '')}/${source}`
}

function tryToAnswer(question: MapQuestion): readonly (Original | undefined)[] | undefined {
  try {
    return answer(question)
  } catch {
    // What was wrong with it is not told: the message of a parser quotes the text, which may be any file.
    return undefined
  }
}

const questions: readonly MapQuestion[] = workerData
parentPort?.postMessage(questions.map(tryToAnswer))
