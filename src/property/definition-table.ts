import { definitions } from './definitions.js'
import { formatValue } from './value-text.js'

/** The headings of the rows below. */
export const definitionHeadings = ['Name', 'Of', 'Type', 'Min', 'Max', 'Default', 'Unit', 'Source', 'Meaning'] as const

/** All properties as rows of a table, from which help and documentation are made. */
export function definitionRows(): readonly (readonly string[])[] {
  return definitions.map(({ name, scope, format, minimum, maximum, default: value, unit, source, meaning, access }) => [
    name,
    scope === 'both' ? 'both' : scope === 'common' ? 'cluster' : 'service',
    access === 'read-only' ? `${format}, read-only` : format,
    minimum === undefined ? '' : String(minimum),
    maximum === undefined ? '' : String(maximum),
    formatValue(value),
    unit,
    source === 'hangdog' ? source : 'MSCS',
    meaning,
  ])
}

/** The same as lines of text. */
export function describeDefinitions(): readonly string[] {
  const rows = [definitionHeadings.map((heading) => heading.toUpperCase()), ...definitionRows()]
  const widths = definitionHeadings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
}
