import type { RecordedEvent } from '../event/event.js'
import type { Fault } from '../fault/fault.js'
import type { TrialOutcome } from '../fault/trial-outcome.js'
import { formatDuration, milliseconds } from '../time.js'
import { describeHang } from '../watch/verdict.js'
import { escapeText, type Output } from './output.js'
import { type Cell, layOutTable } from './table.js'

/** A kind, and what this machine lacks for it. */
export type ListedFault = Fault & { readonly missing: readonly string[] }

export function layOutKinds(kinds: readonly ListedFault[], output: Output): string {
  const rows = kinds.map(({ kind, language, needs, missing, summary }): readonly Cell[] => [
    kind,
    language,
    needs.join(', ') || '-',
    missing.length === 0 ? { text: 'yes', colour: 'green' } : { text: `no: ${missing.join('; ')}`, colour: 'yellow' },
    summary,
  ])
  return `${layOutTable(['KIND', 'LANGUAGE', 'NEEDS', 'RUNS HERE', 'HANGS BY'], rows, output).join('\n')}\n`
}

/** An event of the service, as it happens. */
export function describeSaid({ id, message }: RecordedEvent, sinceStartMs: number): string {
  return `${`${(sinceStartMs / 1000).toFixed(3)}s`.padStart(9)}  ${id}  ${escapeText(message)}\n`
}

export function describeOutcome(outcome: TrialOutcome, output: Output): string {
  const { verdict, held, cause, verdictAfterMs, goneAfterMs, limitMs, complaints, asExpected } = outcome
  const limit = formatDuration(milliseconds(limitMs))
  const lines = [
    verdict === null ? 'Verdict   none' : `Verdict   hung: ${describeHang(verdict)}`,
    ...(held === null ? [] : [`Held      before that: ${held}`]),
    `Cause     ${cause === null ? 'none' : escapeText(cause)}`,
    `Times     from the last beat, with a limit of ${limit}: verdict after ${inSeconds(verdictAfterMs)}, gone after ${inSeconds(goneAfterMs)}`,
  ]
  const word = asExpected ? output.paint('green', 'As expected.') : output.paint('red', 'Not as expected: ')
  return `\n${lines.join('\n')}\n${word}${complaints.map(escapeText).join('; ')}\n`
}

function inSeconds(ms: number | null): string {
  return ms === null ? '-' : `${(ms / 1000).toFixed(3)} s`
}

/** A word as a shell reads it. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
