import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { faults, findFault } from '../../src/fault/catalogue.js'
import { type FaultProgram, faultLanguages } from '../../src/fault/fault.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

function sourceOf(program: FaultProgram): string {
  switch (program.kind) {
    case 'node':
    case 'node-unread':
      return `${program.file}.ts`
    case 'java':
      return `${program.main}.java`
    default:
      return program.file
  }
}

t.test('each kind has a name of its own, a program, and a line in the guide', (t) => {
  const guide = readFileSync(join(root, 'docs/guide.md'), 'utf8')
  t.equal(new Set(faults.map(({ kind }) => kind)).size, faults.length)
  for (const { kind, program, summary } of faults) {
    t.match(kind, /^[a-z]+(-[a-z]+)*$/)
    t.not(kind, 'list', 'that is what shows them')
    t.ok(existsSync(join(root, 'src/fault/programs', sourceOf(program))), sourceOf(program))
    t.match(guide, new RegExp(`^\\| \`${kind}\` +\\|`, 'm'), kind)
    t.ok(summary.length > 10)
  }
  t.end()
})

t.test('each language has a kind, and each kind says how it shows', (t) => {
  for (const language of faultLanguages)
    t.ok(
      faults.some((fault) => fault.language === language),
      language,
    )
  for (const { kind, expected } of faults) {
    t.ok(expected.hang.length > 0, kind)
    t.notMatch('unknown: it waits, and nothing could be read', expected.cause, kind)
    t.notMatch('', expected.cause, kind)
  }
  t.end()
})

t.test('a kind that there is not is refused by name', (t) => {
  t.throws(() => findFault('endless-lop'), { code: 'usage', message: /"endless-lop".*endless-loop/ })
  t.end()
})
