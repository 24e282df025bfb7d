import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { findCrashDumps } from '../../src/aftermath/crash-dump.js'
import { temporaryDirectory } from '../event/events.js'
import { crashIncident, crashLog, during, longBefore } from './support.js'

function put(path: string, text: string, at = during): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  utimesSync(path, at, at)
  utimesSync(dirname(path), at, at)
}

t.test('a dump is found in the layout of each distribution', async (t) => {
  const layouts = [
    ['202611210748', 'dump.202611210748', 'dmesg.202611210748'],
    ['127.0.0.1-2026-11-21-07:48:11', 'vmcore', 'vmcore-dmesg.txt'],
    ['2026-11-21-07:48', 'vmcore', 'dmesg.txt'],
  ] as const
  for (const [folder, image, log] of layouts) {
    const directory = temporaryDirectory(t)
    put(join(directory, folder, image), 'the memory')
    put(join(directory, folder, log), crashLog)
    put(join(directory, folder, 'kexec-dmesg.log'), 'the log of the crash kernel itself')
    put(join(directory, 'kexec_cmd'), 'a file that is no dump')
    const [found, ...others] = await findCrashDumps(directory)
    t.same(others, [], folder)
    t.match(found, {
      directory: join(directory, folder),
      image: { path: join(directory, folder, image), bytes: 10, complete: true },
      log: { path: join(directory, folder, log), cut: false },
      writtenAt: during,
    })
    t.ok(found?.log?.text.includes(`incident ${crashIncident}`))
  }
})

t.test('a dump that was not finished is one, and says so; a whole one is preferred', async (t) => {
  const directory = temporaryDirectory(t)
  put(join(directory, 'a', 'vmcore-incomplete'), 'x')
  t.match(await findCrashDumps(directory), [{ image: { complete: false }, log: null }])
  put(join(directory, 'a', 'vmcore'), 'xy')
  t.match(await findCrashDumps(directory), [{ image: { complete: true, bytes: 2 } }])
})

t.test('a log alone is a dump, a directory without either is none', async (t) => {
  const directory = temporaryDirectory(t)
  put(join(directory, 'a', 'dmesg.202611210748'), crashLog)
  put(join(directory, 'b', 'notes.txt'), '')
  t.match(await findCrashDumps(directory), [{ image: null, directory: join(directory, 'a') }])
})

t.test('of many dumps the newest are looked at, and of a long log the end is read', async (t) => {
  const directory = temporaryDirectory(t)
  for (let index = 0; index < 20; index++) {
    const at = new Date(longBefore.getTime() + index * 60_000)
    put(join(directory, `2026112007${index}`, 'dmesg.txt'), `${'x'.repeat(400_000)}end ${index}`, at)
  }
  const found = await findCrashDumps(directory)
  t.equal(found.length, 8)
  t.match(found[0]?.log, { cut: true, text: /end 19$/ })
  t.equal(found[0]?.log?.text.length, 256 * 1024)
})

t.test('a missing directory holds no dumps; what is no directory is an error', async (t) => {
  const directory = temporaryDirectory(t)
  t.same(await findCrashDumps(join(directory, 'missing')), [])
  writeFileSync(join(directory, 'file'), '')
  await t.rejects(findCrashDumps(join(directory, 'file')), { code: 'ENOTDIR' })
})
