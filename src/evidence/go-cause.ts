import type { CauseRule } from './cause.js'
import { toRecord } from './protocol-channel.js'
import { findContent } from './scene.js'

/** A goroutine of a dump, as Go prints it. */
export interface Goroutine {
  readonly id: number
  /** What it waits for in Go's words, such as `chan receive`; `running` or `syscall` when it does not wait. */
  readonly state: string
  readonly frames: readonly GoFrame[]
}

export interface GoFrame {
  readonly function: string
  /** `file.go:12`, or the file alone where the line is not known. */
  readonly at: string
  readonly path: string
}

/** Goroutines named in the sentence. */
const namedLimit = 3

/** Causes of a hung Go service, from its goroutines. A sync.Mutex does not say who holds it, so no deadlock is claimed. */
export const nameGoCause: CauseRule = ({ hang, exhibits }) => {
  const { stacks } = toRecord(findContent(exhibits, 'go-stack'))
  if (!Array.isArray(stacks) || hang.kind === 'blocked-in-kernel' || hang.kind === 'held-too-long') return undefined
  const own = selectOwnCode(parseGoroutines(stacks.map(String)))
  const prefix = hang.kind === 'never-started' ? 'no sign of life since its start; ' : ''
  if (hang.kind === 'busy-loop') {
    const running = own.filter(({ state }) => state === 'running' || state === 'runnable')
    const [busy] = running
    const more = running.length > 1 ? ` and ${running.length - 1} more` : ''
    const load = `process on CPU ${Math.round(hang.cpuPercent)} %`
    return busy === undefined
      ? `unknown: busy, ${load}, and no goroutine of the program was on a CPU`
      : `busy: goroutine ${busy.id} in ${describe(busy)}${more}, ${load}`
  }
  const locked = own.filter(isInLock)
  if (locked.length > 0) return prefix + listAll(locked, (each) => `waits for a lock in ${describe(each)}`)
  const main = own.find(({ id }) => id === 1) ?? own[0]
  if (main === undefined) return `${prefix}unknown: none of its goroutines is in code of the program`
  return `${prefix}goroutine ${main.id} is in ${describe(main)} (${main.state})`
}

function listAll(all: readonly Goroutine[], say: (goroutine: Goroutine) => string): string {
  const named = all.slice(0, namedLimit).map((each) => `goroutine ${each.id} ${say(each)}`)
  const more = all.length - named.length
  return named.join('; ') + (more > 0 ? `; ${more} more wait for locks` : '')
}

function isInLock({ frames }: Goroutine): boolean {
  return frames.some(({ function: name }) => /^sync\.\(\*(RW)?Mutex\)\.R?Lock/.test(name))
}

function describe({ frames }: Goroutine): string {
  const [frame] = frames.filter((each) => !isLibrary(each, frames))
  return frame === undefined ? 'Go itself' : `${frame.function} (${frame.at})`
}

function selectOwnCode(all: readonly Goroutine[]): readonly Goroutine[] {
  return all.filter(({ frames }) => frames.some((frame) => !isLibrary(frame, frames)))
}

/** Go's library lies in one folder; with -trimpath its paths begin with the package, which has no dot as a host's name has. */
function isLibrary({ path, function: name }: GoFrame, frames: readonly GoFrame[]): boolean {
  const root = frames
    .map((frame) => /^(.*\/)runtime\/[^/]+$/.exec(frame.path)?.[1])
    .find((found) => found !== undefined)
  if (root !== undefined && path.startsWith(root)) return true
  if (path.startsWith('/')) return false
  return !name.startsWith('main.') && !/^[^/]*\.[^/]*\//.test(name)
}

/** Reads the goroutines of a dump, made by gdb here or by Go itself. */
export function parseGoroutines(lines: readonly string[]): readonly Goroutine[] {
  const starts = lines.flatMap((line, index) => (/^goroutine \d+ \[/.test(line) ? [index] : []))
  return starts.map((start, index) => parseGoroutine(lines.slice(start, starts[index + 1])))
}

function parseGoroutine(lines: readonly string[]): Goroutine {
  const [, id = '', state = ''] = /^goroutine (\d+) \[([^\],]*)/.exec(lines[0] ?? '') ?? []
  const frames = lines.flatMap((line, index) => {
    const path = /^\s+(\S.*?)(?::(\d+))?(?: \+0x[0-9a-f]+)?$/.exec(line)
    const above = lines[index - 1] ?? ''
    if (path === null || above.startsWith('created by')) return []
    const file = path[1] ?? ''
    const name = above.replace(/\([^()]*\)$/, '')
    const at = `${file.split('/').at(-1)}${path[2] === undefined ? '' : `:${path[2]}`}`
    return [{ function: name, at, path: file }]
  })
  return { id: Number(id), state, frames }
}
