const newline = 0x0a
const mostParts = 64

/** Cuts a stream of bytes into lines. What is remembered of a line that has not ended is bounded. */
export class LineSplitter {
  readonly #limit: number
  readonly #onLine: (line: string) => void
  readonly #onTooLong: () => void
  #parts: Buffer[] = []
  #length = 0
  #skipping = false

  /**
   * @param limit bytes of a line without its newline
   * @param onLine called with each line that is not empty; its newline is cut off
   * @param onTooLong called once a line that is longer, as soon as that is known; the line is dropped
   */
  constructor(limit: number, onLine: (line: string) => void, onTooLong: () => void) {
    this.#limit = limit
    this.#onLine = onLine
    this.#onTooLong = onTooLong
  }

  push(chunk: Buffer): void {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      this.#add(chunk.subarray(start, end))
      this.#end()
      start = end + 1
    }
    this.#add(chunk.subarray(start))
  }

  #add(part: Buffer): void {
    if (this.#skipping || part.length === 0) return
    this.#length += part.length
    if (this.#length > this.#limit) {
      this.#skipping = true
      this.#parts = []
      this.#onTooLong()
    } else {
      this.#parts.push(part)
      // A line that comes byte by byte must not cost a buffer for each byte.
      if (this.#parts.length > mostParts) this.#parts = [Buffer.concat(this.#parts)]
    }
  }

  #end(): void {
    const line = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#parts = []
    this.#length = 0
    if (!this.#skipping && line !== undefined && line.length > 0) this.#onLine(line.toString('utf8'))
    this.#skipping = false
  }
}
