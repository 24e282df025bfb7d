import type { Output } from './output.js'
import { cut } from './table.js'

const hideCursor = '\x1b[?25l'
const showCursor = '\x1b[?25h'
const clearBelow = '\x1b[0J'
/** A line that is too long is cut by the terminal, not continued below. */
const wrapOff = '\x1b[?7l'
const wrapOn = '\x1b[?7h'

/** Draws lines on a terminal, each time over the last ones. */
export class Screen {
  readonly #output: Output
  #height = 0

  constructor(output: Output) {
    this.#output = output
  }

  async draw(lines: readonly string[]): Promise<void> {
    // What scrolled out of sight could not be drawn over.
    const room = Math.max(2, this.#output.rows - 1)
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), cut(`(${lines.length - room + 1} more)`, 20)]
    const up = this.#height === 0 ? '' : `\x1b[${this.#height}A`
    this.#height = shown.length
    await this.#output.write(`${hideCursor}${wrapOff}\r${up}${clearBelow}${shown.map((line) => `${line}\n`).join('')}`)
  }

  /** Leaves what was drawn, and the terminal as it was. */
  async close(): Promise<void> {
    await this.#output.write(`${wrapOn}${showCursor}`)
  }
}
