import {
  isSecretName,
  kindOfName,
  placeholder,
  placeholderStart,
  type SecretKind,
  type SecretRule,
  secretRules,
} from './secret-rules.js'

/** Something that was taken out. It says where and what kind, never the value. */
export interface Removal {
  readonly kind: SecretKind
  /** `line 12` of a text, or the names and places that lead there, such as `threads[3].name`. */
  readonly where: string
}

export interface Redacted<T> {
  readonly value: T
  readonly removed: readonly Removal[]
}

/** Replacing can bring words together that make another match; so few rounds are enough for that. */
const mostRounds = 4

/** Takes secrets out of a text. Lines stay lines. What has none comes back as it is, and a second time changes nothing. */
export function redactText(text: string): Redacted<string> {
  const removed: Removal[] = []
  let value = text
  for (let round = 0; round < mostRounds; round++) {
    const before = value
    for (const rule of secretRules) value = applyRule(value, rule, removed)
    if (value === before) break
  }
  return { value, removed }
}

function applyRule(text: string, rule: SecretRule, removed: Removal[]): string {
  let line = 1
  let counted = 0
  return text.replace(rule.pattern, (...args: readonly unknown[]) => {
    const found = toFound(args.at(-1))
    const match = String(args[0])
    const secret = found.secret ?? found.quoted ?? found.plain ?? ''
    if (secret === '' || secret.includes(placeholderStart) || rule.accept?.(found) === false) return match
    const offset = Number(args.at(-3))
    line += countLines(text, counted, offset)
    counted = offset
    removed.push({ kind: kindFor(rule, found), where: `line ${line}` })
    return replacement(match, secret, placeholder(kindFor(rule, found)))
  })
}

/** The secret stands at the end of what was found, but for a quote or an @; newlines within stay. */
function replacement(match: string, secret: string, mark: string): string {
  const at = match.lastIndexOf(secret)
  return match.slice(0, at) + mark + '\n'.repeat(countLines(secret, 0, secret.length)) + match.slice(at + secret.length)
}

function kindFor(rule: SecretRule, { name }: Readonly<Record<string, string | undefined>>): SecretKind {
  return name === undefined ? rule.kind : kindOfName(name)
}

function toFound(groups: unknown): Readonly<Record<string, string | undefined>> {
  return typeof groups === 'object' && groups !== null ? { ...groups } : {}
}

function countLines(text: string, from: number, to: number): number {
  let count = 0
  for (let at = text.indexOf('\n', from); at !== -1 && at < to; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** Takes secrets out of data that came from JSON: by the names of fields, by what stands beside them, and out of each text. */
export function redactData<T>(data: T): Redacted<T> {
  const removed: Removal[] = []
  // The form stays, but for what is an environment: only texts are changed.
  return { value: redactValue(data, '', removed) as T, removed }
}

function redactValue(value: unknown, path: string, removed: Removal[]): unknown {
  if (typeof value === 'string') return redactLeaf(value, path, removed)
  if (Array.isArray(value)) return redactList(value, path, removed)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([name, part]): [string, unknown] => {
    const safeName = redactText(name).value
    const place = path === '' ? safeName : `${path}.${safeName}`
    return [safeName, redactField(name, part, place, removed)]
  })
  return Object.fromEntries(entries)
}

function redactField(name: string, value: unknown, path: string, removed: Removal[]): unknown {
  if (/^(?:env|environ|environment)$/i.test(name)) return remove(value, 'environment', path, removed)
  const isText = typeof value === 'string' && value !== ''
  if (isText && isSecretName(name)) return remove(value, kindOfName(name), path, removed)
  return redactValue(value, path, removed)
}

function remove(value: unknown, kind: SecretKind, path: string, removed: Removal[]): unknown {
  if (value === placeholder(kind)) return value
  removed.push({ kind, where: path })
  return placeholder(kind)
}

function redactLeaf(text: string, path: string, removed: Removal[]): string {
  const { value, removed: found } = redactText(text)
  for (const { kind, where } of found) {
    const place = path === '' ? where : path
    removed.push({ kind, where: text.includes('\n') && path !== '' ? `${path}, ${where}` : place })
  }
  return value
}

/** Words of a command line, or lines of an output: an option and its value may be two of them, a key many. */
function redactList(list: readonly unknown[], path: string, removed: Removal[]): unknown {
  const shielded = list.map((each, index) => {
    const before = list[index - 1]
    const isValue = typeof each === 'string' && typeof before === 'string' && /^--?[A-Za-z]/.test(before)
    if (!isValue || before.includes('=') || !isSecretName(before) || each.startsWith('-') || each === '') return each
    return remove(each, kindOfName(before), `${path}[${index}]`, removed)
  })
  const texts = shielded.filter((each) => typeof each === 'string')
  if (texts.length < shielded.length || texts.some((text) => text.includes('\n'))) {
    return shielded.map((each, index) => redactValue(each, `${path}[${index}]`, removed))
  }
  const { value, removed: found } = redactText(texts.join('\n'))
  for (const { kind, where } of found) {
    const line = Number(where.slice('line '.length))
    removed.push({ kind, where: `${path}[${line - 1}]` })
  }
  return list.length === 0 ? list : value.split('\n')
}
