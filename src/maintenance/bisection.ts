/**
 * The smallest whole number from `low` to `high` for which `holds`, when it holds for all above it as well; `high + 1` when it
 * holds for none. Takes as many looks as the range has binary digits.
 */
export function smallestWhere(low: number, high: number, holds: (value: number) => boolean): number {
  let from = low
  let to = high + 1
  while (from < to) {
    const middle = from + Math.floor((to - from) / 2)
    if (holds(middle)) to = middle
    else from = middle + 1
  }
  return from
}
