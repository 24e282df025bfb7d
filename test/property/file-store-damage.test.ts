import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { decodeStoreFile } from '../../src/property/store-file.js'
import { author, dword, plain, reset, set } from '../contract/property-store.js'
import { openStore, openTroubled, temporaryDirectory } from './store-place.js'

/** Two generations of a store with some of everything, and their bytes. */
async function twoGenerations(t: Test) {
  const directory = temporaryDirectory(t)
  const current = join(directory, 'properties.json')
  const previous = join(directory, 'properties.previous.json')
  const store = openStore(directory)
  const text = { format: 'SZ', value: 'ü"\n' } as const
  const older = plain(await store.change([set('A', dword(1)), set('Text', text, 'web')], author))
  const newer = plain(await store.change([set('A', dword(2)), reset('Text', 'web'), set('B', dword(1), 'web')], author))
  return { directory, current, previous, older, newer, bytes: readFileSync(current) }
}

t.test('a file torn at any byte is noticed, and the generation before is used', async (t) => {
  const { directory, current, older, newer, bytes } = await twoGenerations(t)
  for (let length = 0; length < bytes.length; length += 1) {
    writeFileSync(current, bytes.subarray(0, length))
    const { store, troubles } = openTroubled(directory)
    const read = plain(await store.read())
    // Only the last newline is missing: that is no damage.
    if (length === bytes.length - 1) t.strictSame(read, newer)
    else if (troubles.length !== 1) t.fail(`not noticed at ${length}`)
    else t.strictSame(read, older, `torn at ${length}`)
  }
  t.ok(bytes.length > 500)
})

t.test('each changed bit is noticed', async (t) => {
  const { bytes } = await twoGenerations(t)
  t.equal(decodeStoreFile(bytes).kind, 'whole')
  const missed: string[] = []
  for (let at = 0; at < bytes.length; at += 1) {
    for (let bit = 0; bit < 8; bit += 1) {
      const changed = Buffer.from(bytes)
      changed[at] = (bytes[at] ?? 0) ^ (1 << bit)
      // A flipped version number must not make it a newer file, which would not be replaced.
      const { kind } = decodeStoreFile(changed)
      if (kind !== 'damaged') missed.push(`${kind} at ${at}.${bit}`)
    }
  }
  t.strictSame(missed, [])
})

t.test('any bytes are taken for what they are, without an exception', async (t) => {
  const { bytes } = await twoGenerations(t)
  const hostile = [
    'null',
    '[]',
    '{}',
    '1',
    '"x"',
    '{"version":1}',
    '{"version":"2"}',
    '{"version":1.5}',
    '{"version":-2}',
    '['.repeat(100_000),
    `{"version":1,"common":${'{"a":'.repeat(10_000)}`,
  ]
  for (const text of hostile) t.equal(decodeStoreFile(Buffer.from(text)).kind, 'damaged', text.slice(0, 40))
  for (let round = 0; round < 2000; round += 1) {
    const garbage = Buffer.from(bytes)
    for (let count = 0; count < 20; count += 1) {
      garbage[Math.floor(Math.random() * garbage.length)] = Math.floor(Math.random() * 256)
    }
    const cut = garbage.subarray(0, Math.floor(Math.random() * garbage.length))
    if (decodeStoreFile(cut).kind !== 'damaged') t.fail(cut.toString('hex'))
  }
})

t.test('the trouble says what was found and what is used, once until it is mended', async (t) => {
  const { directory, current, bytes } = await twoGenerations(t)
  const { store, troubles } = openTroubled(directory)
  writeFileSync(current, bytes.subarray(0, 100))
  await store.read()
  await store.read()
  t.strictSame(troubles, [
    {
      text: `the properties in "${current}" cannot be used, found a checksum that does not match (torn, damaged or changed by hand); generation 1 in "properties.previous.json" is used instead`,
    },
  ])
  writeFileSync(current, '')
  await store.read()
  t.match(troubles[1]?.text, /found an empty file;/)
  writeFileSync(current, bytes)
  await store.read()
  writeFileSync(current, '')
  await store.read()
  t.equal(troubles.length, 3)
})

