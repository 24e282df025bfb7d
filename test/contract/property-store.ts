import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import {
  type Author,
  type PropertyChange,
  type PropertySnapshot,
  type PropertyStore,
  rememberedChanges,
} from '../../src/property/store.js'
import type { PropertyValue } from '../../src/property/value.js'

/** A place of its own for each test, removed after it. */
export interface StorePlace {
  /** Opens another store object on this place, as another process would. */
  open(): PropertyStore
}

export const author: Author = { uid: 1000, pid: 4242 }

export const dword = (value: number): PropertyValue => ({ format: 'DWORD', value })

export const set = (name: string, value: PropertyValue, service?: string): PropertyChange => ({
  ...(service !== undefined && { service }),
  name,
  value,
})

export const reset = (name: string, service?: string): PropertyChange => ({
  ...(service !== undefined && { service }),
  name,
  value: undefined,
})

/** A snapshot as plain data, to be compared as a whole. */
export const plain = ({ generation, common, services, recent }: PropertySnapshot): object => ({
  generation,
  common: [...common].sort(),
  services: [...services].map(([name, values]) => [name, [...values].sort()]).sort(),
  recent,
})

/** Every code unit that may mean something to a format or a file: control characters, half a pair, line ends, the byte order mark. */
const texts = [
  '',
  ' ',
  '"\\/',
  '\0',
  '\r\n\t\u0007',
  'ü€😀',
  '\ud800',
  'a\udc00b',
  '\u2028\u2029',
  '\ufeff',
  '</script>',
  '%PATH%',
]

const values: readonly PropertyValue[] = [
  { format: 'DWORD', value: 0 },
  { format: 'DWORD', value: 0xffffffff },
  { format: 'LONG', value: -0x80000000 },
  { format: 'WORD', value: 0xffff },
  { format: 'ULARGE_INTEGER', value: 0xffffffffffffffffn },
  { format: 'LARGE_INTEGER', value: -0x8000000000000000n },
  { format: 'FILETIME', value: 133_000_000_000_000_001n },
  ...texts.map((value): PropertyValue => ({ format: 'SZ', value })),
  { format: 'EXPAND_SZ', value: '%SystemRoot%\\x' },
  { format: 'EXPANDED_SZ', value: 'C:\\Windows\\x' },
  { format: 'MULTI_SZ', value: [] },
  { format: 'MULTI_SZ', value: texts },
  { format: 'BINARY', value: new Uint8Array() },
  { format: 'BINARY', value: Uint8Array.from({ length: 256 }, (_, at) => at) },
  { format: 'SECURITY_DESCRIPTOR', value: Uint8Array.of(1, 0, 4, 128) },
]

/** Names that mean something to objects of JavaScript, to JSON or to paths. */
const hostileNames = ['__proto__', 'constructor', 'toString', '', '1', '../x', 'a"b\\', 'ü\u2028', '\ud800']

