import type { Command, Help, Option } from 'commander'

/** A command line that somebody is typing, as far as the cursor. */
export interface TypedLine {
  /** The command that the words before the cursor lead to. */
  readonly command: Command
  /** Its operands before the cursor. */
  readonly operands: readonly string[]
  /** The options before the cursor, each with its latest value; undefined without one. */
  readonly given: ReadonlyMap<Option, string | undefined>
  readonly place: Place
  /** After the word `help`: what follows are commands. */
  readonly helping: boolean
}

/** What the word at the cursor is. `text` is as much of it as was typed. */
export type Place =
  /** The name of an option, from its first `-`. */
  | { readonly kind: 'option'; readonly text: string }
  /** The value of an option; `prefix` is what comes before it in the same word, such as `--config=`. */
  | { readonly kind: 'value'; readonly option: Option; readonly prefix: string; readonly text: string }
  /** A command of the next level, or an operand. */
  | { readonly kind: 'operand'; readonly text: string; readonly optionsEnded: boolean }
  /** A part of a command that is none of ours, which begins at that word. */
  | { readonly kind: 'foreign'; readonly from: number }

/** Finds what the last of the words is, by the commands and options of the program. Takes any words; those that are wrong are passed over. */
export function readLine(program: Command, words: readonly string[]): TypedLine {
  const reader = new LineReader(program)
  for (const [index, word] of words.slice(0, -1).entries()) reader.read(word, index)
  return reader.end(words.at(-1) ?? '', words.length - 1)
}

/** The value placeholder of an option, such as `duration` of `--timeout <duration>`. */
export function placeholderOf(option: Option): string | undefined {
  return /[<[]([^>\].]+)/.exec(option.flags)?.[1]
}

/** The name of an argument that begins a command which is none of ours; nothing after it is read. */
const foreignArgument = 'command'

class LineReader {
  readonly #help: Help
  readonly #operands: string[] = []
  readonly #given = new Map<Option, string | undefined>()
  #command: Command
  #optionsEnded = false
  #helping = false
  /** Whose value the next word is. */
  #awaiting: Option | undefined
  #foreignFrom: number | undefined

  constructor(program: Command) {
    this.#command = program
    this.#help = program.createHelp()
  }

  read(word: string, index: number): void {
    if (this.#foreignFrom !== undefined) return
    if (this.#awaiting !== undefined) {
      this.#given.set(this.#awaiting, word)
      this.#awaiting = undefined
    } else if (this.#optionsEnded) this.#operandFound(word, index)
    else if (word === '--') this.#optionsEnded = true
    else if (isOption(word)) this.#optionFound(word)
    else this.#operandFound(word, index)
  }

  end(text: string, index: number): TypedLine {
    return {
      command: this.#command,
      operands: this.#operands,
      given: this.#given,
      place: this.#place(text, index),
      helping: this.#helping,
    }
  }

  #place(text: string, index: number): Place {
    if (this.#foreignFrom !== undefined) return { kind: 'foreign', from: this.#foreignFrom }
    if (this.#awaiting !== undefined) return { kind: 'value', option: this.#awaiting, prefix: '', text }
    const maybeOption = !this.#optionsEnded && text.startsWith('-')
    const [name = '', value] = splitOption(text)
    const option = maybeOption && value !== undefined ? this.#find(name) : undefined
    if (option !== undefined && value !== undefined) return { kind: 'value', option, prefix: `${name}=`, text: value }
    if (maybeOption) return { kind: 'option', text }
    if (this.#beginsForeign()) return { kind: 'foreign', from: index }
    return { kind: 'operand', text, optionsEnded: this.#optionsEnded }
  }

  #operandFound(word: string, index: number): void {
    const below = this.#optionsEnded || this.#operands.length > 0 ? undefined : this.#subcommand(word)
    if (below !== undefined) this.#command = below
    else if (word === 'help' && this.#command.commands.length > 0) this.#helping = true
    else if (this.#beginsForeign()) this.#foreignFrom = index
    else this.#operands.push(word)
  }

  #optionFound(word: string): void {
    const [name = '', value] = splitOption(word)
    const option = this.#find(name)
    if (option === undefined) return
    this.#given.set(option, value)
    if (option.required && value === undefined) this.#awaiting = option
  }

  #beginsForeign(): boolean {
    return !this.#helping && this.#command.registeredArguments[this.#operands.length]?.name() === foreignArgument
  }

  #subcommand(name: string): Command | undefined {
    return this.#command.commands.find((each) => each.name() === name || each.aliases().includes(name))
  }

  /** Also hidden options: their values are to be passed over like those of all others. */
  #find(name: string): Option | undefined {
    const all = [...this.#help.visibleOptions(this.#command), ...this.#command.options]
    return all.find(({ long, short }) => long === name || short === name)
  }
}

/** A single `-` is an operand. */
function isOption(word: string): boolean {
  return word.startsWith('-') && word !== '-'
}

function splitOption(word: string): readonly string[] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word] : [word.slice(0, equals), word.slice(equals + 1)]
}
