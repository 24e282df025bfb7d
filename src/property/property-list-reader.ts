import { HangdogError } from '../errors.js'
import { endmark, foldName, longestList, nameSyntax, type PropertyEntry, valueSyntax } from './property-list.js'
import { shownText } from './shown-text.js'
import type { PropertyValue } from './value.js'

/**
 * Reads a binary property list (CLUSPROP_LIST), which may come from anywhere. Time and memory grow with the number of bytes and with
 * nothing else: nothing is set aside for a count or a length whose bytes are not there. At most `longestList` bytes are read; the
 * worst list of that length, one of nothing but empty BINARY values, takes about 30 bytes of memory for each of its own.
 *
 * What the format leaves open: bytes after the list are refused, because they are what a count that is too small leaves over. Padding may
 * hold anything; only writers must zero it. A text may hold a lone surrogate; it is kept, and written back as it was. A text ends
 * with its only NUL. An empty MULTI_SZ may be one NUL or two. An empty name, a second property of a name (in any
 * case), and a property without a value are refused. Binary values are copies.
 * @throws HangdogError `data` telling at which offset what was expected, and what was found
 */
export function decodePropertyList(bytes: Uint8Array): readonly PropertyEntry[] {
  if (bytes.length > longestList) throw refused(0, `at most ${longestList} bytes in all`, `${bytes.length}`)
  return new ListReader(bytes).readList()
}

