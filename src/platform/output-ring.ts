/** What is remembered of a service's output, in lines. */
export const rememberedLines = 200

/** Longest part of a line that is remembered, in bytes; the rest is dropped. Bounds the memory of one service to 800 KiB. */
const longestLine = 4096

const newline = 0x0a

/**
 * Remembers the last lines of one or more byte streams that are written side by side. Takes any bytes; what is not UTF-8 shows as
 * replacement characters.
 */
export class OutputRing {
  readonly #lines: Buffer[] = []
  readonly #partials = new Map<number, Buffer>()

  /** @param stream keeps the unfinished lines of several streams apart */
  append(chunk: Buffer, stream: number): void {
    let start = 0
    const skipTo = startOfLastLines(chunk)
    if (skipTo > 0) {
      this.#lines.length = 0
      this.#partials.delete(stream)
      start = skipTo
    }
    for (let end = chunk.indexOf(newline, start); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#push(this.#join(stream, chunk.subarray(start, end)))
      this.#partials.delete(stream)
      start = end + 1
    }
    if (start < chunk.length) this.#partials.set(stream, this.#join(stream, chunk.subarray(start)))
  }

  /** The newest lines, newest last; a line not yet finished counts, it may be the last words of the service. */
  last(count: number): readonly string[] {
    if (count <= 0) return []
    const unfinished = [...this.#partials.values()]
    return [...this.#lines, ...unfinished].slice(-count).map((line) => line.toString('utf8'))
  }

  #push(line: Buffer): void {
    this.#lines.push(line)
    if (this.#lines.length > rememberedLines) this.#lines.shift()
  }

  /** Puts a piece behind what is there of its line; a copy, so that the chunk it came in can be freed. */
  #join(stream: number, piece: Buffer): Buffer {
    const partial = this.#partials.get(stream)
    if (partial === undefined) return Buffer.from(piece.subarray(0, longestLine))
    if (partial.length >= longestLine) return partial
    return Buffer.concat([partial, piece.subarray(0, longestLine - partial.length)])
  }
}

/** Where the last lines of a chunk begin, so that a flood costs no more than what is kept of it; 0 when all of it is needed. */
function startOfLastLines(chunk: Buffer): number {
  let position = chunk.length
  for (let lines = 0; lines <= rememberedLines; lines++) {
    if (position === 0) return 0
    position = chunk.lastIndexOf(newline, position - 1)
    if (position < 0) return 0
  }
  return position + 1
}