t.test('the next change repairs a damaged file, and keeps the generation that was whole', async (t) => {
  const { directory, current, previous, bytes } = await twoGenerations(t)
  const whole = readFileSync(previous)
  writeFileSync(current, bytes.subarray(0, 100))
  const { store, troubles } = openTroubled(directory)
  const { generation, common, services } = await store.change([set('C', dword(3))], author)
  t.equal(generation, 3, 'the lost generation keeps its number')
  t.strictSame(common.get('A'), dword(1))
  t.strictSame(common.get('C'), dword(3))
  t.ok(services.get('web')?.has('Text'))
  t.equal(troubles.length, 1)
  t.strictSame(readFileSync(previous), whole)
  const again = openTroubled(directory)
  t.equal((await again.store.read()).generation, 3)
  t.strictSame(again.troubles, [])
  await again.store.change([set('C', dword(4))], author)
  t.equal(JSON.parse(readFileSync(previous, 'utf8')).generation, 3, 'from now on as ever')
})

t.test('a missing current file beside a previous one is a trouble, not an empty store', async (t) => {
  const { directory, current, older } = await twoGenerations(t)
  rmSync(current)
  const { store, troubles } = openTroubled(directory)
  t.strictSame(plain(await store.read()), older)
  t.match(troubles[0]?.text, /found no file; generation 1 in "properties.previous.json" is used instead/)
  t.equal((await store.change([set('A', dword(5))], author)).generation, 2)
  t.strictSame(readdirSync(directory).sort(), ['properties.json', 'properties.previous.json'])
})

t.test('when nothing is usable the error names both and nothing is overwritten', async (t) => {
  const { directory, current, previous, bytes } = await twoGenerations(t)
  const cases: readonly (readonly [() => void, RegExp])[] = [
    [() => writeFileSync(previous, ''), /found a checksum that .* in the first and an empty file in the second/],
    [() => rmSync(previous), /found a checksum that .* in the first and no file in the second/],
  ]
  writeFileSync(current, bytes.subarray(0, 200))
  for (const [damage, message] of cases) {
    damage()
    const before = readdirSync(directory).map((name) => readFileSync(join(directory, name)))
    const { store, troubles } = openTroubled(directory)
    await t.rejects(store.read(), { code: 'data', message })
    await t.rejects(store.change([set('A', dword(5))], author), { code: 'data', message })
    await t.rejects(store.read(), { message: /"properties.json" or "properties.previous.json"/ })
    t.strictSame(
      readdirSync(directory).map((name) => readFileSync(join(directory, name))),
      before,
    )
    t.strictSame(troubles, [])
  }
  rmSync(current)
  t.equal((await openStore(directory).read()).generation, 0, 'with both away it is empty')
})

t.test('a missing current file beside a damaged previous one is an error as well', async (t) => {
  const { directory, current, previous } = await twoGenerations(t)
  rmSync(current)
  writeFileSync(previous, 'x')
  await t.rejects(openStore(directory).read(), { code: 'data', message: /found no file in the first/ })
})

/** As a later hangdog may write it: with our envelope, or with one of its own. */
const newerFiles = async (t: Test): Promise<readonly (readonly [string, Buffer])[]> => {
  const { createHash } = await import('node:crypto')
  const open = '{\n  "version": 2,\n  "generation": 9,\n  "rules": []'
  const sum = createHash('sha256').update(open).digest('hex')
  const enveloped = Buffer.from(`${open},\n  "sha256": "${sum}"\n}\n`)
  t.strictSame(decodeStoreFile(enveloped), { kind: 'newer', version: 2 })
  return [
    ['with the checksum', enveloped],
    ['without it', Buffer.from('{"version":2,"rules":[]}')],
  ]
}

