/** The value below which this share of the values lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
}

/** Median, p99, maximum and n, each with two digits. */
export function summary(values) {
  const digits = (value) => (value === undefined ? '-' : value.toFixed(2))
  return {
    median: digits(quantile(values, 0.5)),
    p99: digits(quantile(values, 0.99)),
    max: digits(values.length > 0 ? Math.max(...values) : undefined),
    n: values.length,
  }
}

export function printTable(title, rows) {
  console.log(`\n${title}`)
  console.table(rows)
}
