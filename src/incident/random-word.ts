/** Shorter words of three kinds of characters are too often names. */
const shortestMixed = 20
/** Shorter words of two kinds are too often numbers with a name. */
const shortestPlain = 32

/**
 * How often neighbours are of different kinds (upper case, lower case, digit): about 0.6 in random base64, 0.4 in random base 36, and
 * below 0.3 in names made of words.
 */
const mixedShare = 0.3
const plainShare = 0.2

/**
 * Whether a word looks made by chance, as keys and tokens are, and not by people. A guess: it is meant for words that nothing else says
 * anything about, and it is better to take one too many.
 */
export function isRandomWord(text: string): boolean {
  // An incident's id has a time, and a little chance at its end.
  const word = text.replace(/^\d{8}T\d{9}Z-(.*)-[0-9a-f]{6}$/, '$1')
  const parts = word.split(/[+/=_-]+/)
  if (parts.some((part) => /^(?=.*[a-f])(?=.*\d)[0-9a-f]{32,}$/i.test(part))) return true
  // Names of C++ and Rust as compilers write them.
  if (/^_{1,2}[ZR]/.test(word)) return false
  const letters = parts.join('')
  const kinds = [/[a-z]/, /[A-Z]/, /\d/].filter((kind) => kind.test(letters)).length
  const share = changes(letters) / Math.max(1, letters.length - 1)
  if (kinds === 3) return letters.length >= shortestMixed && share >= mixedShare
  return kinds === 2 && /\d/.test(letters) && parts.some((part) => part.length >= shortestPlain) && share >= plainShare
}

function changes(letters: string): number {
  let count = 0
  for (let at = 1; at < letters.length; at++) if (kindAt(letters, at) !== kindAt(letters, at - 1)) count++
  return count
}

function kindAt(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code <= 0x39) return 0
  return code <= 0x5a ? 1 : 2
}
