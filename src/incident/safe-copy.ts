import type { IncidentFile } from './incident-files.js'
import { type Redacted, type Removal, redactData, redactText } from './redaction.js'

/** A file without its secrets, and what was taken out of it. */
export interface SafeFile {
  readonly path: string
  readonly text: string
  readonly removed: readonly Removal[]
}

/** Data is searched as data: a text in JSON may hide a secret behind its escapes. What is torn is searched as text. */
export function copySafely({ path, text }: Extract<IncidentFile, { kind: 'text' }>): SafeFile {
  if (path.endsWith('.jsonl')) return { path, ...copyLines(text) }
  const copied = path.endsWith('.json') ? copyJson(text) : undefined
  return copied === undefined ? { path, ...asText(redactText(text)) } : { path, ...copied }
}

type Copied = Omit<SafeFile, 'path'>

function asText({ value, removed }: Redacted<string>): Copied {
  return { text: value, removed }
}

function copyJson(text: string): Copied | undefined {
  const data = parse(text)
  if (data === undefined) return undefined
  const { value, removed } = redactData(data.value)
  return removed.length === 0 ? { text, removed } : { text: `${JSON.stringify(value, undefined, 2)}\n`, removed }
}

function copyLines(text: string): Copied {
  const removed: Removal[] = []
  const lines = text.split('\n').map((line, index) => {
    const data = parse(line)
    const { value, removed: found }: Redacted<unknown> = data === undefined ? redactText(line) : redactData(data.value)
    for (const { kind, where } of found)
      removed.push({ kind, where: data === undefined ? `line ${index + 1}` : `line ${index + 1}, ${where}` })
    if (found.length === 0) return line
    return typeof value === 'string' && data === undefined ? value : JSON.stringify(value)
  })
  return { text: lines.join('\n'), removed }
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch {
    return undefined
  }
}
