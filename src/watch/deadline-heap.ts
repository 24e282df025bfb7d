import type { Instant } from '../time.js'

/** Something that is to be looked at when its time comes. `heapIndex` belongs to the heap. */
export interface HeapEntry {
  dueAt: Instant
  heapIndex: number
}

/** The value of `heapIndex` while an entry is in no heap. */
export const outside = -1

/** A binary heap of entries by `dueAt` in which any entry can be moved or taken out in O(log n). */
export class DeadlineHeap<Entry extends HeapEntry> {
  readonly #entries: Entry[] = []

  get size(): number {
    return this.#entries.length
  }

  first(): Entry | undefined {
    return this.#entries[0]
  }

  /** Puts an entry in, or back in its place after `dueAt` has changed. */
  place(entry: Entry): void {
    if (entry.heapIndex === outside) {
      entry.heapIndex = this.#entries.length
      this.#entries.push(entry)
    }
    this.#rise(entry)
    this.#sink(entry)
  }

  remove(entry: Entry): void {
    const index = entry.heapIndex
    if (index === outside) return
    entry.heapIndex = outside
    const last = this.#entries.pop()
    if (last === undefined || last === entry) return
    this.#put(last, index)
    this.#rise(last)
    this.#sink(last)
  }

  /** Takes out all entries due by `until`, in order. */
  takeDue(until: Instant): Entry[] {
    const due: Entry[] = []
    for (let first = this.#entries[0]; first !== undefined && first.dueAt <= until; first = this.#entries[0]) {
      this.remove(first)
      due.push(first)
    }
    return due
  }

  #put(entry: Entry, index: number): void {
    this.#entries[index] = entry
    entry.heapIndex = index
  }

  #rise(entry: Entry): void {
    while (entry.heapIndex > 0) {
      const parent = this.#entries[(entry.heapIndex - 1) >> 1]
      if (parent === undefined || parent.dueAt <= entry.dueAt) return
      this.#swap(parent, entry)
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#entries[2 * entry.heapIndex + 1]
      const right = this.#entries[2 * entry.heapIndex + 2]
      const child = right !== undefined && left !== undefined && right.dueAt < left.dueAt ? right : left
      if (child === undefined || child.dueAt >= entry.dueAt) return
      this.#swap(entry, child)
    }
  }

  #swap(upper: Entry, lower: Entry): void {
    const index = lower.heapIndex
    this.#put(lower, upper.heapIndex)
    this.#put(upper, index)
  }
}
