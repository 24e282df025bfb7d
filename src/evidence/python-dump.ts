/** A thread of a Python program, from a dump of its stacks. */
export interface PythonThread {
  /** The kernel's number of it, where it is known. */
  readonly tid?: number
  /** Address of its pthread, which faulthandler calls it by; absent in what gdb prints. */
  readonly pthread?: number
  /** Innermost first. */
  readonly frames: readonly PythonFrame[]
}

export interface PythonFrame {
  readonly function: string
  readonly file: string
  readonly line: number
}

/**
 * Reads what Python's faulthandler writes, and what py-bt of gdb's Python support prints, of all threads. Lines it does not know are
 * passed over.
 */
export function parsePythonDump(lines: readonly string[]): readonly PythonThread[] {
  const starts = lines.flatMap((line, index) => (parseHeader(line) === undefined ? [] : [index]))
  return starts.map((start, index) => ({
    ...parseHeader(lines[start] ?? ''),
    frames: lines.slice(start + 1, starts[index + 1]).flatMap(parseFrame),
  }))
}

function parseHeader(line: string): Pick<PythonThread, 'tid' | 'pthread'> | undefined {
  const own = /^(?:Current thread|Thread) (0x[0-9a-f]+) .*\(most recent call first\):$/.exec(line)?.[1]
  if (own !== undefined) return { pthread: Number(own) }
  const tid = /^Thread \d+ \((?:Thread 0x[0-9a-f]+ \()?LWP (\d+)\)/.exec(line)?.[1]
  return tid === undefined ? undefined : { tid: Number(tid) }
}

function parseFrame(line: string): readonly PythonFrame[] {
  const match = /^ {2}File "(.*)", line (\d+|\?\?\?),? in (.+)$/.exec(line)
  return match === null ? [] : [{ file: match[1] ?? '', line: Number(match[2]) || 0, function: match[3] ?? '' }]
}
