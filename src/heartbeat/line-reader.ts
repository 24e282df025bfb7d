import { beatBytes, countBeatLines, longestLine } from './protocol.js'

/** What the lines of one connection are told to. */
export interface LineListener {
  /** So many beat lines in a row. */
  beatsRead(count: number): void
  /** Any other line, without its newline. @returns false to read no further now */
  lineRead(line: string): boolean
}

const newline = 0x0a

/** Cuts the bytes of one connection into lines. Chunks may end anywhere; what is cut off is kept until its rest comes. */
export class LineReader {
  readonly #listener: LineListener
  #rest: Buffer | undefined

  constructor(listener: LineListener) {
    this.#listener = listener
  }

  /** @returns how many bytes were taken: all, or fewer when the listener stopped; -1 for a line that is too long */
  read(chunk: Buffer): number {
    let at = 0
    while (at < chunk.length) {
      if (this.#rest === undefined) {
        const beats = countBeatLines(chunk, at)
        if (beats > 0) {
          this.#listener.beatsRead(beats)
          at += beatBytes(beats)
          continue
        }
      }
      const end = chunk.indexOf(newline, at)
      const length = (this.#rest?.length ?? 0) + (end < 0 ? chunk.length : end) - at
      if (length > longestLine) return -1
      if (end < 0) {
        this.#keep(chunk.subarray(at))
        return chunk.length
      }
      const line = this.#join(chunk, at, end)
      at = end + 1
      if (!this.#listener.lineRead(line)) return at
    }
    return at
  }

  /** Copies, so that a few bytes do not hold on to the memory of a whole read. */
  #keep(part: Buffer): void {
    this.#rest = this.#rest === undefined ? Buffer.from(part) : Buffer.concat([this.#rest, part])
  }

  #join(chunk: Buffer, at: number, end: number): string {
    const rest = this.#rest
    if (rest === undefined) return chunk.toString('utf8', at, end)
    this.#rest = undefined
    return Buffer.concat([rest, chunk.subarray(at, end)]).toString('utf8')
  }
}
