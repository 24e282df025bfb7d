import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { formatNote } from '../../src/lock-note.js'
import { thisProcess } from '../../src/process-identity.js'
import { seconds } from '../../src/time.js'
import { author, dword, plain, propertyStoreContract, set } from '../contract/property-store.js'
import { FakeClock } from '../support/fake-clock.js'
import { openStore, temporaryDirectory } from './store-place.js'

propertyStoreContract(t, 'file store', async (t) => {
  const directory = temporaryDirectory(t)
  return { open: () => openStore(directory) }
})

const current = (directory: string) => join(directory, 'properties.json')
const previous = (directory: string) => join(directory, 'properties.previous.json')

/** A store with so many generations, in which `A` is the number of the generation. */
async function filled(t: Test, generations: number) {
  const directory = temporaryDirectory(t)
  const store = openStore(directory)
  for (let number = 1; number <= generations; number += 1) await store.change([set('A', dword(number))], author)
  return { directory, store }
}

t.test('opening and reading make nothing', async (t) => {
  const directory = join(temporaryDirectory(t), 'not', 'there')
  const store = openStore(directory)
  t.equal((await store.read()).generation, 0)
  t.notOk(existsSync(directory))
  t.ok(store.description.includes(current(directory)))
})

t.test('the file is JSON that a person can read, and for its owner alone', async (t) => {
  const directory = temporaryDirectory(t)
  const clock = new FakeClock()
  await openStore(directory, { clock }).change(
    [
      set('Large', { format: 'ULARGE_INTEGER', value: 2n ** 63n }),
      set('Bytes', { format: 'BINARY', value: Uint8Array.of(0, 255) }),
      set('Action', dword(2), 'web'),
    ],
    author,
  )
  const text = readFileSync(current(directory), 'utf8')
  const { sha256, ...content } = JSON.parse(text)
  t.match(sha256, /^[0-9a-f]{64}$/)
  t.strictSame(content, {
    version: 1,
    generation: 1,
    common: {
      Bytes: { format: 'BINARY', value: '00ff' },
      Large: { format: 'ULARGE_INTEGER', value: '9223372036854775808' },
    },
    services: { web: { Action: { format: 'DWORD', value: 2 } } },
    recent: [
      {
        generation: 1,
        author,
        at: '2026-01-01T00:00:00.000Z',
        changes: [
          { name: 'Large', to: { format: 'ULARGE_INTEGER', value: '9223372036854775808' } },
          { name: 'Bytes', to: { format: 'BINARY', value: '00ff' } },
          { service: 'web', name: 'Action', to: { format: 'DWORD', value: 2 } },
        ],
      },
    ],
  })
  t.ok(text.startsWith('{\n  "version": 1,\n  "generation": 1,\n  "common": {\n    "Bytes": {\n'))
  t.equal(statSync(current(directory)).mode & 0o777, 0o600)
})

t.test('the generation before is kept, and nothing else is left', async (t) => {
  const { directory } = await filled(t, 3)
  t.equal(JSON.parse(readFileSync(current(directory), 'utf8')).generation, 3)
  t.equal(JSON.parse(readFileSync(previous(directory), 'utf8')).generation, 2)
  t.strictSame(readdirSync(directory).sort(), ['properties.json', 'properties.previous.json'])
})

t.test('a change set that makes no difference leaves the files as they are', async (t) => {
  const { directory, store } = await filled(t, 2)
  const look = () => [current(directory), previous(directory)].map((path) => statSync(path, { bigint: true }))
  const before = look().map(({ ino, mtimeNs, ctimeNs }) => ({ ino, mtimeNs, ctimeNs }))
  await store.change([set('A', dword(2))], author)
  t.strictSame(
    look().map(({ ino, mtimeNs, ctimeNs }) => ({ ino, mtimeNs, ctimeNs })),
    before,
  )
  t.equal(readdirSync(directory).length, 2)
})

t.test('a store object sees what was put in place of its file, also of the same length and time', async (t) => {
  const { directory, store } = await filled(t, 1)
  const { atime, mtime } = statSync(current(directory))
  const bytes = readFileSync(current(directory))
  const other = temporaryDirectory(t)
  await openStore(other).change([set('A', dword(7))], author)
  t.equal(statSync(current(other)).size, bytes.length)
  unlinkSync(current(directory))
  writeFileSync(current(directory), readFileSync(current(other)), { mode: 0o600 })
  utimesSync(current(directory), atime, mtime)
  t.strictSame((await store.read()).common.get('A'), dword(7))
  writeFileSync(current(directory), bytes)
  t.strictSame((await store.read()).common.get('A'), dword(1))
})

t.test('large values push the oldest changes out of the memory, never the newest', async (t) => {
  const { directory, store } = await filled(t, 3)
  for (let number = 0; number < 5; number += 1) {
    await store.change([set('Text', { format: 'SZ', value: `${number}`.repeat(100_000) })], author)
  }
  const { recent } = await openStore(directory).read()
  t.strictSame(
    recent.map(({ generation }) => generation),
    [8],
  )
  t.ok(statSync(current(directory)).size < 500_000)
  await store.change([set('A', dword(9))], author)
  t.equal((await openStore(directory).read()).recent.at(-1)?.generation, 9)
})

t.test('what would be too large to be read again is not written', async (t) => {
  const { directory, store } = await filled(t, 1)
  const before = plain(await store.read())
  const huge = { format: 'BINARY', value: new Uint8Array(9 * 1024 * 1024) } as const
  await t.rejects(store.change([set('Huge', huge)], author), {
    code: 'create',
    message: /expected at most 16777216 bytes in all/,
  })
  t.strictSame(plain(await openStore(directory).read()), before)
})

