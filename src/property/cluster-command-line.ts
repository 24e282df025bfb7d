import { HangdogError } from '../errors.js'
import { unquote } from './quoted-text.js'
import { type PropertyAssignment, parseAssignment } from './value-text.js'

/** The cluster object, or services in the place of MSCS's resources; all of them when none is named. */
export type ClusterTarget =
  | { readonly kind: 'cluster' }
  | { readonly kind: 'service'; readonly service: string | undefined }

/** `common` stands for /prop, `private` for /priv. */
export type ClusterScope = 'common' | 'private'

/** What a command line of cluster.exe asks for. */
export type ClusterRequest =
  | { readonly kind: 'help' }
  | (ClusterObject & {
      readonly kind: 'list'
      /** Only these; empty for all. */
      readonly names: readonly string[]
    })
  | (ClusterObject & { readonly kind: 'set'; readonly assignments: readonly PropertyAssignment[] })
  | (ClusterObject & { readonly kind: 'reset'; readonly names: readonly string[] })

interface ClusterObject {
  /** As it was given; undefined for the local one. */
  readonly cluster: string | undefined
  readonly target: ClusterTarget
  readonly scope: ClusterScope
}

/**
 * Reads a command line of cluster.exe, as a shell gives it: `[[/cluster:]NAME] [res[ource] [SERVICE]] /prop[erties]|/priv[properties] …`.
 * Options begin with a slash or a dash, in upper or lower case.
 * @throws HangdogError `usage` when it cannot be read, `unavailable` for what only a cluster has
 */
export function parseClusterCommandLine(args: readonly string[]): ClusterRequest {
  const { words, options, cluster } = splitArguments(args)
  if (options.some(({ name }) => helpOptions.has(name)) || (options.length === 0 && words.length === 0)) {
    return { kind: 'help' }
  }
  const object = { ...readWords(words, cluster), scope: readScope(options) }
  const chosen = options.filter(({ name }) => scopeOf(name) !== undefined)
  const names = chosen.flatMap(({ argument }) => (argument === undefined ? [] : readNames(argument)))
  const assignments = options.flatMap((option) => option.words).map(readAssignment)
  const defaults = options.find(({ name }) => name === 'usedefault')
  if (defaults !== undefined) return { kind: 'reset', ...object, names: checkReset(names, assignments, defaults) }
  if (assignments.length === 0) return { kind: 'list', ...object, names }
  if (names.length > 0) throw refuse('/usedefault, or NAME=VALUE without names after the colon', args.join(' '))
  return { kind: 'set', ...object, assignments }
}

interface ClusterOption {
  /** In lower case, without its slash. */
  readonly name: string
  /** What follows its colon. */
  readonly argument: string | undefined
  /** The words up to the next option. */
  readonly words: readonly string[]
}

const helpOptions: ReadonlySet<string> = new Set(['?', 'h', 'help'])

interface SplitArguments {
  readonly cluster: string | undefined
  readonly words: readonly string[]
  readonly options: readonly ClusterOption[]
}

function splitArguments(args: readonly string[]): SplitArguments {
  const words: string[] = []
  const options: { name: string; argument: string | undefined; words: string[] }[] = []
  let cluster: string | undefined
  for (const arg of args) {
    const [, name, , argument] = /^(?:\/|--?)([^:]*)(:([\s\S]*))?$/.exec(arg) ?? []
    if (name === undefined) (options.at(-1)?.words ?? words).push(arg)
    else if (name.toLowerCase() === 'cluster') cluster = readClusterName(argument, cluster)
    else options.push({ name: checkOption(name.toLowerCase(), arg), argument, words: [] })
  }
  return { cluster, words, options }
}

/** What cluster.exe has and hangdog has not, before there is a cluster. */
const clusterOptions: ReadonlySet<string> = new Set(
  'online offline wait move status addcheck addcheckpoints removecheck removecheckpoints check checkpoints addcryptocheck removecryptocheck listowners create delete rename fail pause resume'.split(
    ' ',
  ),
)

