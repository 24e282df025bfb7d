import { isRandomWord } from './random-word.js'

/** What was found, by how it was recognised. */
export type SecretKind =
  | 'password'
  | 'token'
  | 'url-credentials'
  | 'authorization'
  | 'cookie'
  | 'private-key'
  | 'jwt'
  | 'aws-key'
  | 'provider-key'
  | 'random-word'
  | 'environment'

/** What stands in the place of a secret. It has no white space and no quotes, so that what is around it reads as before. */
export function placeholder(kind: SecretKind): string {
  return `${placeholderStart}${kind}]`
}

export const placeholderStart = '[removed:'

/**
 * Finds secrets of one kind. The pattern has a group `secret`, and may have a group `before` and one `after` that stay. Patterns must
 * take linear time on any text, as services write what they like: each begins at a fixed word or at the beginning of a word, and what
 * comes before the telling part is bounded.
 */
export interface SecretRule {
  readonly kind: SecretKind
  readonly pattern: RegExp
  /** Looks closer; default is yes. */
  readonly accept?: (found: Readonly<Record<string, string | undefined>>) => boolean
}

const passwordWords = 'passw(?:or)?d|passwd|passphrase|pwd|secret|credentials?'
const tokenWords =
  'token|api[-_]?key|access[-_]?key|private[-_]?key|secret[-_]?key|auth[-_]?key|license[-_]?key|session[-_]?(?:id|key)|signature|(?<![A-Za-z])pass(?![A-Za-z])'

/** The name of something secret, from the beginning of a word. A longer name than this is none. */
const secretName = `(?<![\\w-])[\\w.-]{0,80}?(?:${passwordWords}|${tokenWords})[\\w.-]{0,40}`

/** In quotes, which may be missing at the end where text was cut; or up to the next white space. gdb writes an address before a text. */
const secretValue = `(?<address>0x[0-9a-f]+ (?="))?(?:(?<quote>["'\`])(?<quoted>(?:(?!\\k<quote>)[^\\\\\\n]|\\\\.)*)|(?<plain>[^\\s"'\`]\\S*))`

const blockKey = '-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----'

/** In the order in which they are asked: names that say it come first, shapes later. */
export const secretRules: readonly SecretRule[] = [
  {
    kind: 'private-key',
    pattern: new RegExp(
      `(?<secret>${blockKey}[\\s\\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$(?![\\s\\S])))`,
      'g',
    ),
  },
  {
    kind: 'authorization',
    pattern: /(?<before>\b(?:proxy-)?authorization["'`]?[ \t]{0,8}(?:[:=]|=>)[ \t]{0,8}["'`]?)(?<secret>[^\r\n"'`]+)/gi,
  },
  {
    kind: 'authorization',
    pattern: /(?<before>\b(?:bearer|basic)[ \t]{1,8})(?<secret>[A-Za-z0-9+/=._~-]{8,})/gi,
    accept: ({ secret = '' }) => /[\d=]|.[A-Z]/.test(secret),
  },
  {
    kind: 'cookie',
    pattern: /(?<before>\b(?:set-)?cookie["'`]?[ \t]{0,8}(?:[:=]|=>)[ \t]{0,8}["'`]?)(?<secret>[^\r\n"'`]+)/gi,
  },
  {
    kind: 'url-credentials',
    // The last @ counts: a password may have one.
    pattern:
      /(?<before>\b[a-z][a-z0-9+.-]{0,30}:\/\/)(?<secret>[^\s:@/?#"'`]{0,200}:(?!\d{1,5}[/?#])[^\s"'`<>]{1,512})(?<after>@)/gi,
  },
  {
    kind: 'password',
    pattern:
      /(?<before>(?<![\w-])(?:-u|--user|--proxy-user)[ =\t]{1,8}[^\s:@"'`-][^\s:@"'`]{0,200}:)(?<secret>[^\s"'`]+)/g,
  },
  {
    kind: 'password',
    pattern: /(?<before>\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n]{0,200}? -p ?)(?<secret>[^\s-]\S*)/g,
  },
  {
    kind: 'password',
    pattern: new RegExp(
      `(?<before>(?<name>${secretName})["'\`]?[ \\t]{0,8}(?<separator>:=|=>|=|:)[ \\t]{0,8})${secretValue}`,
      'gi',
    ),
    accept: isSecretAssignment,
  },
  {
    kind: 'password',
    pattern: new RegExp(
      `(?<before>(?<name>(?<![\\w-])-${secretName.slice('(?<![\\w-])'.length)})[ \\t\\0]{1,8})(?!-)${secretValue}`,
      'gi',
    ),
    accept: (found) => isSecretAssignment({ ...found, separator: ' ' }),
  },
  { kind: 'jwt', pattern: /(?<secret>\beyJ[\w-]{5,}\.[\w-]{5,}(?:\.[\w-]*)?)/g },
  { kind: 'aws-key', pattern: /(?<secret>\b(?:AKIA|ASIA|AROA|AIDA|ANPA|ANVA|AGPA)[A-Z0-9]{16}\b)/g },
  {
    kind: 'provider-key',
    pattern:
      /(?<secret>\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{15,}|xox[abeposr]-[\w-]{8,}|AIza[\w-]{30,}|[sr]k_(?:live|test)_\w{8,}|sk-[\w-]{20,}|npm_[A-Za-z0-9]{30,}|dop_v1_[0-9a-f]{30,}|SG\.[\w-]{16,}\.[\w-]{16,}|hvs\.[\w-]{20,}))/g,
  },
  {
    kind: 'random-word',
    pattern: /(?<secret>(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}={0,2})/g,
    accept: ({ secret = '' }) => isRandomWord(secret),
  },
]

const strictName = new RegExp(passwordWords, 'i')
const anySecretName = new RegExp(`^${secretName}$`, 'i')
/** A name that only speaks about a secret: where it is, how long it lives. */
const aboutSecret =
  /(?:file|path|dir|directory|ttl|timeout|limit|count|length|size|type|name|url|uri|max|min|expir\w*)$/i
/** Not a secret unless the name says that it is a password. */
const harmless = /^(?:-?\d+(?:\.\d+)?|0x[0-9a-f]+|true|false|null|undefined|none|yes|no|on|off)[,;)\]}]*$/i

/** Whether the name of a field, or of an option, says that its value is secret. */
export function isSecretName(name: string): boolean {
  const bare = name.replace(/^-+/, '')
  return anySecretName.test(bare) && !aboutSecret.test(bare)
}

function isSecretAssignment(found: Readonly<Record<string, string | undefined>>): boolean {
  const { name = '', separator = '', quoted, plain = '' } = found
  if (!isSecretName(name)) return false
  if (quoted !== undefined) return quoted !== ''
  // A place in a source file, such as token.js:12:3, and a comparison.
  if (separator === ':' && /\.\w{1,5}$/.test(name) && /^\d/.test(plain)) return false
  if (separator === ':' && /^[:/]/.test(plain)) return false
  if (/^[=>]/.test(plain)) return false
  return strictName.test(name) || !harmless.test(plain)
}

/** How a field of that name is listed when its value was removed. */
export function kindOfName(name: string): SecretKind {
  return strictName.test(name) ? 'password' : 'token'
}
