import { copyFileSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { formatNote } from '../../src/lock-note.js'
import type { PropertySnapshot, PropertyStore } from '../../src/property/store.js'
import { author, dword, set } from '../contract/property-store.js'
import { FixtureProcess } from '../support/fixture-process.js'
import { openStore, openTroubled, temporaryDirectory } from './store-place.js'

// Real processes, killed for real. What a loss of power leaves cannot be had here; the order of the steps stands for it.

const files = ['properties.json', 'properties.previous.json']

/** What is in both halves of the pair that a writer always sets together. */
function pairOf(t: Test, { common, services }: PropertySnapshot): unknown {
  const half = common.get('Pair')
  t.strictSame(half, services.get('web')?.get('Pair'), 'all or nothing')
  return half?.value
}

/** As the next writer finds it: no trouble, no wait, nothing left behind. */
async function checkNextChange(t: Test, directory: string, store: PropertyStore, after: number): Promise<void> {
  const { generation } = await store.change([set('Parent', dword(after))], author)
  t.equal(generation, after + 1, 'the next change follows')
  const names = readdirSync(directory).sort()
  t.strictSame(names, files, 'nothing else is left')
}

const kills = 300
/** Each in a directory of its own, so that the time a process takes to start is used. */
const lanes = 4
/** In ms: a change takes about one. */
const longestLife = 25

t.test(`a writer killed at ${kills} random points loses no completed change and blocks nobody`, async (t) => {
  let completed = 0
  const runLane = async (): Promise<void> => {
    const directory = temporaryDirectory(t)
    for (let number = 0; number < kills / lanes; number += 1) {
      const writer = new FixtureProcess(t, 'property/writes-for-ever.mjs', [directory])
      await writer.said(1)
      await sleep(Math.random() * longestLife)
      await writer.kill()
      completed += writer.lines.length
      await checkAfterKill(t, directory, Number(writer.lines.at(-1)))
    }
  }
  await Promise.all(Array.from({ length: lanes }, runLane))
  t.ok(completed > kills, `${completed} changes were complete`)
})

async function checkAfterKill(t: Test, directory: string, last: number): Promise<void> {
  const { store, troubles } = openTroubled(directory)
  const snapshot = await store.read()
  t.ok(snapshot.generation === last || snapshot.generation === last + 1, `${snapshot.generation} after ${last}`)
  t.equal(pairOf(t, snapshot), snapshot.generation - 1, 'the pair of that generation')
  t.equal(snapshot.recent.at(-1)?.generation, snapshot.generation)
  t.strictSame(troubles, [])
  await checkNextChange(t, directory, store, snapshot.generation)
}

/** A lock whose holder is dead: no process has this pid. */
const deadNote = formatNote({
  pid: 4_194_305,
  startTime: '1',
  bootId: 'another',
  born: new Date(0),
  nonce: '00',
})

for (const lock of ['none', 'of a dead writer'] as const) {
  t.test(
    `a writer killed before each of its steps leaves a whole generation (lock there before: ${lock})`,
    async (t) => {
      for (let step = 1; ; step += 1) {
        const directory = temporaryDirectory(t)
        await openStore(directory).change([set('Pair', dword(1)), set('Pair', dword(1), 'web')], author)
        if (lock !== 'none') symlinkSync(deadNote, join(directory, 'properties.lock'))
        const writer = new FixtureProcess(t, 'property/dies-at-step.mjs', [directory, String(step)])
        const end = await writer.ended
        const { store, troubles } = openTroubled(directory)
        const snapshot = await store.read()
        t.equal(pairOf(t, snapshot), snapshot.generation, `step ${step}: whole`)
        await checkNextChange(t, directory, store, snapshot.generation)
        t.strictSame(troubles, [])
        if (end === 0) {
          checkSteps(t, writer.lines.slice(writer.lines.indexOf('begin') + 1))
          t.ok(step > 12, `${step - 1} steps`)
          return
        }
        t.equal(end, 'SIGKILL')
      }
    },
  )
}

/** What survives a loss of power depends on this order alone: the bytes, then the name, then the directory. */
function checkSteps(t: Test, steps: readonly string[]): void {
  const synced = steps.indexOf('fsyncSync')
  const named = steps.lastIndexOf('renameSync')
  t.ok(steps.indexOf('writeFileSync') < synced, 'written, then synced')
  t.ok(synced < named, 'synced, then named')
  t.ok(named < steps.lastIndexOf('fsyncSync'), 'named, then the directory synced')
  t.equal(steps.filter((step) => step === 'fsyncSync').length, 2, 'two syncs are all it takes')
  t.equal(steps.at(-1), 'done 2')
}

t.test('four processes that write at the same time lose no change of each other', async (t) => {
  const directory = temporaryDirectory(t)
  const writers = ['a', 'b', 'c', 'd'].map(
    (writer) => new FixtureProcess(t, 'property/writes-many.mjs', [directory, writer, '25']),
  )
  await Promise.all(writers.map((writer) => writer.succeeded()))
  const { generation, common, recent } = await openStore(directory).read()
  t.equal(generation, 100)
  t.equal(common.size, 100)
  for (const writer of ['a', 'b', 'c', 'd']) {
    for (let number = 0; number < 25; number += 1) t.strictSame(common.get(`${writer}-${number}`), dword(number))
  }
  t.equal(new Set(recent.map((changeSet) => changeSet.generation)).size, recent.length)
  t.equal(new Set(recent.map((changeSet) => changeSet.author.pid)).size > 1, true, 'they took turns')
  t.strictSame(readdirSync(directory).sort(), files)
})

t.test('heirs of a dead writer that come at the same time lose no change of each other', async (t) => {
  for (let round = 0; round < 25; round += 1) {
    const directory = temporaryDirectory(t)
    symlinkSync(deadNote, join(directory, 'properties.lock'))
    const stores = Array.from({ length: 8 }, () => openStore(directory))
    await Promise.all(stores.map((store, at) => store.change([set(`P${at}`, dword(at))], author)))
    const { generation, common } = await openStore(directory).read()
    t.equal(generation, 8)
    t.equal(common.size, 8)
    t.strictSame(readdirSync(directory).sort(), files)
  }
})

t.test('drafts that killed writers left are removed by the next one, and nothing else is', async (t) => {
  const directory = temporaryDirectory(t)
  await openStore(directory).change([set('A', dword(1))], author)
  const left = ['properties.json.0123456789ab.tmp', 'properties.previous.json.tmp']
  const others = ['properties.json.bak', 'properties.json.tmp', 'other.tmp', 'properties.lock.txt']
  for (const name of [...left, ...others]) copyFileSync(join(directory, 'properties.json'), join(directory, name))
  symlinkSync(deadNote, join(directory, 'properties.lock.0123456789abcdef'))
  mkdirSync(join(directory, 'events'))
  await openStore(directory).change([set('A', dword(2))], author)
  t.strictSame(readdirSync(directory).sort(), [...files, ...others, 'events'].sort())
})
