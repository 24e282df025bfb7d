import type { Milliseconds } from '../time.js'

/** A bin is no wider than an eighth of its lower edge: what is read from the counts is never too little and at most 12.5 % too much. */
const binsPerOctave = 8

/**
 * The first bin begins at 1/1024 s. So all limits of 2^n · k/8 seconds are edges of bins, 6, 30 and 60 s among them, and how often one of
 * these would have fired is known exactly. The last bin is open; it begins at 1024 s, about 17 min.
 */
const octaves = 20
const openBin = octaves * binsPerOctave

/** Bins are computed in units in which those of the first octave have a width of 1. Both ways are exact at the edges. */
const unitsPerMs = (1024 / 1000) * binsPerOctave
const openFrom = binsPerOctave * 2 ** octaves
const zerosOfFirstOctave = Math.clz32(binsPerOctave)

/** So many gaps of at least this and less than the next edge. The first element is 0 for those that are shorter than all bins. */
export type GapBin = readonly [fromMs: number, count: number]

/** What was recorded. Field names are stable. */
export interface GapCounts {
  readonly total: number
  /** Exact, as is the maximum: 0 when there was none. */
  readonly sumMs: number
  readonly maxMs: number
  /** Those that are not empty, in order. */
  readonly bins: readonly GapBin[]
}

/** What the cells hold: three figures, then the bins. */
const sumCell = 0
const maxCell = 1
const belowCell = 2
const binCells = 3

/**
 * Copied for each histogram: V8 then knows that it has fractions and no holes, and a record takes 4 ns. In one that is made from a
 * length alone, or that grows, it takes 12.
 */
const blank = [0.5]
while (blank.length < binCells + openBin + 1) blank.push(0)
blank[0] = 0

/**
 * How far the beats of a channel were apart: a histogram that costs a beat some nanoseconds and a channel little more than a hundred
 * bytes, because it keeps no more than the bins from the shortest gap to the longest. It counts up to 2^53 in each.
 */
export class BeatGaps {
  /** Sum, maximum, gaps below all bins, bins. There may be ten thousand of these, and one array takes the least room. */
  #cells = blank.slice(0, binCells)
  /** The bin in the first cell for bins. */
  #first = 0

  record(gap: Milliseconds): void {
    const cells = this.#cells
    cells[sumCell] = (cells[sumCell] ?? 0) + gap
    if (gap > (cells[maxCell] ?? 0)) cells[maxCell] = gap
    this.#count(gap, 1)
  }

  counts(): GapCounts {
    const [sumMs = 0, maxMs = 0, below = 0, ...counts] = this.#cells
    const bins: GapBin[] = below > 0 ? [[0, below]] : []
    counts.forEach((count, at) => {
      if (count > 0) bins.push([edgeOf(this.#first + at), count])
    })
    const total = bins.reduce((sum, [, count]) => sum + count, 0)
    return { total, sumMs, maxMs, bins }
  }

  /** Adds what was recorded before. */
  add({ sumMs, maxMs, bins }: GapCounts): void {
    const cells = this.#cells
    cells[sumCell] = (cells[sumCell] ?? 0) + sumMs
    cells[maxCell] = Math.max(cells[maxCell] ?? 0, maxMs)
    for (const [fromMs, count] of bins) this.#count(fromMs, count)
  }

  #count(gap: number, count: number): void {
    const cell = this.#cellOf(gap * unitsPerMs)
    this.#cells[cell] = (this.#cells[cell] ?? 0) + count
  }

  #cellOf(units: number): number {
    if (units < binsPerOctave) return belowCell
    const bin = binOf(units)
    const cell = binCells + bin - this.#first
    return cell >= binCells && cell < this.#cells.length ? cell : this.#widenedFor(bin)
  }

  /** Makes room for a bin, and for no more: an array that grows by itself takes some in advance. */
  #widenedFor(bin: number): number {
    const old = this.#cells
    const oldEnd = this.#first + old.length - binCells
    const first = old.length === binCells ? bin : Math.min(this.#first, bin)
    const end = old.length === binCells ? bin + 1 : Math.max(oldEnd, bin + 1)
    const shift = this.#first - first
    const cells = blank.slice(0, binCells + end - first)
    old.forEach((value, cell) => {
      cells[cell < binCells ? cell : cell + shift] = value
    })
    this.#cells = cells
    this.#first = first
    return binCells + bin - first
  }
}

/** What was counted in numbered bins elsewhere: number 0 is the first, -1 has what is shorter. */
export function gapCounts(
  sumMs: number,
  maxMs: number,
  numbered: readonly (readonly [bin: number, count: number])[],
): GapCounts {
  const bins = numbered.map(([bin, count]): GapBin => [bin < 0 ? 0 : edgeOf(bin), count]).sort(([a], [b]) => a - b)
  return { total: bins.reduce((sum, [, count]) => sum + count, 0), sumMs, maxMs, bins }
}

/** The upper edge of the bin that begins there; none for the open one. */
export function upperEdge(fromMs: number): number {
  const units = fromMs * unitsPerMs
  const bin = units < binsPerOctave ? -1 : binOf(units)
  return bin === openBin ? Number.POSITIVE_INFINITY : edgeOf(bin + 1)
}

/** @param units at least those of the first bin */
function binOf(units: number): number {
  if (units >= openFrom) return openBin
  const octave = zerosOfFirstOctave - Math.clz32(units)
  return octave * binsPerOctave + (units >>> octave) - binsPerOctave
}

/** The lower edge of a bin, in ms. */
function edgeOf(bin: number): number {
  const octave = Math.floor(bin / binsPerOctave)
  return ((binsPerOctave + (bin % binsPerOctave)) * 2 ** octave) / unitsPerMs
}
