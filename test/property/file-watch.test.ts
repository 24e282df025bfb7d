import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { watchFile } from '../../src/property/file-watch.js'
import { temporaryDirectory } from './store-place.js'

/** Generous: other tests use this machine too. */
const patienceMs = 30_000
/** Longer than several notices are gathered. */
const settleMs = 200

function startWatching(t: Test, directory: string) {
  const watching = { calls: 0, end: () => {} }
  watching.end = watchFile(directory, 'file', () => {
    watching.calls += 1
  })
  t.teardown(watching.end)
  return watching
}

async function until(check: () => boolean, what: string): Promise<void> {
  const end = Date.now() + patienceMs
  while (!check()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await sleep(10)
  }
}

function replace(directory: string, text: string): void {
  writeFileSync(join(directory, 'draft'), text)
  renameSync(join(directory, 'draft'), join(directory, 'file'))
}

t.test('a file that is made, replaced or removed is noticed', async (t) => {
  const directory = temporaryDirectory(t)
  const watching = startWatching(t, directory)
  for (const change of [
    () => writeFileSync(join(directory, 'file'), 'a'),
    () => replace(directory, 'b'),
    () => rmSync(join(directory, 'file')),
  ]) {
    await sleep(settleMs)
    const before = watching.calls
    change()
    await until(() => watching.calls > before, String(change))
  }
})

t.test('many changes at once make few calls, and other files none', async (t) => {
  const directory = temporaryDirectory(t)
  const watching = startWatching(t, directory)
  for (let number = 0; number < 50; number += 1) writeFileSync(join(directory, 'other'), String(number))
  await sleep(settleMs)
  t.equal(watching.calls, 0)
  for (let number = 0; number < 50; number += 1) replace(directory, String(number))
  await until(() => watching.calls > 0, 'a call')
  await sleep(settleMs)
  t.ok(watching.calls < 25, `${watching.calls} calls`)
})

/** With a system that tells of changes as it is told to. */
async function withWatch(t: Test, watch: typeof fs.watch): Promise<typeof watchFile> {
  const mocked = (await t.mockImport('../../src/property/file-watch.js', {
    'node:fs': { ...fs, watch },
  })) as typeof import('../../src/property/file-watch.js')
  return mocked.watchFile
}

t.test('a directory that does not exist yet is watched as soon as it does', async (t) => {
  const directory = join(temporaryDirectory(t), 'later')
  let watchers = 0
  const watchFile = await withWatch(t, ((...args: Parameters<typeof fs.watch>) => {
    const watcher = fs.watch(...args)
    watchers += 1
    return watcher
  }) as typeof fs.watch)
  let calls = 0
  t.teardown(
    watchFile(directory, 'file', () => {
      calls += 1
    }),
  )
  t.equal(watchers, 0)
  mkdirSync(directory)
  replace(directory, 'a')
  await until(() => calls > 0, 'a call for the first file')
  t.equal(watchers, 1, 'the system tells of changes from now on')
  await sleep(settleMs)
  const before = calls
  replace(directory, 'b')
  await until(() => calls > before, 'a call for the second')
})

t.test('where the system does not tell of changes the file is looked at', async (t) => {
  const directory = temporaryDirectory(t)
  const watchFile = await withWatch(t, () => {
    throw Object.assign(new Error('no space for another watch'), { code: 'ENOSPC' })
  })
  let calls = 0
  const end = watchFile(directory, 'file', () => {
    calls += 1
  })
  t.teardown(end)
  for (const text of ['a', 'b']) {
    const before = calls
    replace(directory, text)
    await until(() => calls > before, `a call for ${text}`)
  }
  end()
  end()
})

t.test('when the system stops telling of changes the file is looked at', async (t) => {
  const directory = temporaryDirectory(t)
  const watchers: fs.FSWatcher[] = []
  const watchFile = await withWatch(t, ((...args: Parameters<typeof fs.watch>) => {
    if (watchers.length > 0) throw new Error('no more')
    const watcher = fs.watch(...args)
    watchers.push(watcher)
    return watcher
  }) as typeof fs.watch)
  let calls = 0
  t.teardown(
    watchFile(directory, 'file', () => {
      calls += 1
    }),
  )
  watchers[0]?.emit('error', new Error('gone'))
  replace(directory, 'a')
  await until(() => calls > 0, 'a call')
})

t.test('nothing is heard after the end, not even of what was before', async (t) => {
  const directory = temporaryDirectory(t)
  const watching = startWatching(t, directory)
  replace(directory, 'a')
  watching.end()
  watching.end()
  await sleep(settleMs)
  t.equal(watching.calls, 0)
})

t.test('a process that only watches ends', async (t) => {
  const directory = temporaryDirectory(t)
  const watcher = fileURLToPath(new URL('../fixtures/property/watches.mjs', import.meta.url))
  for (const place of [directory, join(directory, 'not-there')]) {
    const child = spawn('env', ['-i', process.execPath, watcher, place], { stdio: 'inherit' })
    t.teardown(() => child.kill('SIGKILL'))
    t.equal(await new Promise((resolve) => child.once('close', resolve)), 0)
  }
})
