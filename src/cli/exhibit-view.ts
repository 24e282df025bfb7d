import { toRecord } from '../evidence/protocol-channel.js'
import { describeCore } from './core-view.js'
import { describeJavaScript } from './javascript-view.js'
import { describeStrain } from './strain-view.js'

/** The content of an exhibit as lines for people. Whatever it holds, this returns lines and does not throw. */
export function describeContent(
  name: string,
  content: unknown,
  whole: boolean,
): { readonly lines: readonly string[]; readonly hidden: number } {
  const all = (describeKnown(name, content, whole) ?? describeAny(content)).map(summariseBinary)
  const limit = whole ? all.length : withStacks.has(name) ? mostStackLines : mostLines
  // Of output the end counts, of all else the beginning.
  const lines = name === 'output' ? all.slice(Math.max(0, all.length - limit)) : all.slice(0, limit)
  return { lines, hidden: all.length - lines.length }
}

/** Exhibits that are stacks: long, and worth it. */
const withStacks: ReadonlySet<string> = new Set([
  'javascript-stack',
  'native-stack',
  'java-stack',
  'python-stack',
  'go-stack',
  'last-words',
])

/** Nobody reads a screen full of escapes: a line that is mostly no text is told by its length and its beginning. */
function summariseBinary(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  const strange = (line.match(/[\u0000-\u0008\u000e-\u001a\u001c-\u001f\u0080-\u009f\ufffd]/g) ?? []).length
  if (line.length < shortestBinary || strange < line.length * binaryShare) return line
  return `(binary data, ${line.length} characters, begins with ${JSON.stringify(line.slice(0, 8))})`
}

const shortestBinary = 16
const binaryShare = 0.2

const mostLines = 25
const mostStackLines = 60
const mostThreads = 16

function describeKnown(name: string, content: unknown, whole: boolean): readonly string[] | undefined {
  if (name === 'javascript-stack') return describeJavaScript(content)
  if (name === 'strain' && !whole) return describeStrain(content)
  if (name === 'core' && !whole) return describeCore(content)
  if (name === 'output' || name === 'last-words') return describeTexts(content)
  if (withStacks.has(name)) return describeTexts(toRecord(content).stacks)
  return name === 'process' && !whole ? describeProcess(content) : undefined
}

function describeTexts(content: unknown): readonly string[] | undefined {
  if (typeof content === 'string') return content.split('\n')
  return Array.isArray(content) ? content.map(String) : undefined
}

function describeProcess(content: unknown): readonly string[] | undefined {
  const { status, threads } = toRecord(content)
  const list = toRecord(threads).threads
  if (!Array.isArray(list)) return undefined
  const { State, VmRSS } = toRecord(status)
  const lines = [`state ${State ?? '?'}, memory ${VmRSS ?? '?'}, ${toRecord(threads).count ?? list.length} threads`]
  const groups = [...groupThreads(list)]
  for (const [look, [first, ...others]] of groups.slice(0, mostThreads)) {
    lines.push(`${first}${others.length === 0 ? '' : ` and ${others.length} more`} ${look}`)
  }
  if (groups.length > mostThreads) lines.push(`and ${groups.length - mostThreads} more kinds of threads`)
  const { kernelStack } = toRecord(list[0])
  // That of a thread which runs is empty.
  if (Array.isArray(kernelStack) && kernelStack.some((line) => line !== ''))
    lines.push('kernel stack of the main thread:', ...kernelStack.map((line) => `  ${line}`))
  return lines
}

/** Threads that do the same, by what they do; a program has many that only wait for work. */
function groupThreads(threads: readonly unknown[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (const each of threads) {
    const { tid, name, state, syscall, waitChannel } = toRecord(each)
    const wait = waitChannel === '' ? '' : `, waits in kernel function ${waitChannel}`
    const look = `${name} (${state}): ${syscall}${wait}`
    groups.set(look, [...(groups.get(look) ?? []), String(tid)])
  }
  return groups
}

/** Any data as indented names and values. */
function describeAny(content: unknown, indent = ''): readonly string[] {
  if (typeof content === 'string') return content.split('\n').map((line) => indent + line)
  if (typeof content !== 'object' || content === null) return [`${indent}${String(content)}`]
  return Object.entries(content).flatMap(([name, value]): readonly string[] => {
    const label = Array.isArray(content) ? '-' : `${name}:`
    const flat = describeFlat(value)
    return flat === undefined ? [indent + label, ...describeAny(value, `${indent}  `)] : [`${indent}${label} ${flat}`]
  })
}

/** What fits on one line; undefined for the rest. */
function describeFlat(value: unknown): string | undefined {
  if (typeof value === 'string') return value.includes('\n') ? undefined : value
  if (typeof value !== 'object' || value === null) return String(value)
  const parts = Object.entries(value)
  if (parts.some(([, part]) => typeof part === 'object' && part !== null)) return undefined
  const text = parts.map(([name, part]) => (Array.isArray(value) ? String(part) : `${name} ${part}`)).join(', ')
  return text.length <= flatLength ? text : undefined
}

const flatLength = 110
