import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import type { Cell } from './matrix.js'
import { layOut, layOutRows, makeRows, type Row } from './table.js'

const times = { verdictMs: z.number(), endMs: z.number() }
const outcome = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('detected'), ...times }),
  z.object({ kind: z.literal('held'), reasons: z.array(z.string()), ...times }),
  z.object({ kind: z.literal('unharmed'), ...times }),
  z.object({ kind: z.enum(['missed', 'false', 'broken']), detail: z.string() }),
])
const cell = z.object({
  watcher: z.string(),
  scenario: z.string(),
  what: z.string(),
  kind: z.enum(['hang', 'disturbance']),
  limitMs: z.number(),
  lack: z.exactOptional(z.string()),
  outcomes: z.array(outcome),
})
const results = z.object({ cells: z.array(cell) })

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))

/** Joins the results of several runs, keeps them in docs/verdict-matrix.json and makes docs/verdict.md from them. */
export function writeReport(files: readonly string[]): void {
  const cells: readonly Cell[] = files.flatMap((file) => results.parse(JSON.parse(readFileSync(file, 'utf8'))).cells)
  const lines = cells.map((one) => JSON.stringify(one))
  writeFileSync(`${docs}verdict-matrix.json`, `{"cells":[\n${lines.join(',\n')}\n]}\n`)
  writeFileSync(`${docs}verdict.md`, describe(cells))
}

function describe(cells: readonly Cell[]): string {
  const rows = makeRows(cells, false)
  const of = (watcher: string, kind?: Cell['kind']): readonly Row[] =>
    rows.filter((row) => row.watcher === watcher && (kind === undefined || row.kind === kind))
  const names = [...new Set(rows.map(({ watcher }) => watcher))]
  const others = names.filter((name) => name !== 'hangdog')
  return `${[
    '# The verdict matrix',
    'Made by `npm run test:verdict -- --report docs/verdict-matrix.json` from runs. Do not edit.',
    introduction,
    legend,
    '## Side by side',
    'For a hang, how often it was found; for a disturbance, how often the healthy service was left alone. Bold where it went wrong.',
    layOut(
      ['scenario', ...names],
      listNames(rows).map((name) => [name, ...names.map((watcher) => compare(of(watcher), name))]),
    ),
    '## hangdog: hangs',
    layOutRows(of('hangdog', 'hang')),
    '## hangdog: what is no hang',
    layOutRows(of('hangdog', 'disturbance')),
    ...others.flatMap((name) => [`## ${name}`, layOutRows(of(name).filter(({ runs }) => runs > 0))]),
    '## The scenarios',
    layOut(
      ['scenario', 'what happens'],
      listNames(rows).map((name) => [name, rows.find((row) => row.scenario === name)?.what ?? '']),
    ),
  ].join('\n\n')}\n`
}

const introduction = [
  'Every hang is to be found, and no healthy service touched. Each run starts the real supervisor and a real service. A hang is one',
  'of the kinds of `hangdog fault`. A disturbance is done to a service that is well; after it the service is hung, to see that it is',
  'still watched. hangdog has its defaults but the limit.',
].join('\n')

const legend = [
  '- *held*: the supervisor noticed and said so; *unharmed*: nothing was noticed. Either is right.',
  '- *missed*: a hang was not found within 30 s after its limit. *false*: a healthy service was taken for hung, or ended.',
  '- Times are in ms after the end of the limit, counted from when the hang began. The last beat may be a beat interval before',
  '  that, so a verdict may come a little before 0. *gone* includes evidence and the time that a service has to end by itself.',
  '- The machine was shared with other work, most of the time with more runnable processes than its 4 processors.',
].join('\n')

const listNames = (rows: readonly Row[]): readonly string[] => [...new Set(rows.map(({ scenario }) => scenario))]

function compare(rows: readonly Row[], scenario: string): string {
  const row = rows.find((one) => one.scenario === scenario)
  if (row === undefined) return ''
  const sound = row.runs - row.broken
  if (sound === 0) return 'n/a'
  const right = row.kind === 'hang' ? row.detected : row.held + row.unharmed
  const text = `${right} of ${sound}`
  return right === sound ? text : `**${text}**`
}
