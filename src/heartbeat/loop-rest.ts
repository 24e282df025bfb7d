/** Turns of the event loop that are looked at together. */
const window = 64
/** From this many turns per millisecond on, resting is tried. */
const fastTurns = 0.5
/** Each rest must bring together at least this many reads, or it is for nothing. */
const worthwhileReads = 2
/** The longest rest in milliseconds: so much later at most comes whatever else the event loop has to do. */
const longestRest = 2

const cell = new Int32Array(new SharedArrayBuffer(4))

/**
 * Lets the event loop rest for a moment when it turns for almost every single beat: with ten thousand services most of a beat's cost is
 * the turn around it. After a rest many beats are read in one turn. Rests are short, and never go past the next end of a countdown.
 */
export class LoopRest {
  readonly #now: () => number
  readonly #untilDue: () => number
  readonly #rest: (ms: number) => void
  #resting = false
  #scheduled = false
  #turns = 0
  #reads = 0
  #windowBegan = 0

  /** @param untilDue milliseconds until the next moment that must not be missed */
  constructor(now: () => number, untilDue: () => number, rest: (ms: number) => void = sleep) {
    this.#now = now
    this.#untilDue = untilDue
    this.#rest = rest
  }

  /** Called for each read. */
  readDone(): void {
    this.#reads++
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#turned)
  }

  readonly #turned = (): void => {
    this.#scheduled = false
    if (++this.#turns >= window) this.#judge()
    if (!this.#resting) return
    const rest = Math.min(longestRest, this.#untilDue())
    if (rest > 0) this.#rest(rest)
  }

  #judge(): void {
    const now = this.#now()
    const span = now - this.#windowBegan
    this.#resting = this.#resting ? this.#reads >= window * worthwhileReads : window >= span * fastTurns
    this.#windowBegan = now
    this.#turns = 0
    this.#reads = 0
  }
}

function sleep(ms: number): void {
  Atomics.wait(cell, 0, 0, ms)
}
