// Makes the parts of the documentation that repeat what the code says. Run after the build:
//
//   node tools/docs.mjs [DIRECTORY]            writes the files (default: docs)
//   node tools/docs.mjs --check [DIRECTORY]    changes nothing; fails and names each file that is not what the code says now
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { z } from 'zod'
import { catalogue } from '../dist/event/catalogue.js'
import { definitionHeadings, definitionRows } from '../dist/property/definition-table.js'
import { definitions, definitionsOf, findDefinition } from '../dist/property/definitions.js'
import { superviseSchema } from '../dist/supervise-file.js'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = join(root, 'dist', 'cli', 'hangdog.js')

const { check, directory } = readArguments(process.argv.slice(2))
const stale = []
for (const { name, text } of [
  { name: 'cli.md', text: await describeCommands() },
  { name: 'events.md', text: describeEvents() },
  { name: 'properties.md', text: describeProperties() },
  { name: 'supervise.schema.json', text: describeSuperviseFile() },
]) {
  const path = join(directory, name)
  if ((await readFile(path, 'utf8').catch(() => undefined)) === text) continue
  if (check) stale.push(name)
  else await writeFile(path, text)
}
for (const name of stale) console.error(`docs: ${name} is not what the code says now; run "npm run docs"`)
process.exitCode = stale.length > 0 ? 1 : 0

function readArguments(args) {
  const check = args[0] === '--check'
  const [directory = join(root, 'docs'), ...more] = check ? args.slice(1) : args
  if (more.length === 0 && !directory.startsWith('-')) return { check, directory }
  console.error(`docs: expected [--check] [DIRECTORY], got "${args.join(' ')}"`)
  process.exit(64)
}

async function describeCommands() {
  const sections = await describeCommand([])
  return `${[
    '# Command line',
    'Made by `npm run docs` from what each command says with `--help`. Do not edit.',
    ...sections,
  ].join('\n\n')}\n`
}

/** The section of a command, and of all commands below it. */
async function describeCommand(path) {
  const help = await readHelp(path)
  const below = await Promise.all(listCommands(help).map((name) => describeCommand([...path, name])))
  return [`## ${['hangdog', ...path].join(' ')}`, `\`\`\`text\n${help}\n\`\`\``, ...below.flat()]
}

/** What commander writes to a pipe is 80 columns wide, whatever the terminal is; the variables are cleared to be sure of it. */
async function readHelp(path) {
  const env = { ...process.env, NO_COLOR: '1', COLUMNS: undefined, FORCE_COLOR: undefined, NODE_OPTIONS: undefined }
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...path, '--help'], { env })
  return stdout.trimEnd()
}

/** The names in the part "Commands:" of a help text, without commander's own `help`. */
function listCommands(help) {
  const part = /^Commands:\n((?: .*\n)+)/m.exec(help)?.[1] ?? ''
  return [...part.matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name).filter((name) => name !== 'help')
}

function describeEvents() {
  const rows = Object.entries(catalogue)
    .sort(([, a], [, b]) => a.id - b.id)
    .map(([name, { id, level, message }]) => [String(id), `\`${name}\``, level, message.replaceAll('|', '\\|')])
  return `${[
    '# Events',
    '',
    'Made by `npm run docs` from `src/event/catalogue.ts`. Do not edit.',
    '',
    'Numbers below 15800 keep the meaning they have in Microsoft Cluster Service and the Service Control Manager; the others are',
    'our own. A number is never reused. `{name}` stands for the parameter of that name; `hangdog events --json` prints the parameters',
    'as an object.',
    '',
    ...layOutTable(['Number', 'Name', 'Level', 'Message'], rows),
  ].join('\n')}\n`
}

function describeProperties() {
  const rows = definitionRows().map(([name, ...cells]) => [`\`${name}\``, ...cells])
  return `${[
    '# Properties',
    '',
    'Made by `npm run docs` from `src/property/definitions`. Do not edit.',
    '',
    'A property can be set for the whole cluster, for one service, or for both; then the one of the service wins. A value outside the',
    'bounds is refused. `hangdog prop set` and `hangdog cluster /prop` change properties, at once and without a restart.',
    '',
    ...layOutTable(definitionHeadings, rows),
    '',
    'These take words in place of numbers, in upper or lower case:',
    '',
    ...layOutTable(['Name', 'Words'], wordRows()),
    '',
    'The profile `windows2003` has the defaults of Windows 2000 and 2003 where they differ:',
    '',
    ...layOutTable(['Name', 'Default'], olderRows()),
  ].join('\n')}\n`
}

function wordRows() {
  return definitions
    .filter(({ words }) => words !== undefined)
    .map(({ name, words }) => [
      `\`${name}\``,
      Object.entries(words)
        .map(([word, number]) => `\`${word}\` ${number}`)
        .join(', '),
    ])
}

function olderRows() {
  return definitionsOf('windows2003')
    .filter((definition) => definition.default.value !== findDefinition(definition.name).default.value)
    .map((definition) => [`\`${definition.name}\``, String(definition.default.value)])
}

/** Padded as the formatter wants it, so that `npm run format` changes nothing. */
function layOutTable(header, rows) {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((row) => row[column].length)))
  const line = (cells, filler = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column], filler)).join(' | ')} |`
  return [
    line(header),
    line(
      header.map(() => ''),
      '-',
    ),
    ...rows.map((row) => line(row)),
  ]
}

function describeSuperviseFile() {
  return `${JSON.stringify(z.toJSONSchema(superviseSchema, { io: 'input' }), undefined, 2)}\n`
}
