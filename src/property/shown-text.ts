/** Characters of a text from outside that an error repeats. */
const shownCharacters = 80

/** A text as an error shows it: its beginning, when it is long. */
export function shownText(text: string): string {
  return text.length > shownCharacters ? `${text.slice(0, shownCharacters)}…` : text
}