function checkOption(name: string, given: string): string {
  if (scopeOf(name) !== undefined || name === 'usedefault' || helpOptions.has(name)) return name
  if (clusterOptions.has(name)) throw notYet(given)
  throw refuse('/prop, /priv or /usedefault', given)
}

/** Letters of `prop` and `priv`. */
const shortestScope = 4

/** They can be shortened: /prop stands for /properties. */
function scopeOf(name: string): ClusterScope | undefined {
  if (name.length < shortestScope) return undefined
  if ('properties'.startsWith(name)) return 'common'
  return 'privproperties'.startsWith(name) ? 'private' : undefined
}

function readScope(options: readonly ClusterOption[]): ClusterScope {
  const given = options.filter(({ name }) => scopeOf(name) !== undefined)
  const [only, ...more] = given
  const scope = only === undefined ? undefined : scopeOf(only.name)
  if (scope === undefined) throw refuse('/prop or /priv', options[0] === undefined ? 'nothing' : `/${options[0].name}`)
  if (more.length > 0) throw refuse('/prop or /priv, and that once', given.map(({ name }) => `/${name}`).join(' '))
  return scope
}

function readClusterName(argument: string | undefined, before: string | undefined): string {
  const name = argument === undefined ? '' : readQuoted(argument)
  if (name === '') throw refuse('/cluster:NAME', `/cluster${argument === undefined ? '' : ':'}`)
  if (before !== undefined) throw refuse('one cluster', `${before} and ${name}`)
  return name
}

const services: ReadonlySet<string> = new Set(['res', 'resource'])
const others: ReadonlySet<string> = new Set(
  'node group restype resourcetype net network netint netinterface'.split(' '),
)

/** The words before the first option: the name of the cluster unless it was given otherwise, the kind of the object, its name. */
function readWords(given: readonly string[], named: string | undefined): Pick<ClusterObject, 'cluster' | 'target'> {
  const words = given.map(readQuoted)
  const isKind = (word: string | undefined): boolean =>
    word !== undefined && (services.has(word.toLowerCase()) || others.has(word.toLowerCase()))
  const cluster = named ?? (isKind(words[0]) ? undefined : words.shift())
  const [kind, name, ...more] = words
  if (kind === undefined) return { cluster, target: { kind: 'cluster' } }
  if (others.has(kind.toLowerCase())) throw notYet(kind)
  if (!isKind(kind)) throw refuse('resource and the name of a service', kind)
  if (more[0] !== undefined) throw refuse('an option such as /prop', more[0])
  return { cluster, target: { kind: 'service', service: name } }
}

function readNames(argument: string): readonly string[] {
  const names = argument.split(',').map(readQuoted)
  if (names.some((name) => name === '' || name.includes('='))) throw refuse('/prop:NAME[,NAME…]', argument)
  return names
}

/** A shell that keeps quotes may hand over `"NAME=VALUE"` with them. */
function readAssignment(word: string): PropertyAssignment {
  return parseAssignment(word.startsWith('"') ? readQuoted(word) : word)
}

function checkReset(
  names: readonly string[],
  assignments: readonly PropertyAssignment[],
  { argument, words }: ClusterOption,
): readonly string[] {
  const extra = argument ?? words[0] ?? (assignments[0] && `${assignments[0].name}=…`)
  if (names.length === 0) throw refuse('/prop:NAME[,NAME…] before /usedefault', 'no name')
  if (extra !== undefined) throw refuse('nothing else beside /usedefault', extra)
  return names
}

function readQuoted(text: string): string {
  const plain = unquote(text)
  if (plain === undefined) throw refuse('a closing double quote at the end', text)
  return plain
}

function notYet(what: string): HangdogError {
  return new HangdogError(
    'unavailable',
    `cannot use "${what}": it comes with the cluster part of hangdog, which is not there yet`,
  )
}

function refuse(expected: string, given: string): HangdogError {
  return new HangdogError('usage', `cannot read the command line: expected ${expected}, not "${given}"`)
}
