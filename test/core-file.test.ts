import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { corePath, isCoreFile, pruneCores } from '../src/core-file.js'
import { prune } from '../src/event/retention.js'
import { seconds } from '../src/time.js'
import { temporaryDirectory } from './event/events.js'

const mebibyte = 1024 * 1024

function setUp(t: Test) {
  const root = temporaryDirectory(t)
  const directories = { events: join(root, 'events'), incidents: join(root, 'incidents') }
  mkdirSync(directories.events)
  const incident = (name: string, age: number, file: string, bytes: number): void => {
    const path = join(directories.incidents, name)
    mkdirSync(path, { recursive: true })
    for (const [each, size] of [
      ['closed.json', 100],
      [file, bytes],
    ] as const) {
      writeFileSync(join(path, each), Buffer.alloc(size, 1))
      const at = Date.now() / 1000 - age
      utimesSync(join(path, each), at, at)
    }
  }
  const files = (): string[] => readdirSync(directories.incidents, { recursive: true }).map(String).sort()
  return { directories, incident, files }
}

t.test('the oldest cores go first, and their incidents stay', async (t) => {
  const { directories, incident, files } = setUp(t)
  incident('a', 300, 'core.1', mebibyte)
  incident('b', 200, 'core.2', mebibyte)
  incident('c', 100, 'core.3', mebibyte)
  t.equal(await pruneCores(directories.incidents, 2.5 * mebibyte), 1)
  t.strictSame(files(), ['a', 'a/closed.json', 'b', 'b/closed.json', 'b/core.2', 'c', 'c/closed.json', 'c/core.3'])
  t.equal(await pruneCores(directories.incidents, 2.5 * mebibyte), 0)
  t.equal(await pruneCores(join(directories.incidents, 'nowhere'), 0), 0)
})

t.test('a core that was never whole goes after a day, one that is being written stays', async (t) => {
  const { directories, incident, files } = setUp(t)
  incident('a', 25 * 3600, 'core.1.partial', 10)
  incident('b', 10, 'core.2.partial', mebibyte)
  t.equal(await pruneCores(directories.incidents, 0), 1)
  t.notOk(files().includes('a/core.1.partial'))
  t.ok(files().includes('b/core.2.partial'))
})

t.test('a large core costs no other incident its place', async (t) => {
  const { directories, incident, files } = setUp(t)
  incident('a', 300, 'steps.jsonl', 1000)
  incident('b', 100, 'core.2', 3 * mebibyte)
  const limits = { maxAge: seconds(3600), maxBytes: 5000 }
  t.strictSame(await prune(directories, limits, new Date()), { events: 0, incidents: 0 })
  t.ok(files().includes('a/steps.jsonl'))
  t.ok(files().includes('b/core.2'))
})

t.test('only files that are named as cores are cores', async (t) => {
  for (const name of ['core.1', 'core.12.partial']) t.ok(isCoreFile(name), name)
  for (const name of ['core', 'core.x', 'core.1.txt', 'score.1', 'evidence']) t.notOk(isCoreFile(name), name)
  t.equal(corePath('/x', 7), '/x/core.7')
})
