import { widthOf } from './table.js'

/** Breaks a line at spaces so that it fits; what has no space is broken anywhere. Lines after the first are indented. */
export function wrap(line: string, columns: number, indent = ''): readonly string[] {
  const room = Math.max(leastRoom, columns)
  if (line.length < room / 2 || widthOf(line) <= room) return [line]
  const lines: string[] = []
  let present = ''
  for (const word of line.split(/(?<= )(?=\S)/)) {
    if (widthOf(present) + widthOf(word.trimEnd()) <= room) present += word
    else {
      if (present.trim() !== '') lines.push(present.trimEnd())
      present = (present.trim() === '' ? present : indent) + word
      while (widthOf(present.trimEnd()) > room) {
        const head = headOf(present, room)
        lines.push(head)
        present = indent + present.slice(head.length)
      }
    }
  }
  return [...lines, present.trimEnd()]
}

/** A narrower terminal gets lines that it breaks by itself. */
const leastRoom = 20

function headOf(text: string, columns: number): string {
  let head = ''
  let width = 0
  for (const character of text) {
    width += widthOf(character)
    if (width > columns && head !== '') break
    head += character
  }
  return head
}