/** What every property store must do. `make` gives an empty place for each test. */
export function propertyStoreContract(t: Test, name: string, make: (t: Test) => Promise<StorePlace>): void {
  const check = (title: string, body: (t: Test, place: StorePlace) => Promise<void>): void => {
    t.test(`${name}: ${title}`, async (t) => body(t, await make(t)))
  }

  check('a store that was never written to is empty', async (t, place) => {
    const empty = { generation: 0, common: [], services: [], recent: [] }
    t.same(plain(await place.open().read()), empty)
    t.ok(place.open().description)
  })

  check('common and private values are kept apart and found again by another store object', async (t, place) => {
    await place.open().change([set('A', dword(1)), set('A', dword(2), 'web'), set('A', dword(3), 'db')], author)
    const { common, services } = await place.open().read()
    t.strictSame(common.get('A'), dword(1))
    t.strictSame(services.get('web')?.get('A'), dword(2))
    t.strictSame(services.get('db')?.get('A'), dword(3))
  })

  check('a reset removes the one value, and with its last value a service', async (t, place) => {
    const store = place.open()
    await store.change([set('A', dword(1)), set('A', dword(2), 'web'), set('B', dword(3), 'web')], author)
    await store.change([reset('A', 'web')], author)
    const without = await store.read()
    t.strictSame([...without.common], [['A', dword(1)]])
    t.strictSame([...(without.services.get('web') ?? [])], [['B', dword(3)]])
    t.strictSame([...(await store.change([reset('B', 'web')], author)).services], [])
  })

  check('the generation grows by one with each change set, however many changes it has', async (t, place) => {
    const store = place.open()
    t.equal((await store.change([set('A', dword(1)), set('B', dword(2))], author)).generation, 1)
    t.equal((await store.change([set('A', dword(2))], author)).generation, 2)
    t.equal((await place.open().change([reset('A')], author)).generation, 3)
    t.equal((await store.read()).generation, 3)
  })

  check('what is returned by a change is what is read after it', async (t, place) => {
    const store = place.open()
    for (const changes of [[set('A', dword(1), 'web')], [set('B', dword(1)), reset('A', 'web')]]) {
      const changed = await store.change(changes, author)
      t.strictSame(plain(await store.read()), plain(changed))
      t.strictSame(plain(await place.open().read()), plain(changed))
    }
  })

  check('a change set that makes no difference writes nothing', async (t, place) => {
    const store = place.open()
    t.equal((await store.change([], author)).generation, 0)
    t.equal((await store.change([reset('A'), reset('B', 'web')], author)).generation, 0)
    const before = await store.change([set('A', { format: 'BINARY', value: Uint8Array.of(1, 2) })], author)
    const same = [
      set('A', { format: 'BINARY', value: Uint8Array.of(1, 2) }),
      reset('B'),
      set('C', dword(1)),
      reset('C'),
    ]
    t.strictSame(plain(await store.change(same, author)), plain(before))
    t.strictSame(plain(await place.open().read()), plain(before))
  })

  check('another format of the same number is a difference', async (t, place) => {
    const store = place.open()
    await store.change([set('A', dword(1))], author)
    t.equal((await store.change([set('A', { format: 'LONG', value: 1 })], author)).generation, 2)
  })

  check('of several changes of one property the last one counts and is recorded', async (t, place) => {
    const { common, recent } = await place.open().change([set('A', dword(1)), reset('A'), set('A', dword(3))], author)
    t.strictSame(common.get('A'), dword(3))
    t.strictSame(recent[0]?.changes, [{ name: 'A', from: undefined, to: dword(3) }])
  })

  check('it is remembered who changed what from what to what, without what made no difference', async (t, place) => {
    const store = place.open()
    await store.change([set('A', dword(1)), set('B', dword(5), 'web')], author)
    const other: Author = { uid: undefined, pid: 7 }
    await store.change([set('A', dword(2)), set('B', dword(5), 'web')], other)
    await store.change([reset('B', 'web')], author)
    const { recent } = await place.open().read()
    t.strictSame(
      recent.map(({ at: _, ...changeSet }) => changeSet),
      [
        {
          generation: 1,
          author,
          changes: [
            { name: 'A', from: undefined, to: dword(1) },
            { service: 'web', name: 'B', from: undefined, to: dword(5) },
          ],
        },
        { generation: 2, author: other, changes: [{ name: 'A', from: dword(1), to: dword(2) }] },
        { generation: 3, author, changes: [{ service: 'web', name: 'B', from: dword(5), to: undefined }] },
      ],
    )
    for (const { at } of recent) t.equal(new Date(at).toISOString(), at)
  })

  check('the latest change sets are remembered, up to the limit', async (t, place) => {
    const store = place.open()
    const count = rememberedChanges + 3
    for (let number = 1; number <= count; number += 1) await store.change([set('A', dword(number))], author)
    const { generation, recent } = await place.open().read()
    t.equal(generation, count)
    t.equal(recent.length, rememberedChanges)
    t.equal(recent[0]?.generation, count - rememberedChanges + 1)
    t.equal(recent.at(-1)?.generation, count)
  })

  check('values of every format come back as they were', async (t, place) => {
    await place.open().change(
      values.map((value, at) => set(`P${at}`, value)),
      author,
    )
    const { common, recent } = await place.open().read()
    for (const [at, value] of values.entries()) {
      t.strictSame(common.get(`P${at}`), value, value.format)
      t.strictSame(recent[0]?.changes[at]?.to, value)
    }
    const bytes = common.get(`P${values.length - 1}`)?.value
    t.ok(bytes instanceof Uint8Array)
  })

  check('properties and services may have any name', async (t, place) => {
    const store = place.open()
    const common = hostileNames.map((name, at) => set(name, dword(at)))
    const privates = hostileNames.flatMap((service) => hostileNames.map((name, at) => set(name, dword(at), service)))
    await store.change([...common, ...privates], author)
    const read = await place.open().read()
    t.same([...read.common.keys()].sort(), [...hostileNames].sort())
    t.same([...read.services.keys()].sort(), [...hostileNames].sort())
    for (const [at, name] of hostileNames.entries()) {
      t.strictSame(read.common.get(name), dword(at))
      for (const service of hostileNames) t.strictSame(read.services.get(service)?.get(name), dword(at))
    }
    t.equal(({} as Record<string, unknown>).format, undefined)
    const after = await store.change([reset('__proto__'), reset('constructor', '__proto__')], author)
    t.notOk(after.common.has('__proto__'))
    t.notOk(after.services.get('__proto__')?.has('constructor'))
  })

  check('changes at the same time by one store object all land', async (t, place) => {
    const store = place.open()
    await Promise.all(Array.from({ length: 20 }, (_, at) => store.change([set(`P${at}`, dword(at))], author)))
    const { generation, common } = await store.read()
    t.equal(generation, 20)
    t.equal(common.size, 20)
  })

  check('changes at the same time by several store objects all land', async (t, place) => {
    const writers = Array.from({ length: 4 }, () => place.open())
    await Promise.all(
      writers.flatMap((store, writer) =>
        Array.from({ length: 5 }, (_, at) => store.change([set(`W${writer}P${at}`, dword(at))], author)),
      ),
    )
    const { generation, common, recent } = await place.open().read()
    t.equal(generation, 20)
    t.equal(common.size, 20)
    t.same(
      recent.map((changeSet) => changeSet.generation),
      Array.from({ length: 20 }, (_, at) => at + 1),
    )
  })

  check('a reader sees all of a change set or nothing of it', async (t, place) => {
    const writer = place.open()
    const reader = place.open()
    let done = false
    const writing = (async () => {
      for (let number = 1; number <= 30; number += 1) {
        await writer.change([set('A', dword(number)), set('A', dword(number), 'web')], author)
      }
      done = true
    })()
    let seen = 0
    while (!done) {
      const { generation, common, services } = await reader.read()
      t.strictSame(common.get('A'), services.get('web')?.get('A'))
      t.ok(generation >= seen, 'never goes back')
      seen = generation
    }
    await writing
  })

  check('whoever watches hears of what another store object changes, until the watching ends', async (t, place) => {
    const watching = place.open()
    const writer = place.open()
    await writer.change([set('A', dword(1))], author)
    let calls = 0
    const end = watching.watch(() => {
      calls += 1
    })
    t.teardown(end)
    for (const number of [2, 3]) {
      // What was heard of before must not stand for what comes now.
      await sleep(settleMs)
      const before = calls
      await writer.change([set('A', dword(number))], author)
      await until(() => calls > before, `a call for change ${number}`)
    }
    await sleep(settleMs)
    end()
    end()
    const before = calls
    await writer.change([set('A', dword(4))], author)
    await sleep(settleMs)
    t.equal(calls, before, 'no call after the end')
  })

  check('several may watch, and each hears', async (t, place) => {
    const heard = [false, false]
    for (const at of heard.keys()) {
      t.teardown(
        place.open().watch(() => {
          heard[at] = true
        }),
      )
    }
    await sleep(settleMs)
    await place.open().change([set('A', dword(1))], author)
    await until(() => heard.every(Boolean), 'a call for both')
  })
}

/** Longer than a store takes to tell of what has happened, on a machine with nothing else to do. */
const settleMs = 100

/** Generous: other tests use this machine too. */
const patienceMs = 30_000

async function until(check: () => boolean, what: string): Promise<void> {
  const end = Date.now() + patienceMs
  while (!check()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await sleep(10)
  }
}
