import type { SafeFile } from './safe-copy.js'

/** A file that is not in the archive. */
export interface LeftOut {
  readonly path: string
  readonly why: string
  readonly size?: number
}

interface Contents {
  readonly id: string
  readonly paths: readonly string[]
  /** The record itself cannot be read, so there is no page. */
  readonly damaged: boolean
  readonly withCore: boolean
}

/** README.txt: what each file is. */
export function describeContents({ id, paths, damaged, withCore }: Contents): string {
  const width = Math.max(...paths.map((path) => path.length), 'REDACTED.txt'.length)
  const rows = ['REDACTED.txt', ...paths].map((path) => `${path.padEnd(width)}  ${meaningOf(path)}`)
  return [
    `Incident ${id}: a service was silent for longer than its limit, and hangdog acted on it.`,
    '',
    ...(damaged
      ? ['The record of this incident is damaged, so there is no report.txt. The files are as they were found.', '']
      : []),
    'Begin with report.txt. All times in files are UTC, but for those of report.txt, which are local to that machine.',
    '',
    ...rows,
    '',
    'Environment variables are never captured. What looks like a secret was replaced by [removed:KIND]; see REDACTED.txt.',
    'That is a guess by rules. Names of hosts, users, files and programs, addresses, and the output of the service were kept:',
    'read it before you give it to strangers.',
    ...(withCore
      ? ['', 'Memory images and binary files are in it as they are. They may hold every secret of the service.']
      : []),
    '',
  ].join('\n')
}

const meanings: readonly (readonly [RegExp, string])[] = [
  [/^REDACTED\.txt$/, 'what was removed from these files, and what was left out'],
  [/^report\.txt$/, 'the whole incident, for reading: "hangdog incident show --all"'],
  [/^events\.jsonl$/, 'what hangdog said about the service around that time, one event a line'],
  [/^incident\.json$/, 'what was known at the verdict: service, limit, silence, action, how it was judged'],
  [/^steps\.jsonl$/, 'what was done, one step a line'],
  [/^evidence\.jsonl$/, 'what was captured and what is missing, with the reason and the time it took'],
  [/^closed\.json$/, 'how it ended'],
  [/^aftermath\.json$/, 'what the machine says of how it went down'],
  [/^aftermath\//, "the kernel's last words"],
  [/^evidence\//, 'a captured thing; evidence.jsonl names it'],
]

function meaningOf(path: string): string {
  return meanings.find(([pattern]) => pattern.test(path))?.[1] ?? 'a file of the incident'
}

/** REDACTED.txt: where something was removed and of what kind; never what it was. */
export function describeRemovals(
  files: readonly SafeFile[],
  leftOut: readonly LeftOut[],
  opaque: readonly { readonly path: string; readonly why: string }[],
): string {
  const rows = files.flatMap(({ path, removed }) => countAlike(removed).map((line) => `${path}: ${line}`))
  const missing = leftOut.map(({ path, why, size }) => {
    const bytes = size === undefined ? '' : `, ${size} bytes`
    return `${path}: ${why}${bytes}`
  })
  return [
    'What was removed: where it was and what kind it looked like; the values are listed nowhere. report.txt was made after that.',
    '',
    ...(rows.length === 0 ? ['Nothing looked like a secret.'] : rows),
    '',
    'Files that were left out (hangdog incident export --with-core adds memory images and binary files):',
    '',
    ...(missing.length === 0 ? ['None.'] : missing),
    ...(opaque.length === 0
      ? []
      : [
          '',
          'Files that are in it without having been searched:',
          '',
          ...opaque.map(({ path, why }) => `${path}: ${why}`),
        ]),
    '',
  ].join('\n')
}

function countAlike(removed: SafeFile['removed']): readonly string[] {
  const counts = new Map<string, number>()
  for (const { kind, where } of removed) {
    const line = `${where}: ${kind}`
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts].map(([line, count]) => (count === 1 ? line : `${line} (${count} times)`))
}
