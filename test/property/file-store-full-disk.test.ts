import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { describeError, systemCode } from '../../src/errors.js'
import type { PropertyStore } from '../../src/property/store.js'
import { author, dword, plain, set } from '../contract/property-store.js'
import { openStore, temporaryDirectory } from './store-place.js'

// Real file systems, in memory and small.

/** @returns the directory, or why there is none */
function mountSmall(t: Test, options: string): { readonly directory: string } | { readonly skipped: string } {
  if (process.getuid?.() !== 0) return { skipped: 'only root can mount a file system' }
  const directory = join(temporaryDirectory(t), 'small')
  mkdirSync(directory)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `mode=700,${options}`, 'tmpfs', directory], { stdio: 'pipe' })
  } catch (error) {
    return { skipped: `a file system in memory cannot be mounted: ${describeError(error)}` }
  }
  t.teardown(() => execFileSync('umount', ['-l', directory]))
  return { directory }
}

function onSmall(title: string, options: string, body: (t: Test, directory: string) => Promise<void>): void {
  t.test(title, async (t) => {
    const mounted = mountSmall(t, options)
    if ('skipped' in mounted) t.comment(`skipped: ${mounted.skipped}`)
    else await body(t, mounted.directory)
  })
}

/** Fills what is left, to the last byte. */
function fill(directory: string): string {
  const path = join(directory, 'filler')
  try {
    for (;;) writeFileSync(path, Buffer.alloc(4096), { flag: 'a' })
  } catch (error) {
    if (systemCode(error) !== 'ENOSPC') throw error
    return path
  }
}

const names = ['properties.json', 'properties.previous.json']

/** The change is refused for that reason, the state and the files are as before, and in a loop nothing piles up. */
async function checkRefused(t: Test, store: PropertyStore, directory: string, found: string): Promise<void> {
  const before = plain(await store.read())
  for (let number = 0; number < 3; number += 1) {
    await t.rejects(store.change([set('A', dword(1000 + number))], author), {
      code: 'create',
      exitCode: 73,
      message: `cannot change the properties in "${join(directory, 'properties.json')}": expected to be able to write there, found ${found}`,
    })
    t.strictSame(
      readdirSync(directory).filter((name) => name.startsWith('properties')),
      names,
    )
  }
  t.strictSame(plain(await openStore(directory).read()), before)
}

onSmall('on a full disk a change is refused, and works when there is room again', 'size=64k', async (t, directory) => {
  const store = openStore(directory)
  for (let number = 1; number <= 3; number += 1) await store.change([set('A', dword(number))], author)
  const filler = fill(directory)
  await checkRefused(t, store, directory, 'a full disk (ENOSPC)')
  rmSync(filler)
  t.equal((await store.change([set('A', dword(4))], author)).generation, 4)
  t.strictSame(readdirSync(directory).sort(), names)
})

onSmall(
  'a disk that becomes full in the middle of a change leaves the state as it was',
  'size=64k',
  async (t, directory) => {
    const store = openStore(directory)
    for (let number = 1; number <= 3; number += 1) await store.change([set('A', dword(number))], author)
    const before = plain(await store.read())
    const large = { format: 'BINARY', value: new Uint8Array(100_000) } as const
    await t.rejects(store.change([set('Large', large)], author), { code: 'create', message: /a full disk \(ENOSPC\)/ })
    t.strictSame(plain(await openStore(directory).read()), before)
    t.strictSame(readdirSync(directory).sort(), names)
    t.equal((await store.change([set('A', dword(4))], author)).generation, 4)
  },
)

onSmall('where no more files can be made a change is refused', 'nr_inodes=8', async (t, directory) => {
  const store = openStore(directory)
  for (let number = 1; number <= 2; number += 1) await store.change([set('A', dword(number))], author)
  for (let number = 0; ; number += 1) {
    try {
      writeFileSync(join(directory, `filler${number}`), '')
    } catch {
      break
    }
  }
  await checkRefused(t, store, directory, 'a full disk (ENOSPC)')
})

onSmall('on a read-only file system a change is refused, and reading works', 'size=64k', async (t, directory) => {
  const store = openStore(directory)
  for (let number = 1; number <= 2; number += 1) await store.change([set('A', dword(number))], author)
  execFileSync('mount', ['-o', 'remount,ro', directory])
  await checkRefused(t, store, directory, 'a read-only file system (EROFS)')
  t.equal((await store.read()).generation, 2)
})
