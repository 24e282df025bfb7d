/** A key that stands twice in one object. */
export interface RepeatedKey {
  readonly key: string
  /** The key under which the object stands; undefined for the outermost one. */
  readonly within: string | undefined
}

/**
 * Finds the first key that is repeated. JSON.parse takes the last one, and says nothing.
 * @param json what JSON.parse takes; one pass is made over it
 */
export function findRepeatedKey(json: string): RepeatedKey | undefined {
  const open: OpenObject[] = []
  let text = ''
  for (let at = 0; at < json.length; at++) {
    const object = open.at(-1)
    switch (json[at]) {
      case '"': {
        const end = endOfText(json, at)
        text = json.slice(at, end + 1)
        at = end
        break
      }
      case '{':
        open.push({ within: object?.latest, keys: new Set() })
        break
      case '}':
        open.pop()
        break
      case ':': {
        // Outside of a text, it comes after a key and nowhere else.
        const key = String(JSON.parse(text))
        if (object?.keys.has(key)) return { key, within: object.within }
        object?.keys.add(key)
        if (object !== undefined) object.latest = key
        break
      }
      default:
    }
  }
  return undefined
}

interface OpenObject {
  readonly within: string | undefined
  readonly keys: Set<string>
  /** The key whose value is being read. */
  latest?: string
}

/** @param from the index of the opening quote @returns that of the closing one */
function endOfText(json: string, from: number): number {
  let end = json.indexOf('"', from + 1)
  while (end >= 0 && isEscaped(json, end)) end = json.indexOf('"', end + 1)
  return end < 0 ? json.length : end
}

function isEscaped(json: string, quote: number): boolean {
  let before = quote
  while (json[before - 1] === '\\') before--
  return (quote - before) % 2 === 1
}
