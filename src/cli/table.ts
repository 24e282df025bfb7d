import { type Colour, escapeText, type Page } from './output.js'

/** A cell of a table; its text may come from anywhere. */
export type Cell = string | { readonly text: string; readonly colour: Colour }

/**
 * Lays out rows in columns under a heading. The last column is cut to what a terminal can show; the others never are.
 * @returns one string a line, without newlines
 */
export function layOutTable(headings: readonly string[], rows: readonly (readonly Cell[])[], output: Page): string[] {
  const lines = [headings.map((text): Cell => ({ text, colour: 'dim' })), ...rows]
  const texts = lines.map((cells) => cells.map((cell) => escapeText(typeof cell === 'string' ? cell : cell.text)))
  const widths = headings.map((_, column) => Math.max(...texts.map((cells) => widthOf(cells[column] ?? ''))))
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + gap, 0)
  const room = Math.max(leastRoom, output.columns - before)
  return lines.map((cells, line) => {
    const padded = cells.map((cell, column) => {
      const text = texts[line]?.[column] ?? ''
      const isLast = column === cells.length - 1
      const shown = isLast ? cut(text, room) : text
      const space = isLast ? '' : ' '.repeat((widths[column] ?? 0) - widthOf(shown) + gap)
      return (typeof cell === 'string' ? shown : output.paint(cell.colour, shown)) + space
    })
    return padded.join('').trimEnd()
  })
}

const gap = 2
/** Columns the last cell is given even where they are too many for the terminal. */
const leastRoom = 10

/** Cuts a text to so many columns; the cut shows. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  const kept: string[] = []
  let width = 1
  for (const character of text) {
    width += widthOf(character)
    if (width > columns) break
    kept.push(character)
  }
  return `${kept.join('')}…`
}

/** Scripts whose characters take two columns of a terminal. */
const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u
const combining = /\p{Mn}|\p{Me}|\p{Cf}/u

/** Columns that a text takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of text) width += combining.test(character) ? 0 : wide.test(character) ? 2 : 1
  return width
}