/** The bytes of one list, and how far they are read. */
class ListReader {
  readonly #bytes: Buffer
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  readList(): readonly PropertyEntry[] {
    const count = this.#readWord('the count of properties')
    const entries: PropertyEntry[] = []
    const names = new Set<string>()
    while (entries.length < count) {
      if (this.#left() === 0) throw refused(this.#at, `property ${entries.length + 1} of ${count}`, 'the end')
      entries.push({ name: this.#readName(names), values: this.#readValues() })
    }
    if (this.#left() > 0) throw refused(this.#at, `the end after property ${count}`, `${this.#left()} more bytes`)
    return entries
  }

  #readName(names: Set<string>): string {
    const syntax = this.#readWord('the syntax of a name')
    if (syntax !== nameSyntax) throw refused(this.#at - 4, `the syntax of a name, ${hex(nameSyntax)}`, hex(syntax))
    const length = this.#readLength()
    const name = this.#textOf(length)
    if (name === '') throw refused(this.#at, 'a name', 'an empty text')
    const folded = foldName(name)
    if (names.has(folded)) throw refused(this.#at, 'a name that no property before it has', `"${shownText(name)}"`)
    names.add(folded)
    this.#skip(length)
    return name
  }

  #readValues(): readonly PropertyValue[] {
    const values: PropertyValue[] = []
    for (;;) {
      const syntax = this.#readWord('the syntax of a value or an endmark')
      if (syntax === endmark) break
      const length = this.#readLength()
      values.push(this.#valueOf(syntax, length))
      this.#skip(length)
    }
    if (values.length === 0) throw refused(this.#at - 4, 'at least one value before the endmark', 'none')
    return values
  }

  #valueOf(syntax: number, length: number): PropertyValue {
    switch (syntax) {
      case valueSyntax.DWORD:
        this.#checkLength(length, 4)
        return { format: 'DWORD', value: this.#view.getUint32(this.#at, true) }
      case valueSyntax.SZ:
        return { format: 'SZ', value: this.#textOf(length) }
      case valueSyntax.EXPAND_SZ:
        return { format: 'EXPAND_SZ', value: this.#textOf(length) }
      case valueSyntax.EXPANDED_SZ:
        return { format: 'EXPANDED_SZ', value: this.#textOf(length) }
      case valueSyntax.MULTI_SZ:
        return { format: 'MULTI_SZ', value: this.#textsOf(length) }
      case valueSyntax.BINARY:
        return { format: 'BINARY', value: this.#copyOf(length) }
      case valueSyntax.SECURITY_DESCRIPTOR:
        return { format: 'SECURITY_DESCRIPTOR', value: this.#copyOf(length) }
      case valueSyntax.LONG:
        this.#checkLength(length, 4)
        return { format: 'LONG', value: this.#view.getInt32(this.#at, true) }
      case valueSyntax.WORD:
        this.#checkLength(length, 2)
        return { format: 'WORD', value: this.#view.getUint16(this.#at, true) }
      case valueSyntax.ULARGE_INTEGER:
        this.#checkLength(length, 8)
        return { format: 'ULARGE_INTEGER', value: this.#view.getBigUint64(this.#at, true) }
      case valueSyntax.FILETIME:
        this.#checkLength(length, 8)
        return { format: 'FILETIME', value: this.#view.getBigUint64(this.#at, true) }
      case valueSyntax.LARGE_INTEGER:
        this.#checkLength(length, 8)
        return { format: 'LARGE_INTEGER', value: this.#view.getBigInt64(this.#at, true) }
      default:
        throw refused(this.#at - 8, 'the syntax of a value or an endmark', hex(syntax))
    }
  }

  #textOf(length: number): string {
    const text = this.#charactersOf(length)
    const nul = text.indexOf('\0')
    if (nul >= 0) throw refused(this.#at + 2 * nul, 'no NUL before the end of the text', 'one')
    return text
  }

  #textsOf(length: number): readonly string[] {
    const all = this.#charactersOf(length)
    if (all === '' || all === '\0') return []
    if (!all.endsWith('\0')) throw refused(this.#at + length - 4, 'a NUL after the last text and one more', 'one alone')
    const texts = all.slice(0, -1).split('\0')
    const empty = texts.indexOf('')
    if (empty >= 0) {
      const before = texts.slice(0, empty).reduce((sum, text) => sum + text.length + 1, 0)
      throw refused(this.#at + 2 * before, 'a text', 'a NUL before the end of the texts')
    }
    return texts
  }

  /** All characters but the NUL at the end. */
  #charactersOf(length: number): string {
    if (length < 2 || length % 2 !== 0)
      throw refused(this.#at - 4, 'an even length of 2 or more for a text', `${length}`)
    const end = this.#at + length - 2
    if (this.#view.getUint16(end, true) !== 0) throw refused(end, 'a NUL at the end of the text', 'another character')
    return this.#bytes.toString('utf16le', this.#at, end)
  }

  #copyOf(length: number): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(this.#at, this.#at + length))
  }

  #checkLength(length: number, expected: number): void {
    if (length !== expected)
      throw refused(this.#at - 4, `the length ${expected} for a value of this format`, `${length}`)
  }

  #readWord(expected: string): number {
    if (this.#left() < 4) throw refused(this.#at, `4 bytes with ${expected}`, `${this.#left()}, the end of the list`)
    const word = this.#view.getUint32(this.#at, true)
    this.#at += 4
    return word
  }

  /** Sees that data and padding are there: what reads them need not ask again. */
  #readLength(): number {
    const length = this.#readWord('a length')
    if (length + paddingOf(length) > this.#left()) {
      throw refused(
        this.#at - 4,
        `a length that fits in the ${this.#left()} bytes that follow, with its padding`,
        `${length}`,
      )
    }
    return length
  }

  #skip(length: number): void {
    this.#at += length + paddingOf(length)
  }

  #left(): number {
    return this.#bytes.length - this.#at
  }
}

/** Bytes up to the next multiple of 4. */
function paddingOf(length: number): number {
  return -length & 3
}

function refused(offset: number, expected: string, found: string): HangdogError {
  const at = `offset ${offset} (${hex(offset)})`
  return new HangdogError('data', `cannot read property list at ${at}: expected ${expected}, not ${found}`)
}

function hex(number: number): string {
  return `0x${number.toString(16).padStart(8, '0')}`
}
