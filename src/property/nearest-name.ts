/** The names that somebody may have meant: those that begin with what was given, or else the nearest one. Empty when none is near. */
export function suggestNames(given: string, known: readonly string[]): readonly string[] {
  const start = given.toLowerCase()
  const longer = known.filter((name) => name.toLowerCase().startsWith(start))
  if (given.length >= shortestStart && longer.length > 0) return longer
  const nearest = nearestName(given, known)
  return nearest === undefined ? [] : [nearest]
}

/** Letters; so many names begin with fewer that they would be no help. */
const shortestStart = 3

/** The known name that somebody may have meant, if one is near enough: a few letters wrong, missing, added or swapped; case is nothing. */
function nearestName(given: string, known: readonly string[]): string | undefined {
  // A longer text is no misspelt name, and comparing it would take time.
  if (given.length > 2 * longestName) return undefined
  const wanted = given.toLowerCase()
  const ranked = known
    .map((name) => ({ name, distance: distanceBetween(wanted, name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const nearest = ranked[0]
  return nearest !== undefined && nearest.distance <= Math.max(2, wanted.length / 4) ? nearest.name : undefined
}

const longestName = 64

/** Letters to change, add, remove or swap with the next (optimal string alignment). */
function distanceBetween(a: string, b: string): number {
  let beforeLast: readonly number[] = []
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current: number[] = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current.push(
        Math.min(
          at(last, column) + 1,
          at(current, column - 1) + 1,
          at(last, column - 1) + (same ? 0 : 1),
          swapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    beforeLast = last
    last = current
  }
  return at(last, b.length)
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY
}
