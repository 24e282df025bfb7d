import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import ts from 'typescript'
import { describeCause } from '../../src/evidence/cause.js'
import { readMapText, resolveSource } from '../../src/evidence/source-map.js'
import { milliseconds } from '../../src/time.js'
import { fixture, recordingSignaller, requestFor, startHung } from '../fixtures/evidence/hung-service.js'

// Maps are read in a worker thread, which knows nothing of the loader that lets tests run from the sources: so this is the built code.
const built = (name: string): string => new URL(`../../dist/evidence/${name}.js`, import.meta.url).href
const { createJavaScriptStackCollector }: typeof import('../../src/evidence/javascript-stack.js') = await import(
  built('javascript-stack')
)
const { askMaps }: typeof import('../../src/evidence/source-map.js') = await import(built('source-map'))

const limit = milliseconds(8000)

/** Compiles to other lines than these: types and comments are left out. */
const program = `
interface Job {
  readonly id: number
}
interface Result {
  readonly done: boolean
}

function grind(job: Job): Result {
  process.stdout.write('hung\\n')
  for (;;) if (job.id < 0) return { done: true }
}

setTimeout(() => grind({ id: 1 }), 50)
`
const spinLine = program.split('\n').findIndex((line) => line.includes('for (;;)')) + 1

function makeFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'hangdog-map-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes the compiled program, with the map that this answers for the one the compiler made. */
function compile(folder: string, options: ts.CompilerOptions): { readonly file: string; readonly map: string } {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, ...options }
  const { outputText, sourceMapText } = ts.transpileModule(program, { compilerOptions, fileName: 'grind.ts' })
  const file = join(folder, 'grind.mjs')
  writeFileSync(file, outputText.replace('grind.js.map', 'grind.mjs.map'))
  return { file, map: sourceMapText ?? '' }
}

async function captureOf(t: Test, file: string) {
  const service = await startHung(t, process.execPath, ['--import', fixture('random-inspector-port.mjs'), file])
  const collector = createJavaScriptStackCollector(recordingSignaller())
  const found = await collector.collect(requestFor(service, limit), limit, new AbortController().signal)
  if (found.kind !== 'found') throw new Error(JSON.stringify(found))
  const exhibit = { kind: 'captured', name: 'javascript-stack', tookMs: 1, content: found.content } as const
  return { content: found.content, cause: describeCause({ kind: 'busy-loop', cpuPercent: 99 }, [exhibit]) }
}

t.test('a frame is shown at its place in the source, by a map in a file', async (t) => {
  const folder = makeFolder(t)
  const { file, map } = compile(folder, { sourceMap: true })
  writeFileSync(`${file}.map`, map)
  const { content, cause } = await captureOf(t, file)
  const source = pathToFileURL(join(folder, 'grind.ts')).href
  const generated = { url: pathToFileURL(file).href, line: Number }
  t.match(content, { frames: [{ function: 'grind', url: source, line: spinLine, generated }] })
  t.ok(cause.startsWith(`busy loop in grind (grind.ts:${spinLine}), `), cause)
})

t.test('a frame is shown at its place in the source, by a map in the script', async (t) => {
  const { file } = compile(makeFolder(t), { inlineSourceMap: true })
  const { cause } = await captureOf(t, file)
  t.ok(cause.startsWith(`busy loop in grind (grind.ts:${spinLine}), `), cause)
})

t.test('a map that is no map leaves the frame as it runs, and nothing of its text in the exhibit', async (t) => {
  const { file } = compile(makeFolder(t), { sourceMap: true })
  writeFileSync(`${file}.map`, 'root:secret-of-another-file:0:0\n')
  const { content } = await captureOf(t, file)
  t.match(content, { frames: [{ function: 'grind', url: pathToFileURL(file).href }] })
  t.match(content, { notMapped: [/grind\.mjs: its source map cannot be used$/] })
  t.notOk(JSON.stringify(content).includes('secret-of-another-file'))
})

t.test('a map that is missing is said to be', async (t) => {
  const { file } = compile(makeFolder(t), { sourceMap: true })
  const { content } = await captureOf(t, file)
  t.match(content, {
    frames: [{ function: 'grind' }],
    notMapped: [/its source map was not read: it no longer exists$/],
  })
})

t.test('no map is read that is not in a plain file', async (t) => {
  const folder = makeFolder(t)
  const fifo = join(folder, 'fifo.map')
  execFileSync('mkfifo', [fifo])
  writeFileSync(join(folder, 'long.map'), Buffer.alloc(13 * 1024 * 1024))
  const scriptUrl = pathToFileURL(join(folder, 'app.js')).href
  const cases = {
    'http://127.0.0.1:9/app.js.map': /is not in a file/,
    '//host/app.js.map': /is not in a file/,
    'fifo.map': /no plain file/,
    'long.map': /longer than/,
    '.': /no plain file/,
  }
  for (const [mapUrl, reason] of Object.entries(cases)) {
    t.match(await readMapText(process.pid, { scriptUrl, mapUrl }), { kind: 'unreadable', reason }, mapUrl)
  }
})

t.test('places without a mapping of their own line have no original', async (t) => {
  const text = JSON.stringify({ version: 3, sources: ['a.ts'], names: [], mappings: 'AAAA;;AAEA', sourceRoot: 'src' })
  const positions = [0, 1, 2].map((line) => ({ line, column: 4 }))
  t.strictSame(await askMaps([{ text, positions }], 5000), [
    [{ source: 'src/a.ts', line: 0, column: 0 }, undefined, { source: 'src/a.ts', line: 2, column: 0 }],
  ])
})

t.test('a map that is not done in time is left out', async (t) => {
  const text = JSON.stringify({ version: 3, sources: ['a.ts'], names: [], mappings: 'AAAA'.repeat(2_000_000) })
  t.strictSame(await askMaps([{ text, positions: [{ line: 0, column: 0 }] }], 1), [undefined])
})

t.test('a source is resolved against its map', async (t) => {
  t.equal(resolveSource('../src/a.ts', 'file:///srv/dist/a.js.map'), 'file:///srv/src/a.ts')
  t.equal(resolveSource('webpack://app/./a.ts', 'file:///srv/dist/a.js.map'), 'webpack://app/a.ts')
  t.equal(resolveSource('x'.repeat(5000), 'file:///srv/').length, 1000)
})
