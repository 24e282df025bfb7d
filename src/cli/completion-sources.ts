import { constants } from 'node:os'
import type { Argument, Command, Option } from 'commander'
import { definitions } from '../property/definitions.js'
import { isEndingSignal } from '../signal-name.js'
import { holdReasons, recoveryActions } from '../watch/policy.js'
import type { Candidate } from './completion-candidate.js'
import { completeCluster, withoutGiven } from './completion-cluster.js'
import { placeholderOf, type TypedLine } from './completion-line.js'
import type { KnownNames } from './completion-names.js'
import { completeAssignment, nameProperties, type PropertyUse, selectProperties } from './completion-property.js'

/** Where values come from: candidates, or files and directories that the shell finds by itself, after so many characters of the value. */
export type Source = readonly Candidate[] | { readonly kind: 'files' | 'directories'; readonly after: number }

/** What a value is completed from. */
export interface Typed {
  readonly line: TypedLine
  /** The value as far as it was typed. */
  readonly text: string
  readonly names: KnownNames
}

/** What the value of an option can be: its choices, or what its name or its placeholder says. */
export async function sourceOfOption(option: Option, typed: Typed): Promise<Source> {
  if (option.argChoices !== undefined) return toCandidates(option.argChoices)
  const byName = sourcesByOption[option.long ?? '']
  return byName === undefined ? await sourceOfPlaceholder(placeholderOf(option), typed) : await byName(typed)
}

/** What an operand can be: its choices, or what its command or its name says. */
export async function sourceOfOperand(argument: Argument, typed: Typed): Promise<Source> {
  if (argument.argChoices !== undefined) return toCandidates(argument.argChoices)
  const byCommand = sourcesByCommand[pathOf(typed.line.command)]
  return byCommand === undefined ? await sourceOfPlaceholder(argument.name(), typed) : await byCommand(typed)
}

type Find = (typed: Typed) => Source | Promise<Source>

const sourcesByOption: Readonly<Record<string, Find>> = {
  '--service': ({ names }) => names.services(),
  '--id': listEvents,
  '--action': () => recoveryActions.map((value, number) => ({ value, description: `HangRecoveryAction ${number}` })),
  '--terminate-signal': () => toCandidates(Object.keys(constants.signals).filter(isEndingSignal)),
  '--hold': () => toCandidates(holdReasons.map((reason) => `${reason}=`)),
  '--heartbeat': ({ text }) => (text.startsWith('file:') ? { kind: 'files', after: 'file:'.length } : heartbeats),
}

/** By the words of the command, without `hangdog`. */
const sourcesByCommand: Readonly<Record<string, Find>> = {
  'prop get': (typed) => listProperties(typed, 'read'),
  'prop reset': (typed) => listProperties(typed, 'write'),
  'prop set': async ({ line, text, names }) => {
    const selected = selectProperties(definitions, placeOf(line), 'write')
    return withoutGiven(completeAssignment(selected, text, await ownProperties(line, names)), line.operands)
  },
  'incident show': ({ names }) => names.incidents(),
  'incident export': ({ names }) => names.incidents(),
  cluster: ({ line, text, names }) => completeCluster(line.operands, text, { ...names, definitions }),
}

function sourceOfPlaceholder(placeholder: string | undefined, { names }: Typed): Source | Promise<Source> {
  switch (placeholder) {
    case 'service':
      return names.services()
    case 'file':
    case 'path':
      return { kind: 'files', after: 0 }
    case 'dir':
    case 'directory':
      return { kind: 'directories', after: 0 }
    default:
      // A duration, a number, a text: nobody else can know it.
      return []
  }
}

const heartbeats: readonly Candidate[] = [
  { value: 'auto', description: 'node for a Node program, else stream' },
  { value: 'page', description: 'shared memory, by hangdog.h or the library' },
  { value: 'stream', description: 'lines on a socket' },
  { value: 'node', description: 'each turn of the event loop' },
  { value: 'http://', description: 'a probe: the page is there' },
  { value: 'https://', description: 'a probe: the page is there' },
  { value: 'tcp://', description: 'a probe: HOST:PORT takes connections' },
  { value: 'exec:', description: 'a probe: the command ends with 0' },
  { value: 'file:', description: 'a probe: the file changes' },
]

async function listEvents(): Promise<readonly Candidate[]> {
  const { catalogue } = await import('../event/catalogue.js')
  return Object.entries(catalogue).map(([name, { id }]) => ({ value: String(id), description: name }))
}

async function listProperties({ line, names }: Typed, use: PropertyUse): Promise<readonly Candidate[]> {
  const known = nameProperties(selectProperties(definitions, placeOf(line), use))
  return withoutGiven([...known, ...(await ownProperties(line, names))], line.operands)
}

function placeOf({ given }: TypedLine): 'common' | 'private' {
  return [...given.keys()].some(({ long }) => long === '--service') ? 'private' : 'common'
}

async function ownProperties({ given }: TypedLine, names: KnownNames): Promise<readonly Candidate[]> {
  const service = [...given].find(([{ long }]) => long === '--service')?.[1]
  return service === undefined ? [] : await names.ownProperties(service)
}

function toCandidates(values: readonly string[]): readonly Candidate[] {
  return values.map((value) => ({ value }))
}

function pathOf(command: Command): string {
  const names: string[] = []
  for (let at = command; at.parent !== null; at = at.parent) names.unshift(at.name())
  return names.join(' ')
}