t.test('a number that its format cannot hold is a bug, and nothing is written', async (t) => {
  const { directory, store } = await filled(t, 1)
  for (const value of [Number.NaN, 1.5, -1, 2 ** 32]) {
    await t.rejects(store.change([set('A', dword(value))], author), { code: 'internal' })
  }
  const large = { format: 'LARGE_INTEGER', value: 2n ** 63n } as const
  await t.rejects(store.change([set('A', large)], author), { code: 'internal' })
  t.equal((await openStore(directory).read()).generation, 1)
  t.equal((await store.change([set('A', dword(2))], author)).generation, 2, 'and the store goes on')
})

t.test('a change to a directory that does not exist is refused', async (t) => {
  const directory = join(temporaryDirectory(t), 'none')
  await t.rejects(openStore(directory).change([set('A', dword(1))], author), {
    code: 'create',
    message: `cannot change the properties in "${current(directory)}": expected to be able to write there, found no such directory (ENOENT)`,
  })
  t.notOk(existsSync(directory))
})

t.test('while somebody else writes a change waits, and says in time for whom', async (t) => {
  const { directory } = await filled(t, 1)
  const holder = formatNote({ ...thisProcess(), born: new Date(), nonce: '0a' })
  symlinkSync(holder, join(directory, 'properties.lock'))
  const store = openStore(directory, { lockLimit: seconds(0.1) })
  const refused = { code: 'unavailable', message: new RegExp(`pid ${process.pid} .* has held the lock for`) }
  await t.rejects(store.change([set('A', dword(2))], author), refused)
  t.equal((await store.read()).generation, 1, 'reading does not wait')
  t.equal(readlinkSync(join(directory, 'properties.lock')), holder, 'the lock is as it was')
  rmSync(join(directory, 'properties.lock'))
  t.equal((await store.change([set('A', dword(2))], author)).generation, 2, 'the next change is not held up by it')
})

t.test('a lock that is taken away while its holder writes stops it', async (t) => {
  const { directory } = await filled(t, 2)
  const clock = new FakeClock()
  // Asked for the time of the change, in the middle of it.
  let times = 0
  clock.wallNow = () => {
    times += 1
    if (times === 2) unlinkSync(join(directory, 'properties.lock'))
    return new Date()
  }
  await t.rejects(openStore(directory, { clock }).change([set('A', dword(7))], author), {
    code: 'unavailable',
    message: /expected to hold the lock until it is written, but somebody took it away/,
  })
  const read = await openStore(directory).read()
  t.equal(read.generation, 2)
  t.equal(JSON.parse(readFileSync(previous(directory), 'utf8')).generation, 1, 'the one before is as it was')
  await openStore(directory).change([set('A', dword(3))], author)
  t.strictSame(readdirSync(directory).sort(), ['properties.json', 'properties.previous.json'])
})

t.test('a file that others can change is refused, and left alone', async (t) => {
  const { directory, store } = await filled(t, 2)
  chmodSync(current(directory), 0o620)
  const refused = { code: 'permission', message: /expected a file that only its owner can change, found mode 620/ }
  await t.rejects(store.read(), refused)
  await t.rejects(store.change([set('A', dword(3))], author), refused)
  chmodSync(current(directory), 0o644)
  t.equal((await store.read()).generation, 2, 'others may read it')
})

const root = process.getuid?.() === 0
const rootOnly = root ? {} : { skip: 'skipped: only root can give files away' }

t.test('a file of another user who is not root is refused, by root too', rootOnly, async (t) => {
  const { directory, store } = await filled(t, 1)
  chownSync(current(directory), 1234, 1234)
  const refused = { code: 'permission', message: /expected a file of user 0 or of root, found one of user 1234/ }
  await t.rejects(store.read(), refused)
  await t.rejects(store.change([set('A', dword(2))], author), refused)
  t.equal(statSync(current(directory)).uid, 1234)
})

t.test('a previous file of another user is no help', rootOnly, async (t) => {
  const { directory, store } = await filled(t, 2)
  chownSync(previous(directory), 1234, 1234)
  writeFileSync(current(directory), '')
  await t.rejects(store.read(), { code: 'data', message: /of user 1234/ })
})

t.test('what may not be read or written is a matter of permission', rootOnly, async (t) => {
  const { directory, store } = await filled(t, 2)
  chmodSync(directory, 0o755)
  const errors = await asNobody(async () => [
    await store.read().catch((error: unknown) => error),
    await openStore(join(directory))
      .change([set('A', dword(3))], author)
      .catch((error: unknown) => error),
  ])
  for (const error of errors) t.match(error, { code: 'permission' })
  t.equal((await store.read()).generation, 2)
  t.equal(readdirSync(directory).length, 2)
})

/** Runs it with the rights of a user that has none. */
async function asNobody<T>(run: () => Promise<T>): Promise<T> {
  process.seteuid?.(65_534)
  try {
    return await run()
  } finally {
    process.seteuid?.(0)
  }
}

t.test('what is in the place of the file and is no file is not waited for', async (t) => {
  const { directory, store } = await filled(t, 2)
  unlinkSync(current(directory))
  mkdirSync(current(directory))
  t.equal((await store.read()).generation, 1, 'the one before is used')
  await t.rejects(store.change([set('A', dword(9))], author), { code: 'create' })
})