t.test('a file of a newer version is neither read, nor passed over, nor overwritten', async (t) => {
  for (const [how, bytes] of await newerFiles(t)) {
    const { directory, current, previous } = await twoGenerations(t)
    writeFileSync(current, bytes)
    const before = readFileSync(previous)
    const { store, troubles } = openTroubled(directory)
    const refused = {
      code: 'data',
      exitCode: 65,
      message: `cannot read the properties in "${current}": written by a newer hangdog: version 2, expected at most 1`,
    }
    await t.rejects(store.read(), refused, how)
    await t.rejects(store.change([set('A', dword(5))], author), refused, how)
    t.strictSame(readFileSync(current), bytes)
    t.strictSame(readFileSync(previous), before)
    t.strictSame(readdirSync(directory).sort(), ['properties.json', 'properties.previous.json'])
    t.strictSame(troubles, [])
    renameSync(current, previous)
    await t.rejects(
      store.read(),
      { code: 'data', message: /previous\.json": written by a newer hangdog: version 2/ },
      how,
    )
  }
})

t.test('a whole file with a form that no hangdog writes is damaged', async (t) => {
  const { createHash } = await import('node:crypto')
  const seal = (content: object): Buffer => {
    const open = JSON.stringify(content, undefined, 2).slice(0, -2)
    return Buffer.from(`${open},\n  "sha256": "${createHash('sha256').update(open).digest('hex')}"\n}\n`)
  }
  const good = { version: 1, generation: 1, common: {}, services: {}, recent: [] }
  t.equal(decodeStoreFile(seal(good)).kind, 'whole')
  const a = (stored: unknown) => ({ ...good, common: { A: stored } })
  const changes = (each: object) => ({
    ...good,
    recent: [{ generation: 1, author: { pid: 1 }, at: 'x', changes: [], ...each }],
  })
  t.equal(decodeStoreFile(seal(changes({}))).kind, 'whole')
  for (const content of [
    { ...good, version: 0 },
    { ...good, generation: -1 },
    { ...good, generation: '1' },
    { ...good, common: [] },
    { ...good, services: null },
    { ...good, services: { web: 1 } },
    { ...good, recent: {} },
    { ...good, recent: [1] },
    a(1),
    a({}),
    a({ format: 'DWORD' }),
    a({ format: 'DWORD', value: '1' }),
    a({ format: 'DWORD', value: 2 ** 32 }),
    a({ format: 'WORD', value: -1 }),
    a({ format: 'LONG', value: 0.5 }),
    a({ format: 'ULARGE_INTEGER', value: '-1' }),
    a({ format: 'ULARGE_INTEGER', value: 1 }),
    a({ format: 'LARGE_INTEGER', value: '0x1' }),
    a({ format: 'FILETIME', value: '9'.repeat(100_000) }),
    a({ format: 'SZ', value: 1 }),
    a({ format: 'MULTI_SZ', value: 'a' }),
    a({ format: 'MULTI_SZ', value: [1] }),
    a({ format: 'BINARY', value: '0' }),
    a({ format: 'BINARY', value: 'zz' }),
    a({ format: 'toString', value: 1 }),
    changes({ author: 1 }),
    changes({ author: { uid: 'x', pid: 1 } }),
    changes({ at: 1 }),
    changes({ changes: [1] }),
    changes({ changes: [{ name: 1 }] }),
    changes({ changes: [{ name: 'A', service: 1 }] }),
    changes({ changes: [{ name: 'A', to: 1 }] }),
  ]) {
    const decoded = decodeStoreFile(seal(content))
    t.match(
      decoded,
      { kind: 'damaged', finding: /^a wrong form|expected a format/ },
      JSON.stringify(content).slice(0, 120),
    )
  }
})

t.test('a file that is too large to be one is not read into memory', async (t) => {
  const { directory, current, older } = await twoGenerations(t)
  const { truncateSync } = await import('node:fs')
  truncateSync(current, 2 ** 40)
  t.equal(statSync(current).size, 2 ** 40)
  const { store, troubles } = openTroubled(directory)
  t.strictSame(plain(await store.read()), older)
  t.match(troubles[0]?.text, /found more than 16777216 bytes;/)
})
