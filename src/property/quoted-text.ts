/** Puts a text in double quotes; a quote in it is written twice. */
export function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`
}

/**
 * Takes a text out of its double quotes. What does not begin with a quote is taken as it is, quotes in its middle too.
 * @returns undefined when the quote is not closed, or when something follows it
 */
export function unquote(text: string): string | undefined {
  if (!text.startsWith('"')) return text
  const end = endOfPart(text, 0)
  return end === text.length ? contentOf(text) : undefined
}

/**
 * Cuts a text at its commas. A part in double quotes may have commas in it; any other may have no quote.
 * @returns undefined when a quote is not closed, or not where a part begins or ends
 */
export function splitAtCommas(text: string): readonly string[] | undefined {
  const parts: string[] = []
  for (let at = 0; at <= text.length; ) {
    const end = endOfPart(text, at)
    if (end === undefined) return undefined
    parts.push(contentOf(text.slice(at, end)))
    at = end + 1
  }
  return parts
}

/** Where the comma after a part is, or the end of the text. */
function endOfPart(text: string, at: number): number | undefined {
  if (text[at] !== '"') {
    const comma = text.indexOf(',', at)
    const end = comma < 0 ? text.length : comma
    const quoteAt = text.indexOf('"', at)
    return quoteAt < 0 || quoteAt > end ? end : undefined
  }
  let close = text.indexOf('"', at + 1)
  while (close >= 0 && text[close + 1] === '"') close = text.indexOf('"', close + 2)
  const end = close + 1
  return close >= 0 && (end === text.length || text[end] === ',') ? end : undefined
}

function contentOf(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part
}
