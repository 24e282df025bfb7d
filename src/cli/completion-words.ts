import { homedir } from 'node:os'
import type { Argument, Command } from 'commander'
import { type Candidate, type Completion, nothing, selectCandidates } from './completion-candidate.js'
import { readLine, type TypedLine } from './completion-line.js'
import type { KnownNames } from './completion-names.js'
import { type Source, sourceOfOperand, sourceOfOption, type Typed } from './completion-sources.js'

/**
 * What the last of the words can become.
 * @param program whose commands and options are meant
 * @param words what was typed after `hangdog`, up to the cursor; the last one is empty after a space
 * @param findNames for the state directory that the words name, if they do
 */
export async function completeWords(
  program: Command,
  words: readonly string[],
  findNames: (stateDirectory: string | undefined) => KnownNames,
): Promise<Completion> {
  const line = readLine(program, words)
  const { place } = line
  if (place.kind === 'foreign') return { candidates: [], also: { kind: 'command', from: place.from } }
  const typed: Typed = { line, text: place.text, names: findNames(stateDirectoryOf(line)) }
  switch (place.kind) {
    case 'option':
      return toCompletion(listOptions(line, place.text), '', place.text)
    case 'value':
      return toCompletion(await sourceOfOption(place.option, typed), place.prefix, place.text)
    default:
      return await completeOperand(typed, place.optionsEnded)
  }
}

async function completeOperand(typed: Typed, optionsEnded: boolean): Promise<Completion> {
  const { line, text } = typed
  const commands = line.operands.length === 0 && !optionsEnded ? listCommands(line) : []
  const argument = line.helping ? undefined : argumentAt(line.command, line.operands.length)
  if (argument !== undefined) return toCompletion(await sourceOfOperand(argument, typed), '', text)
  // Where no command and no operand can come, an option is what is left; but nothing makes good a word too many.
  const fits = line.operands.length <= line.command.registeredArguments.length
  const isOption = commands.length === 0 && fits && !optionsEnded && !line.helping
  return toCompletion(isOption ? listOptions(line, text) : commands, '', text)
}

function argumentAt({ registeredArguments }: Command, position: number): Argument | undefined {
  const last = registeredArguments.at(-1)
  return registeredArguments[position] ?? (last?.variadic === true ? last : undefined)
}

function toCompletion(source: Source, prefix: string, text: string): Completion {
  if ('kind' in source) return { candidates: [], also: { ...source, after: prefix.length + source.after } }
  const candidates = source.map((each) => ({ ...each, value: `${prefix}${each.value}` }))
  return { ...nothing, candidates: selectCandidates(candidates, `${prefix}${text}`) }
}

/** Not those that were given, unless they may be given again; the short form only for whoever typed it. */
function listOptions({ command, given }: TypedLine, text: string): readonly Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => !given.has(option) || option.variadic || option.parseArg !== undefined)
    .flatMap(({ long, short, description }) => {
      const value = short === text ? short : long
      return value === undefined || value === null ? [] : [{ value, description }]
    })
}

function listCommands({ command, helping }: TypedLine): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => !helping || each.name() !== 'help')
    .map((each) => ({ value: each.name(), description: each.description() }))
}

function stateDirectoryOf({ given }: TypedLine): string | undefined {
  const found = [...given].find(([{ long }]) => long === '--state-dir')?.[1]
  // A shell that asks has not done this yet.
  return found?.replace(/^~(?=\/|$)/, homedir())
}
