import { escapeText } from './output.js'

/** One way to go on with the word at the cursor. */
export interface Candidate {
  /** The whole word. One that ends with `=`, `:`, `,` or `/` is not finished: no space follows. */
  readonly value: string
  /** For shells that show one; one line. */
  readonly description?: string
}

/** What a shell is told. */
export interface Completion {
  readonly candidates: readonly Candidate[]
  /** What the shell is to add by its own means. */
  readonly also: ShellCompletion
}

export type ShellCompletion =
  | { readonly kind: 'nothing' }
  /** Files or directories, after so many characters of the word. */
  | { readonly kind: 'files' | 'directories'; readonly after: number }
  /** All of it: from that word on, the first after `hangdog` being 0, stands a command of its own. */
  | { readonly kind: 'command'; readonly from: number }

export const nothing: Completion = { candidates: [], also: { kind: 'nothing' } }

/** Those that the text can become. Case is heeded as long as that leaves any. */
export function selectCandidates(candidates: readonly Candidate[], text: string): readonly Candidate[] {
  const usable = candidates.filter(({ value }) => plain.test(value))
  const exact = usable.filter(({ value }) => value.startsWith(text))
  if (exact.length > 0) return exact
  return usable.filter(({ value }) => value.toLowerCase().startsWith(text.toLowerCase()))
}

/** What no shell needs quotes for; the scripts insert candidates as they are. */
const plain = /^[A-Za-z0-9_.,:=/%+-]+$/

/**
 * What the scripts of `hangdog completion` read: a line that begins with a colon and says what the shell adds, then a line for each candidate
 * with its description after a tab.
 */
export function formatCompletion({ candidates, also }: Completion): string {
  const lines = candidates.map(({ value, description = '' }) =>
    description === '' ? value : `${value}\t${escapeText(description)}`,
  )
  return [formatAlso(also), ...lines].map((line) => `${line}\n`).join('')
}

function formatAlso(also: ShellCompletion): string {
  switch (also.kind) {
    case 'nothing':
      return ':nothing 0'
    case 'command':
      return `:command ${also.from}`
    default:
      return `:${also.kind} ${also.after}`
  }
}
